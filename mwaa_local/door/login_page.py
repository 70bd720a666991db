"""Our own pages of signing in: plain HTML, one small script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:15vh auto;padding:0 1rem;color:#16191f}"
    "code{background:#eaeded;padding:.1rem .3rem}"
)
# The token leaves the address bar and the history before anything else happens.
SCRIPT = """
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const say = text => { document.getElementById("said").textContent = text; };
const main = async () => {
  if (!token) { say("There is no token in this address. " + document.body.dataset.hint); return; }
  const answer = await fetch(document.body.dataset.post,
    {method: "POST", body: new URLSearchParams({token}), credentials: "same-origin"});
  if (answer.ok) { location.replace("/"); } else { say(await answer.text()); }
};
main().catch(() => say("The environment does not answer. Is it running?"));
"""
GO_ON_PATH = "/_mwaa-local/as-admin"  # where a browser forgets that somebody wanted to sign in
HINT = "Make one with create-web-login-token, or run: mwaa-local open"


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _headers(forms_go_to: str, referrer: str) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Referrer-Policy": referrer,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": (
            f"default-src 'none'; script-src {_hash(SCRIPT)}; style-src {_hash(STYLE)}; connect-src 'self';"
            f" base-uri 'none'; form-action {forms_go_to}; frame-ancestors 'none'"
        ),
    }


PAGE_HEADERS = _headers("'none'", "no-referrer")
# With `no-referrer` the form's Origin would be `null`, as that of a page which hides where it is from.
SIGNED_OUT_HEADERS = _headers("'self'", "same-origin")


def sign_in_page(post_path: str) -> str:
    """Return the page that posts the token in its own address."""
    body = f'<body data-post="{html.escape(post_path)}" data-hint="{html.escape(HINT)}">'
    said = '<p id="said" role="status">Signing in …</p>\n<noscript>This page needs JavaScript.</noscript>'
    return _page("Sign in", body, said, f"<script>{SCRIPT}</script>")


def token_wanted_page() -> str:
    """Return the page for who comes without a session where only tokens are taken."""
    ways = "Run <code>mwaa-local open</code>, or make a web login token with <code>create-web-login-token</code>."
    return _page("Sign in", "<body>", f"<h1>Not signed in</h1>\n<p>{ways}</p>")


def signed_out_page() -> str:
    """Return the page for who was signed in, or tried to, where everybody else is admin."""
    why = "Your session has ended, or signing in failed."
    ways = (
        "Run <code>mwaa-local open</code>, with <code>--role</code> for another role than Admin, or make a web login"
        " token with <code>create-web-login-token</code>."
    )
    go_on = "Or go on as admin, as everybody does here who does not sign in:"
    form = f'<form method="post" action="{GO_ON_PATH}"><button>Go on as admin</button></form>'
    return _page("Signed out", "<body>", f"<h1>Not signed in</h1>\n<p>{why} {ways}</p>\n<p>{go_on}</p>\n{form}")


def _page(title: str, body: str, *parts: str) -> str:
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    return "\n".join(["<!doctype html>", f'<html lang="en"><head>{head}</head>', body, *parts, "</body></html>\n"])
