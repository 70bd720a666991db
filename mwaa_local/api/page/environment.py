"""One environment: what it is, what runs, and why it is as it is."""

from __future__ import annotations

from mwaa_local.api.environments.served import Served
from mwaa_local.api.page.document import part
from mwaa_local.api.page.events import reason
from mwaa_local.api.page.html import Content, Markup, element, facts, joined, table
from mwaa_local.api.page.opening import open_form
from mwaa_local.api.page.overview import DASH, last_error, update_time
from mwaa_local.api.page.secrets import shown
from mwaa_local.api.page.words import counts, status, when
from mwaa_local.masking import Mask

WORKER = "worker"


def summary_part(served: Served, mask: Mask) -> Markup:
    """Return the section with the members that people ask for first."""
    members, look = served.members, served.look
    operation = served.record.operation
    pairs: list[tuple[str, Content]] = [
        ("Status", joined([status(served.status), _why(served)], " ")),
        ("Airflow", members.get("AirflowVersion", DASH)),
        ("Class", members.get("EnvironmentClass", DASH)),
        ("Workers", f"{counts(members, 'Workers')}, {_running_workers(served)} now"),
        ("Web servers", counts(members, "Webservers")),
        ("Schedulers", str(members.get("Schedulers", DASH))),
        ("Source bucket", members.get("SourceBucketArn", DASH)),
        ("Created", when(served.created_at)),
        ("Last update", update_time(served)),
        ("Address", served.door.url if look.is_running and served.door else DASH),
        ("Folder", str(served.project.root_dir)),
        ("Tags", ", ".join(f"{key}={value}" for key, value in sorted(served.tags.items())) or DASH),
    ]
    if operation is not None:
        pairs.insert(
            1, ("Being done", joined([f"{operation.kind}, {operation.phase}, since", when(operation.began)], " "))
        )
    error = last_error(served)
    told = element("p", "Last error: ", shown(error, mask), class_="failure") if error else None
    cause = reason(served, mask) if error else None
    return part("summary", "Environment", open_form(served, with_roles=True), facts(pairs), told, cause)


def components_part(served: Served, mask: Mask) -> Markup:
    """Return the section on what runs of the environment."""
    statuses = served.look.statuses
    if not statuses:
        return part("components", "Components", element("p", "None runs."))
    rows = [
        (item.name, status(item.state), when(item.since), str(item.restarts or ""), shown(item.detail, mask))
        for item in statuses
    ]
    heads = ("component", "state", "since", "restarts", "")
    return part("components", "Components", table("What runs of the environment", heads, rows))


def _why(served: Served) -> Markup | None:
    why = served.look.why
    return element("span", why, class_="soft") if why and served.record.operation is None else None


def _running_workers(served: Served) -> int:
    return sum(item.name == WORKER or item.name.startswith(f"{WORKER}.") for item in served.look.statuses)
