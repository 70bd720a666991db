"""What keeps a page that is open up to date. Without it the browser loads the page anew, and all else works as well.

Only parts that changed are replaced, and none in which somebody marks text or has a control in hand: these wait.
"""

REFRESH_S = 5

SCRIPT = """
const PAUSE = EVERY_MS, live = document.getElementById("live"), told = live.textContent;
const parts = page => [...page.querySelectorAll("[data-live]")];
const shown = new Map(parts(document).map(part => [part.id, part.outerHTML]));
const inUse = part => {
  const marked = getSelection();
  return part.querySelector("select:focus") !== null
    || !marked.isCollapsed && (part.contains(marked.anchorNode) || part.contains(marked.focusNode));
};
const controls = part => [...part.querySelectorAll("a, button, select, [tabindex]")];
const isAtEnd = log => log.scrollHeight - log.scrollTop - log.clientHeight < 8;
const toEnd = () => document.querySelectorAll(".log").forEach(log => { log.scrollTop = log.scrollHeight; });
const replace = (part, fresh) => {
  const before = part.querySelector(".log"), follows = before && isAtEnd(before), at = before && before.scrollTop;
  const focused = controls(part).indexOf(document.activeElement);
  part.replaceWith(fresh);
  const log = fresh.querySelector(".log");
  if (log && before) log.scrollTop = follows ? log.scrollHeight : at;
  if (focused >= 0) controls(fresh)[focused]?.focus({preventScroll: true});
};
const look = async () => {
  const answer = await fetch(location.href, {cache: "no-store"});
  if (answer.status === 404) { location.replace("/_mwaa-local/"); return; }
  if (!answer.ok) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const fresh of parts(page)) {
    const part = document.getElementById(fresh.id), written = fresh.outerHTML;
    if (!part || shown.get(fresh.id) === written || inUse(part)) continue;
    replace(part, document.adoptNode(fresh));
    shown.set(fresh.id, written);
  }
  live.textContent = told;
  live.className = "";
};
const again = async () => {
  try { if (!document.hidden) await look(); }
  catch { live.textContent = "no answer: what you see is old"; live.className = "lost"; }
  setTimeout(again, PAUSE);
};
toEnd();
if ("on" in live.dataset) setTimeout(again, PAUSE);
""".replace("EVERY_MS", str(REFRESH_S * 1000))
