"""What all tests share: a project that speaks the product's language, and a guard against leaked variables."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from mwaa_local.documentation import DIFFERENCES_PATH
from tests.gate import plugin

if TYPE_CHECKING:  # they need this module
    from tests.docker_environments import DockerEnvironment
    from tests.environments import RunningEnvironment

REPOSITORY_DIR = Path(__file__).parents[1]
# Real package sets and database templates take minutes to build, so they outlive the test session, and by default they
# are the user's own: nothing is built twice by `make up` and `make test`.
TEST_CACHE_VARIABLE = "MWAA_LOCAL_TEST_CACHE_DIR"
DROPPED_PREFIXES = ("PIP_", "AIRFLOW", "AWS_", "MWAA", "PYTHON", "XDG_", "VIRTUAL_ENV", "PYTEST")
RUNTIME_VARIABLE = "MWAA_LOCAL_RUNTIME"  # the default of `up --runtime`
# Set to `required`, a test that needs a Docker engine fails where none answers. Else it is skipped.
TEST_DOCKER_VARIABLE = "MWAA_LOCAL_TEST_DOCKER"
RUN_TIMEOUT_S = 300.0
LONG_TASK_FILE = "test_environment_long_task"
COMMAND = (sys.executable, "-m", "mwaa_local")
OF_MAKE = ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")


# A busy machine is no fault: an example may take as long as it does.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@dataclass(frozen=True)
class Outcome:
    """How one run of the command ended."""

    exit_code: int
    stdout: str
    stderr: str


class Begun(subprocess.Popen[str]):
    """A command that goes on beside a test. A test that fails does not wait for its end."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, trace)


@dataclass(frozen=True)
class ProjectRunner:
    """One project folder and the environment in which `mwaa-local` is run in it."""

    root_dir: Path
    env: Mapping[str, str] = field(repr=False)

    def run(
        self,
        *words: str,
        timeout_s: float = RUN_TIMEOUT_S,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> Outcome:
        """Run `mwaa-local` with these words in the project's folder."""
        completed = subprocess.run(
            [*COMMAND, *words],
            cwd=self.root_dir,
            env={**self.env, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Outcome(completed.returncode, completed.stdout, completed.stderr)

    def call(self, *words: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Outcome:
        """Run `mwaa-local` as `run` does, but in this process: for what starts nothing and gets no signal.

        Fails a command that leaves something behind which the end of a process would have taken along.
        """
        from tests.in_process import call

        return Outcome(*call(words, self.root_dir, {**self.env, **(env or {})}, stdin))

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Run `mwaa-local` without waiting for its end, stderr line by line on a pipe; for a test that interferes."""
        return Begun(
            [*COMMAND, *words],
            cwd=self.root_dir,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def cache_dir() -> Path:
    """Return where tests keep package sets between sessions."""
    named = os.environ.get(TEST_CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "mwaa-local"


def make_clean_env(home_dir: Path, runtime: str = "process") -> dict[str, str]:
    """Return the caller's environment without what changes how tools behave; HOME is the given folder.

    Environments run as processes, whether or not an engine answers, unless the test is about another runtime.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED_PREFIXES)}
    return {
        **kept,
        "HOME": str(home_dir),
        RUNTIME_VARIABLE: runtime,
        "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),  # which engine is the user's
        "PYTHONPATH": str(REPOSITORY_DIR),  # the tree under test, whatever is installed
        "MWAA_LOCAL_CACHE_DIR": str(cache_dir()),
        "MWAA_LOCAL_API_IDLE_S": "30",  # the API of a test's environment ends soon after it
        # uv's own cache and interpreters stay where they are: they are not the product's.
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
        "UV_PYTHON_INSTALL_DIR": os.environ.get(
            "UV_PYTHON_INSTALL_DIR", str(Path.home() / ".local" / "share" / "uv" / "python")
        ),
        "PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")),
    }


@pytest.fixture
def clean_env(tmp_path: Path) -> dict[str, str]:
    """A clean environment whose HOME is an empty folder of this test's own."""
    home_dir = tmp_path / "home"
    home_dir.mkdir()
    return make_clean_env(home_dir)


@pytest.fixture
def project(tmp_path: Path, clean_env: dict[str, str]) -> Iterator[Callable[..., ProjectRunner]]:
    """Make a project from {path: text}; what still runs in it at the end of the test is stopped."""
    made: list[ProjectRunner] = []

    def make(files: Mapping[str, str] | None = None, name: str = "project") -> ProjectRunner:
        runner = ProjectRunner(tmp_path / name, clean_env)
        runner.root_dir.mkdir(parents=True)
        runner.write(files or {})
        made.append(runner)
        return runner

    yield make
    for runner in made:
        if any((runner.root_dir / ".mwaa-local" / "run" / name).exists() for name in ("state.json", "docker.json")):
            runner.run("down", "--now")


