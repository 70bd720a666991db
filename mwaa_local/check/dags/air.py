"""What ruff's remarks on Airflow mean for a release: what fails on it, what still works, what the next one breaks.

ruff knows Airflow 3.0 and no other release, so its remarks are first checked against `has`: the names that the release
itself can import. Not for rules that `rules` has in MWAA's own words (AIR003).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from mwaa_local.check.dags.air_remarks import Package, RuffRemark, remarks
from mwaa_local.finding import NAME, NOTE, WARNING, Finding, Subject, in_order
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, PinFile, Release

BEFORE_AIRFLOW_3 = "before the upgrade to Airflow 3"  # the release can do it already
WITH_AIRFLOW_3 = "with the upgrade to Airflow 3"
_WITH_AIRFLOW_3_1 = "with the upgrade to Airflow 3.1 or later"


@dataclass(frozen=True)
class AirRule:
    """One of ruff's rules. A severity of "" means that it has nothing to say about such releases."""

    severity: str  # on Airflow 3
    severity_before: str  # on Airflow 2
    why: str
    why_before: str = ""
    hint: str = ""  # where ruff has none
    is_removal: bool = False  # ruff says that Airflow 3 does not have it any more
    breaks_on_airflow_3: bool = False  # and not before, so that there is time until the upgrade


_REMOVED = "Airflow 3 no longer has it: the file, or the task, fails there."
_CHANGED = "Airflow 3 takes other arguments there: the call fails, or means something else."
_NEXT = "It works on this release, but not on Airflow 3, to which MWAA's newer environments move."
_STILL_WORKS = "It still works on this release; a later Airflow will not have it."
_ELSEWHERE_LATER = "It is right on this release; from Airflow 3.1 on it is elsewhere."
_ABSENT = "The file, or the task, fails where it imports it."
_NO_SUCCESSOR = "see the upgrade guide of Airflow 3 for what took its place, if anything did"
_OF_CONTRIB, _IN_PROVIDER = "airflow.contrib.", "import it from the provider that has it now"
_NO_SUCCESSOR_YET = "remove it: this release has no replacement"
AIR_RULES: Mapping[str, AirRule] = {
    "AIR002": AirRule(
        severity=NOTE,
        severity_before=WARNING,
        why="Without one, Airflow 3 only runs the DAG when it is triggered; Airflow 2 ran it daily.",
        why_before="Without one, Airflow 2 runs the DAG daily; Airflow 3 only when it is triggered.",
        hint="write the schedule: a cron expression, or None",
    ),
    "AIR301": AirRule(WARNING, NOTE, _REMOVED, _NEXT, is_removal=True, breaks_on_airflow_3=True),
    "AIR302": AirRule(WARNING, NOTE, _REMOVED, _NEXT, _IN_PROVIDER, is_removal=True, breaks_on_airflow_3=True),
    "AIR303": AirRule(WARNING, NOTE, _CHANGED, _NEXT, "call it with Airflow 3's arguments", breaks_on_airflow_3=True),
    "AIR304": AirRule(
        severity=WARNING,
        severity_before="",
        why="Each load of the file then makes a new version of the DAG, and the metadata database grows without end.",
        hint="give a value that stays, or a template such as {{ ds }}",
    ),
    "AIR311": AirRule(NOTE, "", _STILL_WORKS, ""),
    "AIR312": AirRule(NOTE, "", _STILL_WORKS, "", _IN_PROVIDER),
    "AIR321": AirRule(NOTE, "", "Airflow 3.1 moved it; the old place will go.", "", "import it from the new place"),
}
_SDK = "airflow.sdk"
_INTERVAL_END = ("use data_interval_end", "2.2.0")
_PLUGINS_HOLD_NONE = ("import the classes from their module: plugins do not carry them", "2.0.0")
# What ruff knows no successor of, or names one that the next release moves again. By the name that it tells of, and
# with the first release on which it can be done. Source: Airflow's upgrade guide to 3 and templates reference of 2.2.
_HINTS: Mapping[str, tuple[str, str]] = {
    "airflow.hooks.base_hook.BaseHook": (
        "import it from airflow.hooks.base; from Airflow 3.1 on, from airflow.sdk",
        "2.0.0",
    ),
    "airflow.operators.subdag.SubDagOperator": ("use a TaskGroup", "2.0.0"),
    "airflow.operators.subdag_operator.SubDagOperator": ("use a TaskGroup", "2.0.0"),
    "airflow.utils.dates.days_ago": ("write the date itself", "2.0.0"),
    "airflow.utils.db.create_session": ("import it from airflow.utils.session; in DAGs, do without it", "2.0.0"),
    "conf": ("import conf from airflow.configuration", "2.0.0"),
    "create_asset": ("give its arguments by name", "3.0.0"),
    "create_dagrun": ("let a TriggerDagRunOperator start the run", "2.0.0"),
    "Asset": ("give extra= by its name", "3.0.0"),
    "Dataset": ("give extra= by its name", "2.4.0"),
    "execution_date": ("use logical_date", "2.2.0"),
    "executors": _PLUGINS_HOLD_NONE,
    "external_trigger": ("ask for run_type", "2.0.0"),
    "get_link": ("write it as get_link(self, operator, *, ti_key)", "2.3.0"),
    "hooks": _PLUGINS_HOLD_NONE,
    'inlet_events["<uri>"]': ("use the asset itself: inlet_events[Asset(…)]", "3.0.0"),
    "next_ds": _INTERVAL_END,
    "next_ds_nodash": _INTERVAL_END,
    "next_execution_date": _INTERVAL_END,
    "operators": _PLUGINS_HOLD_NONE,
    "prev_ds": ("compute it from logical_date", "2.2.0"),
    "prev_ds_nodash": ("compute it from logical_date", "2.2.0"),
    "prev_execution_date": ("compute it from logical_date", "2.2.0"),
    "prev_execution_date_success": ("use prev_data_interval_start_success", "2.2.0"),
    "sensors": _PLUGINS_HOLD_NONE,
    "sla": ("use a deadline alert, which Airflow has from 3.1 on", "3.1.0"),
    "sla_miss_callback": ("use a deadline alert, which Airflow has from 3.1 on", "3.1.0"),
    "tomorrow_ds": ("use macros.ds_add(ds, 1)", "2.0.0"),
    "tomorrow_ds_nodash": ("use macros.ds_add(ds, 1)", "2.0.0"),
    "yesterday_ds": ("use macros.ds_add(ds, -1)", "2.0.0"),
    "yesterday_ds_nodash": ("use macros.ds_add(ds, -1)", "2.0.0"),
}
# Arguments that ruff says to use instead, and the first release of Airflow 2 in MWAA's list that takes them.
_ARGUMENTS_SINCE: Mapping[str, str] = {
    "logical_date": "2.9.0",
    "max_active_tasks": "2.2.0",
    "max_active_tis_per_dag": "2.2.0",
    "none_failed_min_one_success": "2.2.0",
    "schedule": "2.4.0",
    "use_task_logical_date": "2.4.0",
}
# Taken without an error and without an effect. Source: Airflow 3, `BaseOperator` and `DAG` (task SDK).
_WITHOUT_EFFECT = frozenset({"sla", "sla_miss_callback"})
_IGNORED = "Airflow 3 takes it and does nothing with it."
# Of which ruff says that Airflow 3 removed them, and 3.0 to 3.3 still have them: no matter for the upgrade.
KEPT = frozenset(
    (
        "airflow.notifications.basenotifier.BaseNotifier",
        "airflow.operators.email.EmailOperator",
        "airflow.operators.python.get_current_context",
    )
)


