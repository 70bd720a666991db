"""How the page looks. One style sheet, in the page itself, for light and dark."""

STYLE = """
:root { color-scheme: light dark;
  --ground: #f4f5f7; --card: #fff; --ink: #16191f; --soft: #545b64; --line: #d5dbdb; --link: #0550ae;
  --good: #1a6e38; --goodground: #e3f5e8; --busy: #0b5394; --busyground: #e1eefb; --bad: #a41515; --badground: #fde7e7;
  --idle: #545b64; --idleground: #eceef0; --act: #0b5394; --acted: #fff; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #101418; --card: #1a2027; --ink: #e6e9ec; --soft: #a9b2bb; --line: #36404a; --link: #7cb7ff;
  --good: #7fdb9a; --goodground: #12351f; --busy: #8cc4ff; --busyground: #12304d; --bad: #ff9d9d; --badground: #471a1a;
  --idle: #b6bec6; --idleground: #2a323a; --act: #8cc4ff; --acted: #0c1116; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
a { color: var(--link); }
a:focus-visible, button:focus-visible, select:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link);
  outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem; }
body > header, main { max-width: 78rem; margin: 0 auto; padding: 1rem 1.25rem; }
body > header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; padding-bottom: 0; }
body > header p { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
#live.lost { color: var(--bad); font-weight: 600; }
h1 { font-size: 1.6rem; margin: .5rem 0; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 0 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.25rem;
  margin: 1rem 0; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; margin: .5rem 0; }
nav [aria-current] { font-weight: 700; color: var(--ink); text-decoration: none; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .75rem 1.5rem; margin: 0; }
dt, caption, .soft { color: var(--soft); font-size: .85rem; } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-size: .85rem; font-weight: 600; } tbody th { font-weight: 500; }
time, .options td:nth-child(2) { white-space: nowrap; } .options th { overflow-wrap: anywhere; min-width: 19rem; }
.options td:last-child { overflow-wrap: anywhere; min-width: 12rem; }
code, pre, .log { font: 13px/1.45 ui-monospace, monospace; }
pre { margin: .25rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.log { max-height: 34rem; overflow: auto; border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .75rem; }
.log p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
.log time, .log b { color: var(--soft); font-weight: 500; }
.status { display: inline-block; padding: .05rem .6rem; border-radius: 1rem; font-weight: 600; font-size: .85rem;
  color: var(--idle); background: var(--idleground); }
.status.good { color: var(--good); background: var(--goodground); }
.status.busy { color: var(--busy); background: var(--busyground); }
.status.bad { color: var(--bad); background: var(--badground); }
.failure { color: var(--bad); } .events { list-style: none; padding: 0; margin: 0; }
.events li { border-top: 1px solid var(--line); padding: .45rem 0; overflow-wrap: anywhere; }
.events li:first-child { border-top: 0; } .events p { margin: 0; }
form { display: inline-flex; gap: .5rem; align-items: center; flex-wrap: wrap; margin: 0; }
h2 + form { margin: .25rem 0 1rem; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem 2rem; } figure { flex: 1 1 17rem; min-width: 0; margin: 0; }
figcaption { margin-bottom: .25rem; } svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; } svg line { stroke: var(--line); }
svg .line { fill: none; stroke: var(--act); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
svg .second { stroke: var(--bad); stroke-dasharray: 2 4; } .named { margin-right: 1rem; }
.key { display: inline-block; width: 1.5rem; border-top: 3px solid var(--act); vertical-align: middle; }
.key.second { border-top: 3px dotted var(--bad); }
button, select { font: inherit; padding: .3rem .9rem; border-radius: .4rem; border: 1px solid var(--act); }
button { background: var(--act); color: var(--acted); font-weight: 600; cursor: pointer; }
select { background: var(--card); color: var(--ink); padding: .3rem .5rem; }
"""
