"""Homes of processes: made anew for each start, with a run of the startup script in each, real bash and real mounts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local import isolation
from mwaa_local.errors import AlreadyRunning, StartupScriptFailed
from mwaa_local.packages import PythonEnvironment
from mwaa_local.plan import Component, ExitedOk, Plan
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.process.homes import (
    Homes,
    UnfinishedHome,
    remove_homes,
    remove_temporary,
    shown_in_homes,
)
from mwaa_local.runtime.process.more_workers import (
    make_homes,
    remember_start,
    remove_homes_of_others,
    take_homes_in,
)
from mwaa_local.runtime.process.scripts import ScriptRuns

RELEASE = Release.load("3.3.1")
NAMES = ["scheduler", "worker.1", "worker.2", "webserver"]
PLAN = Plan((), "3.3.1", {}, "", "", "", "/usr/local/airflow")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "dags").mkdir()
    (tmp_path / ".mwaa-local" / "airflow").mkdir(parents=True)
    return Project(tmp_path)


@pytest.fixture
def packages(tmp_path: Path) -> PythonEnvironment:
    folder = tmp_path / ".mwaa-local" / "packages" / "one"
    (folder / "lib").mkdir(parents=True)
    (folder / "bin").mkdir()
    return PythonEnvironment(folder, RELEASE.python_version, "digest")


def begun(
    project: Project, packages: PythonEnvironment, running: Plan | None = None
) -> tuple[Homes, list[UnfinishedHome]]:
    homes = Homes.next_of(project, shown_in_homes(project, project.delivery.shown()), running)
    return homes, [homes.begin(name, packages, RELEASE) for name in homes.missing_of(NAMES)]


def made(homes: Homes) -> list[str]:
    """Return the homes that are whole, by name."""
    folders = homes.folder.glob("*/") if homes.folder.exists() else ()
    return sorted(path.name for path in folders if not path.name.endswith((".new", ".packages")))


def plan_of(homes: Homes, *names: str) -> Plan:
    """Return a plan with components in these homes."""
    components = tuple(Component(name, (), {}, ExitedOk(), home=name) for name in names)
    return replace(PLAN, components=components, homes_dir=str(homes.folder), folders=homes.shown)


def come(project: Project, plan: Plan, running: Plan) -> None:
    """Have the homes of workers made that come, and brought to the others."""
    make_homes(project, plan, running)
    take_homes_in(project, plan, running)


def runs(project: Project, script: str) -> ScriptRuns:
    path = project.root_dir / "startup.sh"
    path.write_text(script)
    view = {"PATH": os.defpath}
    views = {name: {**view, "MWAA_AIRFLOW_COMPONENT": name} for name in ("scheduler", "worker", "webserver")}
    return ScriptRuns(path, views, project.root_dir, project.root_dir / "logs")


def skip_without_mounts(project: Project) -> None:
    layout = isolation.Layout(project.airflow_home_dir, {})
    if sys.platform != "linux" or (why := isolation.cannot_enter(layout)):
        pytest.skip(f"no mount namespaces here: {why if sys.platform == 'linux' else sys.platform}")


def test_home_begins_as_a_container_does_and_is_there_once_its_script_has_ended(
    project: Project, packages: PythonEnvironment
) -> None:
    homes, unfinished = begun(project, packages)
    assert [home.name for home in unfinished] == NAMES
    assert made(homes) == []
    for home in unfinished:
        home.finish()
    assert made(homes) == sorted(NAMES)
    home_dir = homes.folder / "worker.2"
    assert (home_dir / ".local" / "bin").readlink() == packages.bin_dir
    assert (home_dir / "tmp").is_dir()
    assert set(homes.shown) == {"dags", "logs", ".cache"}


def test_homes_are_kept_while_components_run_in_them_and_made_of_the_same(
    project: Project, packages: PythonEnvironment
) -> None:
    first, _ = begun(project, packages)
    first.finish("this script")
    running = plan_of(first, "scheduler", "worker.1")
    assert Homes.running_of(running, first.shown, "this script") == Homes.of(running, first.shown)
    assert Homes.running_of(running, first.shown, "another script") is None
    assert Homes.running_of(None, first.shown, "this script") is None
    assert Homes.running_of(PLAN, first.shown, "this script") is None  # of a version without homes
    second, _ = begun(project, packages, running)
    assert second.folder != first.folder
    assert first.folder.is_dir()
    second.keep_only(["scheduler.new"])
    assert [path.name for path in second.folder.parent.iterdir()] == [second.folder.name]
    assert [path.name for path in second.folder.iterdir()] == ["scheduler.new"]


def test_start_begins_with_empty_homes(project: Project, packages: PythonEnvironment) -> None:
    homes, unfinished = begun(project, packages)
    (unfinished[0].home_dir / "written").touch()
    unfinished[0].finish()
    again, _ = begun(project, packages)
    assert again.folder == homes.folder
    assert not (again.folder / "scheduler").exists()


def test_what_is_left_goes_with_the_components_and_with_the_data(project: Project, packages: PythonEnvironment) -> None:
    homes, unfinished = begun(project, packages)
    for home in unfinished:
        home.finish()
    remove_temporary(project)
    assert not (homes.folder / "worker.1" / "tmp").exists()
    assert (homes.folder / "worker.1" / ".local").is_dir()
    remove_homes(project)
    assert not homes.folder.parent.exists()


OWN = """\
if mkdir /usr/local/airflow/tool; then echo "$MWAA_AIRFLOW_COMPONENT" >tool/made_by; fi
echo "$MWAA_AIRFLOW_COMPONENT" >>"$PACKAGES/all"
touch "$PACKAGES/of_$MWAA_AIRFLOW_COMPONENT"
export TOOL=$PWD/tool
"""


def test_each_home_has_a_script_run_of_its_own_and_packages_get_what_all_installed(
    project: Project, packages: PythonEnvironment
) -> None:
    skip_without_mounts(project)
    homes, unfinished = begun(project, packages)
    script = f"PACKAGES={packages.dir}/lib\n{OWN}"
    outcomes = runs(project, script).in_homes(unfinished)
    assert [outcome.component for outcome in outcomes] == ["scheduler", "worker", "worker.2", "webserver"]
    assert {outcome.exported["TOOL"] for outcome in outcomes} == {"/usr/local/airflow/tool"}
    made_by = {name: (homes.folder / name / "tool" / "made_by").read_text().strip() for name in NAMES}
    assert made_by == {"scheduler": "scheduler", "worker.1": "worker", "worker.2": "worker", "webserver": "webserver"}
    assert [item for outcome in outcomes for item in outcome.failed_commands] == []
    names = sorted(path.name for path in (packages.dir / "lib").iterdir())
    assert names == ["all", "of_scheduler", "of_webserver", "of_worker"]
    assert made(homes) == sorted(NAMES)


def test_script_that_keeps_mwaa_from_starting_leaves_no_home(project: Project, packages: PythonEnvironment) -> None:
    skip_without_mounts(project)
    homes, unfinished = begun(project, packages)
    with pytest.raises(StartupScriptFailed, match=r"startup\.sh:2"):
        runs(project, "set -e\nfalse\n").in_homes(unfinished)
    assert made(homes) == []
    homes.discard()
    assert not homes.folder.exists()


def test_scripts_that_share_a_home_run_one_after_another(project: Project) -> None:
    outcomes = runs(project, "mkdir busy || exit 9\nsleep 0.2\nrmdir busy\n").in_one_home()
    assert [(outcome.component, outcome.exit_code) for outcome in outcomes] == [
        ("scheduler", 0),
        ("worker", 0),
        ("webserver", 0),
    ]


def test_scripts_run_one_after_another_where_packages_cannot_be_covered(
    project: Project, packages: PythonEnvironment
) -> None:
    skip_without_mounts(project)
    odd = replace(packages, dir=packages.dir.with_name("a:b"))  # no overlay can have such a name
    packages.dir.rename(odd.dir)
    _, unfinished = begun(project, odd)
    script = f"mkdir {odd.dir}/lib/busy || exit 9\nsleep 0.2\nrmdir {odd.dir}/lib/busy\ntouch {odd.dir}/lib/done\n"
    outcomes = runs(project, script).in_homes(unfinished)
    assert [outcome.exit_code for outcome in outcomes] == [0, 0, 0, 0]
    assert (odd.dir / "lib" / "done").exists()


def test_command_in_a_home_sees_that_home(project: Project, packages: PythonEnvironment) -> None:

    skip_without_mounts(project)
    homes, unfinished = begun(project, packages)
    unfinished[0].finish()
    (homes.folder / "scheduler" / "own").touch()
    argv: Sequence[str] = homes.argv_in("scheduler")(["ls", "/usr/local/airflow"])
    listed = subprocess.run(argv, capture_output=True, text=True, check=True, env={"PATH": os.defpath}).stdout.split()
    assert {"own", "dags", "logs", "tmp"} <= set(listed)
    gone = subprocess.run(
        homes.argv_in("scheduler")(["no-such-program"]),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/nowhere"},
    )
    assert gone.returncode == 127
    assert "cannot run no-such-program" in gone.stderr


def test_worker_that_comes_later_runs_the_script_of_the_last_start_in_a_home_of_its_own(
    project: Project, packages: PythonEnvironment
) -> None:
    skip_without_mounts(project)
    homes, unfinished = begun(project, packages)
    first = runs(project, "mkdir tool && echo $MWAA_AIRFLOW_COMPONENT $MADE >tool/made_by\n")
    first.in_homes(unfinished)
    project.run_dir.mkdir()
    view = {**first.views["worker"], "MADE": "later"}
    remember_start(project, first.script_path, {**first.views, "worker": view})
    first.script_path.write_text("exit 9\n")  # edited since: the next start's, not this one's
    running = plan_of(homes, "scheduler", "worker.1")
    come(project, plan_of(homes, "scheduler", "worker.1", "worker.3"), running)
    assert (homes.folder / "worker.3" / "tool" / "made_by").read_text() == "worker later\n"
    assert (homes.folder / "worker.1" / "tool" / "made_by").read_text() == "worker\n"
    assert (homes.folder / "worker.3" / ".local" / "bin").readlink() == packages.bin_dir
    remember_start(project, None, {})
    come(project, plan_of(homes, "scheduler", "worker.1", "worker.4"), running)
    assert not (homes.folder / "worker.4" / "tool").exists()


def test_worker_that_comes_back_begins_with_an_empty_home(project: Project, packages: PythonEnvironment) -> None:
    """On MWAA it is another container."""
    first, unfinished = begun(project, packages)
    for home in unfinished:
        home.finish()
    first.finish("this script")
    for name in ("scheduler", "worker.2"):
        (first.folder / name / "written").touch()
    homes = Homes.running_of(plan_of(first, "scheduler", "worker.1", "webserver"), first.shown, "this script")
    assert homes is not None
    assert homes.missing_of(NAMES) == ["worker.2"]
    homes.begin("worker.2", packages, RELEASE).finish()
    assert not (homes.folder / "worker.2" / "written").exists()
    assert (homes.folder / "scheduler" / "written").exists()

    project.run_dir.mkdir(exist_ok=True)
    remember_start(project, None, {})
    (homes.folder / "worker.2" / "written").touch()
    both = plan_of(homes, "scheduler", "worker.1", "worker.2")
    come(project, both, plan_of(homes, "scheduler", "worker.1"))
    assert not (homes.folder / "worker.2" / "written").exists()
    (homes.folder / "worker.2" / "written").touch()
    come(project, both, both)
    assert (homes.folder / "worker.2" / "written").exists(), "this one runs"
    remove_homes_of_others(plan_of(homes, "scheduler", "worker.1"))
    assert made(homes) == ["scheduler", "worker.1"]


def test_start_beside_workers_that_come_neither_meets_nor_removes_their_homes(
    project: Project, packages: PythonEnvironment
) -> None:
    """A start makes homes of the same names while a startup script may run in those of the observer."""
    skip_without_mounts(project)
    homes, unfinished = begun(project, packages)
    for home in unfinished:
        home.finish()
    homes.finish("this script")
    project.run_dir.mkdir()
    first = runs(project, "touch $HOME/came\nmkdir -p ${AIRFLOW_LIB}; touch ${AIRFLOW_LIB}/more\n")
    view = {**first.views["worker"], "HOME": "/usr/local/airflow", "AIRFLOW_LIB": str(packages.dir / "lib")}
    remember_start(project, first.script_path, {"worker": view})
    running = plan_of(homes, "scheduler", "worker.1", "webserver")
    grown = plan_of(homes, "scheduler", "worker.1", "worker.2", "webserver")
    make_homes(project, grown, running)
    assert not (packages.dir / "lib" / "more").exists(), "others run from it, and nobody is kept from changing it"
    started = Homes.running_of(running, homes.shown, "this script")
    assert started is not None
    started.begin("worker.2", packages, RELEASE).finish()
    started.discard()
    started.keep_only(running.homes)
    assert made(homes) == ["scheduler", "webserver", "worker.1"]
    take_homes_in(project, grown, running)
    assert (homes.folder / "worker.2" / "came").exists()
    assert (packages.dir / "lib" / "more").exists()
    assert made(homes) == ["scheduler", "webserver", "worker.1", "worker.2"]
    with pytest.raises(AlreadyRunning, match="homes of workers are gone"):
        take_homes_in(project, plan_of(homes, "scheduler", "worker.3"), running)


def test_start_that_does_not_come_about_leaves_no_home(project: Project, packages: PythonEnvironment) -> None:
    first, unfinished = begun(project, packages)
    for home in unfinished:
        home.finish()
    first.finish("this script")
    running = plan_of(first, *NAMES)
    killed, _ = begun(project, packages, running)
    other, _ = begun(project, packages, running)
    assert other.folder == killed.folder, "removed by the next one"
    other.discard()
    assert [path.name for path in first.folder.parent.iterdir()] == [first.folder.name]
    again = Homes.running_of(running, first.shown, "this script")
    assert again is not None
    again.begin("worker.3", packages, RELEASE).finish()
    again.begin("worker.4", packages, RELEASE)
    again.discard()
    assert sorted(path.name for path in first.folder.glob("*/")) == sorted(NAMES)


def test_script_that_is_asked_again_changes_neither_homes_nor_packages(
    project: Project, packages: PythonEnvironment
) -> None:
    skip_without_mounts(project)
    homes, unfinished = begun(project, packages)
    script = f"mkdir tool || exit 9\necho x >tool/made\ntouch {packages.dir}/lib/made\nexport TOOL=$PWD/tool\n"
    runs(project, script).in_homes(unfinished)
    (homes.folder / "worker.1" / "tool" / "made").write_text("changed since")
    (packages.dir / "lib" / "made").unlink()
    [outcome] = runs(project, script).asked_again([homes.begin("worker.1", packages, RELEASE)])
    assert (outcome.exit_code, outcome.exported) == (0, {"TOOL": "/usr/local/airflow/tool"})
    assert (homes.folder / "worker.1" / "tool" / "made").read_text() == "changed since"
    assert not (packages.dir / "lib" / "made").exists()
    assert sorted(path.name for path in homes.folder.iterdir()) == sorted(NAMES)


def test_homes_are_closed_to_other_users(project: Project, packages: PythonEnvironment) -> None:
    """A startup script writes secrets as well, with the mode that the caller's umask leaves."""
    homes, _ = begun(project, packages)
    assert homes.folder.parent.stat().st_mode & 0o077 == 0