def air_findings(
    paths: Sequence[Path],
    root_dir: Path,
    release: Release,
    env: Mapping[str, str],
    has: Mapping[str, bool] | None = None,
) -> tuple[Finding, ...]:
    """Return what ruff's Airflow rules find in the files, each remark once a file, with paths below `root_dir`.

    `has` says of names, as `air_names` returns them, whether the release can import them; ruff is believed about the
    others. What fails on the release is a warning (importing the file tells whether it does), what only the next one
    breaks a note. Airflow 1.10 has none: what ruff advises is not there yet.
    """
    names = {str(path.absolute()): _shown(path, root_dir) for path in paths}
    found: dict[tuple[str, str, str], Finding] = {}
    for remark in _remarks(paths, root_dir, release, env):
        finding = _ReleaseRemark(remark, AIR_RULES[remark.code], release, has or {}).finding(names[remark.path])
        if finding is not None:
            found.setdefault((finding.path, finding.rule, finding.what), finding)
    return in_order(found.values())


def air_names(paths: Sequence[Path], root_dir: Path, release: Release, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the dotted names that ruff's remarks are about, and those that they advise."""
    found = _remarks(paths, root_dir, release, env)
    names = {name for item in found for name in (item.subject, item.successor, _public(item.place[0]))}
    return tuple(sorted(name for name in names if name.startswith("airflow.")))


def _public(name: str) -> str:
    """Return the name as Airflow's own interface for DAG files has it, if it has it."""
    return f"{_SDK}.{name}"


def _remarks(paths: Sequence[Path], root_dir: Path, release: Release, env: Mapping[str, str]) -> list[RuffRemark]:
    is_new = release.generation == "3.x"
    codes = [code for code, rule in AIR_RULES.items() if (rule.severity if is_new else rule.severity_before)]
    files = {str(path.absolute()) for path in paths}
    # ruff's rules speak of what changes from Airflow 2 to 3.
    if not files or not release.is_at_least("2.0.0"):
        return []
    return [item for item in remarks(sorted(files), codes, root_dir, env) if item.path in files]


def _shown(path: Path, root_dir: Path) -> str:
    return path.relative_to(root_dir).as_posix() if path.is_relative_to(root_dir) else path.as_posix()


@dataclass(frozen=True)
class _ReleaseRemark:
    """One remark, as it is told of one release."""

    remark: RuffRemark
    rule: AirRule
    release: Release
    has: Mapping[str, bool]

    def finding(self, path: str) -> Finding | None:
        if not self._is_new and self.remark.subject in KEPT:
            return None
        what, why = self._what_and_why()
        hint, is_for_later = self._hint()
        return Finding(
            rule=f"ruff-{self.remark.code}",
            severity=self._severity(),
            path=path,
            line=self.remark.line,
            what=what,
            why=why,
            hint=hint,
            subjects=(Subject(NAME, self.remark.subject),) if self.remark.subject else (),
            is_for_later=is_for_later,
        )

    @property
    def _is_new(self) -> bool:
        return self.release.generation == "3.x"

    @property
    def _is_there(self) -> bool | None:
        """Whether the release has the name that the remark is about; None where that is not known."""
        return self.has.get(self.remark.subject)

    def _severity(self) -> str:
        if self._is_there is False:
            return WARNING
        if self._is_there and self._is_new:
            return NOTE
        return self.rule.severity if self._is_new else self.rule.severity_before

    def _what_and_why(self) -> tuple[str, str]:
        """Return two sentences that do not contradict each other."""
        subject = self.remark.subject
        if self._is_there is False and not (self._is_new and self.rule.is_removal):
            return f"Airflow {self.release.airflow_version} does not have `{subject}`", _ABSENT
        if not self._is_new:
            return self.remark.gist, self.rule.why_before
        if subject in _WITHOUT_EFFECT:
            return f"`{subject}` has no effect since Airflow 3.0", _IGNORED
        if self.remark.code == "AIR311" or (self._is_there and self.rule.is_removal):
            return self.remark.gist_of_deprecation, _STILL_WORKS
        if self._is_too_early:
            return self.remark.gist, _ELSEWHERE_LATER
        return self.remark.gist, self.rule.why

    @property
    def _is_too_early(self) -> bool:
        """Whether the remark is about a release after this one, of the same generation."""
        return self.remark.code == "AIR321" and not self.release.is_at_least("3.1.0")

    def _hint(self) -> tuple[str, bool]:
        """Return what to do, and when, if the release cannot have it done yet; and whether it is for Airflow 3 only."""
        hint, is_possible = self._advice()
        if self._is_too_early and not is_possible:
            return f"{_WITH_AIRFLOW_3_1}: {hint}", False
        if self._is_new or not self.rule.breaks_on_airflow_3:
            return hint, False
        if self._is_there is False:
            return hint if is_possible else _NO_SUCCESSOR_YET, False
        return f"{BEFORE_AIRFLOW_3 if is_possible else WITH_AIRFLOW_3}: {hint}", True

    def _advice(self) -> tuple[str, bool]:
        """Return what to do: ruff's advice where it helps, else ours; and whether the release can have it done."""
        remark = self.remark
        if remark.instead:
            since = _ARGUMENTS_SINCE.get(remark.instead, "3.0.0")
            return f"use `{remark.instead}` instead", self.release.is_at_least(since)
        if remark.subject in _HINTS:
            hint, since = _HINTS[remark.subject]
            return hint, self.release.is_at_least(since)
        if remark.successor:
            return self._successor(remark.package)
        if remark.subject.startswith(_OF_CONTRIB):
            return _IN_PROVIDER, True
        return remark.advice or self.rule.hint or (_NO_SUCCESSOR if "." in remark.subject else "remove it"), True

    def _successor(self, package: Package | None) -> tuple[str, bool]:
        """Return how to have the name that took the subject's place, and whether this release can."""
        name, module = self.remark.place
        if module.startswith(_SDK) and self.has.get(_public(name)):
            return f"use `{name}` from `{_SDK}`", True
        use, is_there = f"use `{name}` from `{module}`", self.has.get(self.remark.successor)
        if is_there or (package is not None and _is_in(self.release.packages.base, package)):
            return use, True
        if package is not None:
            is_possible = self._is_new or _is_in(PinFile(self.release.constraints_path), package)
            newest = Release.load(DEFAULT_AIRFLOW_VERSION)
            if not is_possible and _is_in(newest.packages.base, package):
                return use, False  # it is in the image then
            return f"add {package.name}>={package.version} to the requirements file and {use}", is_possible
        if is_there is False and self._is_new and not self._is_too_early:
            return _NO_SUCCESSOR, True
        return use, self._is_new and not self._is_too_early


def _is_in(pins: Mapping[str, str], package: Package) -> bool:
    pinned = pins.get(package.name)
    return pinned is not None and Version(pinned) >= Version(package.version)