@functools.cache
def why_no_engine() -> str:
    """Return why no container can run here, in the product's own words, or nothing."""
    from mwaa_local.errors import DockerUnavailable
    from mwaa_local.runtime.compose.engine import Engine

    try:
        Engine.open(os.environ)
    except DockerUnavailable as error:
        return f"{error.what}: {error.why}"
    return ""


def pytest_addoption(parser: pytest.Parser) -> None:
    plugin.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start as from a terminal, whoever started the tests."""
    # In the background of a script, and below nohup, all that tests start would ignore signals.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # Below `make test`, a make that a test starts would print its folder and use the same ARGS.
    for name in OF_MAKE:
        os.environ.pop(name, None)
    plugin.configure(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    plugin.arrange(config, items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    plugin.say_what_is_full(terminalreporter, config)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs an engine where none answers, or fail it where one has to."""
    if item.get_closest_marker("docker") is None or not (reason := why_no_engine()):
        return
    if os.environ.get(TEST_DOCKER_VARIABLE) == "required":
        pytest.fail(f"{TEST_DOCKER_VARIABLE} is set to `required`, but {reason}", pytrace=False)
    pytest.skip(reason)


def difference_anchors() -> frozenset[str]:
    """Return the anchors of the known differences from MWAA."""
    text = (REPOSITORY_DIR / DIFFERENCES_PATH).read_text(encoding="utf-8")
    return frozenset(re.findall(r'<a id="([\w-]+)"></a>', text))


@pytest.fixture(scope="session", autouse=True)
def findings_are_as_documented() -> None:
    """Let our code make no finding, in any test of this process, that its rule or docs/differences.md does not know.

    It is none where it is more or less serious than its rule says, or points to a difference that is not there.
    """
    from mwaa_local.check.explained.all_rules import ALL_RULES
    from mwaa_local.cli.smoke import LEFT_TO_LATER_PHASES
    from mwaa_local.finding import WARNING, Finding

    make = Finding.__init__
    anchors = difference_anchors()

    def checked(self: Finding, *args: Any, **members: Any) -> None:
        make(self, *args, **members)
        callers = [str(sys._getframe(depth).f_globals.get("__name__", "")) for depth in (1, 2)]
        maker = callers[1] if callers[0] == replace.__module__ else callers[0]
        if not maker.startswith("mwaa_local."):  # a test's own example
            return
        allowed = ALL_RULES[self.rule].severities if self.rule in ALL_RULES else (self.severity,)
        assert self.severity in (*allowed, *([WARNING] if self.rule in LEFT_TO_LATER_PHASES else [])), self
        assert not self.see or self.see in anchors, self

    Finding.__init__ = checked  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def no_leaked_variables() -> Iterator[None]:
    """Fail a test that leaves environment variables changed, and put them back for the next one."""
    before = dict(os.environ)
    yield
    names = {*before, *os.environ} - {"PYTEST_CURRENT_TEST"}
    leaked = sorted(name for name in names if before.get(name) != os.environ.get(name))
    for name in leaked:
        if name in before:
            os.environ[name] = before[name]
        else:
            os.environ.pop(name, None)
    assert not leaked, f"the test changed environment variables: {', '.join(leaked)}"


@pytest.fixture(scope="session")
def started_processes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEnvironment]:
    """The sample project of the newest release, running to the end of the session, its task of 90 s among the first.

    That task is looked at late, so that it costs no time, and left out where no test looks at it.
    """
    from tests.environments import LATEST, LONG_RUN_ID, running_sample

    with running_sample(tmp_path_factory.mktemp("latest"), LATEST) as running:
        if any(item.path.stem == LONG_TASK_FILE for item in request.session.items):
            running.trigger("long_task", LONG_RUN_ID)
        yield running


@pytest.fixture(scope="module")
def latest_environment(started_processes: RunningEnvironment) -> RunningEnvironment:
    """The environment that modules share, as it was at first, whatever the one before has done to it."""
    started_processes.reset()
    return started_processes


@pytest.fixture(scope="module")
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEnvironment]:
    """The sample project of the release in the fixture's parameter, running; for tests that leave it as it was.

    pytest orders a module's tests by the parameter, so that an older release runs only while it is asked for.
    """
    from tests.environments import LATEST, running_sample

    if request.param == LATEST:
        yield request.getfixturevalue("latest_environment")
        return
    with running_sample(tmp_path_factory.mktemp("older"), request.param) as running:
        yield running


@pytest.fixture(scope="session")
def started_containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEnvironment]:
    """The sample project of the newest release, as containers since `up` picks them where an engine answers."""
    from tests.docker_environments import running_containers
    from tests.environments import LATEST

    # A task whose worker died is noticed after 300 s, else.
    options = {"scheduler.task_instance_heartbeat_timeout": "30"}
    with running_containers(tmp_path_factory.mktemp("docker"), LATEST, options, "auto") as running:
        yield running


@pytest.fixture(scope="module")
def docker_environment(started_containers: DockerEnvironment) -> DockerEnvironment:
    """The containers that modules share, as they were at first, whatever the one before has done to them."""
    started_containers.reset()
    return started_containers
