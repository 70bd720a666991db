"""A rehearsal as text, JSON and what CI reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mwaa_local.check.part import FAILED, FOUND, OK, SKIPPED, UNCHECKED, Part
from mwaa_local.check.report.ci import problems_github, problems_sarif, suites_junit
from mwaa_local.check.report.listing import Colour, plain
from mwaa_local.check.report.parts import parts_json, parts_text
from mwaa_local.check.report.problems import Problem
from mwaa_local.check.showing import shown, shown_finding
from mwaa_local.console import BOLD, GREEN, RED, table
from mwaa_local.finding import ERROR, WARNING, Finding, count, counted, in_order
from mwaa_local.upgrade.rehearsed import Rehearsed, worst_exit_code

NOTHING_CHANGED = "Nothing was changed: this was tried in copies of your files."
NOTHING = "-"


def text(rehearsed: Sequence[Rehearsed], *, colour: Colour = plain, whole_by: str = "") -> str:
    """Return a table of the releases if there are several, then each of them.

    `whole_by` is the command that shows all findings; where several releases were asked for, the table is all.
    """
    asked = [item for item in rehearsed if not item.on_the_way_to]
    blocks = [summary_table(rehearsed)] if len(rehearsed) > 1 else []
    if len(asked) == 1 or not whole_by:
        blocks += [block for item in rehearsed for block in _blocks(item, colour, whole_by)]
    else:
        blocks.append(f"details of one: mwaa-local upgrade --to {asked[0].airflow_version}; of all: {whole_by}")
    return "\n\n".join([*blocks, NOTHING_CHANGED])


def summary_table(rehearsed: Sequence[Rehearsed]) -> str:
    """Return a table with a row for each release and a column for each part."""
    headers = ("airflow", *(part.name for part in rehearsed[0].parts))
    return table(headers, [(item.airflow_version, *map(_cell, item.parts)) for item in rehearsed])


def _cell(part: Part) -> str:
    """Return the errors, else the warnings, else that all is well; notes ask for nothing."""
    if part.outcome in (SKIPPED, UNCHECKED):
        return NOTHING if part.outcome == SKIPPED else UNCHECKED
    for severity in (ERROR, WARNING):
        if number := sum(item.severity == severity for item in part.findings):
            return counted(number, severity)
    return OK


def _blocks(item: Rehearsed, colour: Colour, whole_by: str) -> Iterator[str]:
    yield "\n".join([colour(_headline(item), BOLD), *_summary(item)])
    yield parts_text(item.parts, colour=colour, whole_by=whole_by)
    if item.diff:
        yield f"proposed changes, {_written_by(item)}:\n\n" + _coloured(shown(item.diff).rstrip("\n"), colour)
    if not whole_by and (rows := [each for each in item.defaults if each.is_of_both]):
        told = table(
            ("option", "default", "then"), [(each.option, each.before or "", each.after or "") for each in rows]
        )
        yield f"options with another default:\n\n{shown(told)}"
    if item.already:
        yield f"not from this move, but found today as well: {count(item.already)}; see `mwaa-local check`"


def _written_by(item: Rehearsed) -> str:
    command = _command(item)
    return f"without AirflowVersion, which `{command}` writes" if command else "without AirflowVersion"


def _command(item: Rehearsed) -> str:
    """Return the command that carries the move out; "" where one update does not."""
    return f"mwaa-local upgrade --to {item.airflow_version} --yes" if item.move.is_allowed else ""


def _headline(item: Rehearsed) -> str:
    source, target = item.move.source, item.move.target
    way = f" (on the way to {item.on_the_way_to})" if item.on_the_way_to else ""
    versions = f"Airflow {source.airflow_version} → {target.airflow_version}"
    return f"{versions}, Python {source.python_version} → {target.python_version}{way}"


def _summary(item: Rehearsed) -> Iterator[str]:
    """Yield at most three lines: what breaks, what to look at, what is fine."""
    groups = {
        "breaks": [part for part in item.parts if part.outcome == FAILED],
        "not checked": [part for part in item.parts if part.outcome == UNCHECKED],
        "look at": [part for part in item.parts if part.outcome == FOUND],
        "fine": [part for part in item.parts if part.outcome == OK],
    }
    for words, parts in groups.items():
        if parts:
            yield f"  {words + ':':<12} {', '.join(map(_counted_part, parts))}"


def _counted_part(part: Part) -> str:
    return f"{part.name} ({count(part.findings)})" if part.findings else part.name


def _coloured(diff: str, colour: Colour) -> str:
    codes = {"+": GREEN, "-": RED}
    return "\n".join(colour(line, codes[line[0]]) if line[:1] in codes else line for line in diff.split("\n"))


def as_json(rehearsed: Sequence[Rehearsed], unfinished: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return plain values for JSON. Every key is always there.

    - `exit_code`: 0, 1 or 3, as the command ends
    - `unfinished`: null, or an upgrade that is not over: `from`, `to`, `step`, `status`, and `next`, what becomes of it
    - `rehearsed`: a list, in the order of the report, of
      - `from`, `to`: Airflow versions; `direction`: `upgrade`, `downgrade` or `none`
      - `allowed`: whether MWAA takes this update; `route`: the versions to go through, from the first to the last,
        [] where no way leads there; `on_the_way_to`: the version that was asked for, where this is a hop to it, else ""
      - `exit_code`, `parts`: as of `mwaa-local check --json`, with findings that the move brings
      - `already`: findings that today's release has too
      - `defaults`: `option`, `before` and `after`, null where that Airflow has no such option
      - `diff`: the proposed changes, as a unified diff, without AirflowVersion
      - `carried_out_by`: the command that moves the environment and writes AirflowVersion; "" where one update does not
    """
    found = [_json(item) for item in rehearsed]
    return {"exit_code": worst_exit_code(rehearsed), "unfinished": unfinished, "rehearsed": found}


def _json(item: Rehearsed) -> dict[str, Any]:
    asked = item.move
    return {
        "from": asked.source.airflow_version,
        "to": asked.target.airflow_version,
        "direction": str(asked.direction),
        "allowed": asked.is_allowed or asked.is_nothing,
        "route": [release.airflow_version for release in (asked.source, *asked.hops)] if asked.hops else [],
        "on_the_way_to": item.on_the_way_to,
        **parts_json(item.parts),
        "already": [shown_finding(finding).plain() for finding in in_order(item.already)],
        "defaults": [asdict(each) for each in item.defaults],
        "diff": shown(item.diff),
        "carried_out_by": _command(item),
    }


def junit(rehearsed: Sequence[Rehearsed]) -> str:
    """Return JUnit XML: a suite for each release and part, a case for each rule that found something."""
    return suites_junit(
        [
            (f"{part.name} on Airflow {item.airflow_version}", part.findings, part.elapsed_s, part.skipped)
            for item in rehearsed
            for part in item.parts
        ]
    )


def sarif(rehearsed: Sequence[Rehearsed]) -> str:
    """Return a SARIF log, in which a finding of several releases is one result."""
    return problems_sarif(_problems(rehearsed))


def github(rehearsed: Sequence[Rehearsed]) -> str:
    """Return GitHub workflow commands, a finding of several releases once."""
    return problems_github(_problems(rehearsed))


def _problems(rehearsed: Sequence[Rehearsed]) -> tuple[Problem, ...]:
    found: dict[Finding, list[str]] = {}
    for item in rehearsed:
        for finding in item.findings:
            found.setdefault(shown_finding(finding), []).append(item.airflow_version)
    return tuple(
        Problem(finding, tuple(found[finding]), len(found[finding]) == len(rehearsed)) for finding in in_order(found)
    )
