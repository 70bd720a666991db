"""What happened to an environment, with our precise reasons, which MWAA does not tell."""

from __future__ import annotations

from mwaa_local.api.environments.record import MAX_EVENTS, RecordedEvent
from mwaa_local.api.environments.served import Served
from mwaa_local.api.page.document import part
from mwaa_local.api.page.html import Markup, element
from mwaa_local.api.page.secrets import shown
from mwaa_local.api.page.words import when
from mwaa_local.masking import Mask

SHOWN_EVENTS = 50
assert SHOWN_EVENTS <= MAX_EVENTS


def events_part(served: Served, mask: Mask) -> Markup:
    """Return the section with the newest events, the newest first."""
    newest = served.events[: -SHOWN_EVENTS - 1 : -1]
    if not newest:
        return part("events", "Events", element("p", "Nothing has happened yet."))
    return part("events", "Events", element("ol", *(_event(event, mask) for event in newest), class_="events"))


def reason(served: Served, mask: Mask) -> Markup | None:
    """Return why the last thing that was done to the environment failed; None where it did not."""
    failures = [event for event in served.events if event.is_failure]
    if not failures or (served.last_update or {}).get("Status") == "SUCCESS":
        return None
    return element("div", *_words(failures[-1], mask), class_="failure")


def _event(event: RecordedEvent, mask: Mask) -> Markup:
    what, *more = _words(event, mask)
    line = element("p", when(event.at), " ", what, class_="failure" if event.is_failure else False)
    return element("li", line, *more)


def _words(event: RecordedEvent, mask: Mask) -> list[Markup]:
    """Return what happened, why, and what to do."""
    is_unsaid = event.is_failure and "fail" not in event.what  # not by its colour alone
    words = [element("span", "failed: " if is_unsaid else None, shown(event.what, mask))]
    if event.why:
        words.append(element("pre", shown(event.why, mask)))
    if event.hint:
        words.append(element("p", "What to do: ", shown(event.hint, mask)))
    return words
