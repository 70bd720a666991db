"""What `for_container` makes of prepared requirements: the same file, with the paths that the container knows."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mwaa_local.release import Release
from mwaa_local.requirements import text as requirements_file
from mwaa_local.requirements.container import for_container
from mwaa_local.requirements.install import show
from mwaa_local.requirements.prepare import PreparedRequirements, prepare
from tests.unit.requirements.test_prepare import URL, make_release

HOME = "/usr/local/airflow"
WORK = "/opt/mwaa/run/requirements"
CONSTRAINTS = f"{WORK}/constraints/airflow_constraints.txt"
ESSENTIAL = f"{WORK}/constraints/mwaa_essential_constraints.txt"
FOLDERS = ("dags", "plugins", "requirements")
NAMES = [
    "project",
    "my project",
    "o'brien",
    'quo"ted',
    "c #1",
    "c#",
    "a -f b",
    "100%",
    "%20",
    "grün",
    "a;b,c",
    "x[y]",
    "a=b@c",
    "back\\slash",
    "$HOME",
]


@dataclass(frozen=True)
class Machine:
    """A project, the release's catalogue and a work folder, all below a folder with a name of its own."""

    root_dir: Path
    release: Release

    @property
    def work_dir(self) -> Path:
        return self.root_dir / ".mwaa-local" / "requirements"

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def prepare(self, content: str | bytes, root_dir: Path | None = None) -> PreparedRequirements:
        self.write({"requirements/requirements.txt": content})
        root_dir = root_dir or self.root_dir
        home_map = {f"{HOME}/{name}": root_dir / name for name in FOLDERS}
        source_path = root_dir / "requirements" / "requirements.txt"
        return prepare(source_path, self.release, self.work_dir, home_map=home_map)

    def contained(self, content: str | bytes, others: dict[Path, str] | None = None) -> PreparedRequirements:
        return self.for_container(self.prepare(content), others)

    def for_container(
        self, prepared: PreparedRequirements, others: dict[Path, str] | None = None
    ) -> PreparedRequirements:
        mapping = {self.root_dir / name: f"{HOME}/{name}" for name in FOLDERS}
        return for_container(prepared, self.release, {**mapping, **(others or {})}, self.work_dir, WORK)

    def text(self, result: PreparedRequirements, number: int = 0) -> str:
        """The text of a copy, found as the container would find it."""
        in_container = list(result.copies)[number]
        return (self.work_dir / in_container.relative_to(WORK)).read_bytes().decode("utf-8-sig")


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., Machine]:
    def make(name: str = "my project") -> Machine:
        return Machine(tmp_path / name, make_release(tmp_path / name / "catalogue"))

    return make


def options_of(text: str) -> list[tuple[str, str]]:
    """The options of a file; addresses of files as paths, and without a slash at their end, which mean the same."""
    options = [
        option for line in requirements_file.logical_lines(text) for option in requirements_file.options(line.text)
    ]
    return [(option.name, _path(option.value)) for option in options]


def _path(value: str) -> str:
    return (unquote(value.removeprefix("file://")) if value.startswith("file://") else value).rstrip("/")


@pytest.mark.parametrize("name", NAMES)
def test_paths_of_mwaas_container_come_back_whatever_the_project_is_called(
    machine: Callable[..., Machine], name: str
) -> None:
    here = machine(name)
    here.write({"dags/limits.txt": f"--constraint={URL}\n", "requirements/wheels/readme": ""})
    packages = [
        f"{HOME}/plugins/a-1.0-py3-none-any.whl",
        f'{HOME}/plugins/a b/c.whl ; python_version > "3"  # {HOME}/plugins',
        f"{HOME}/plugins/d.tar.gz[extra]",
        f"{HOME}/plugins/",
        f"e @ file://{HOME}/plugins/sub%20folder/e-1.0-py3-none-any.whl",
        f"f@file:{HOME}/plugins/f.whl --hash=sha256:00",
        f"g @ file://localhost{HOME}/plugins/g#subdirectory=h",
        "i @ https://example.com/usr/local/airflow/plugins/i.whl",
        "boto3>=1",
    ]
    options = [
        (f"--find-links {HOME}/plugins", ("find-links", f"{HOME}/plugins")),
        (f"-f{HOME}/plugins/", ("find-links", f"{HOME}/plugins")),
        (f'--find-links="{HOME}/plugins/a b"', ("find-links", f"{HOME}/plugins/a b")),
        (f"--find-links file://{HOME}/plugins/a%20b", ("find-links", f"{HOME}/plugins/a b")),
        (f"-i file://{HOME}/plugins/simple/", ("index-url", f"{HOME}/plugins/simple")),
        (f"-e {HOME}/plugins/pkg[extra]", ("editable", f"{HOME}/plugins/pkg[extra]")),
        ("--find-links wheels", ("find-links", f"{HOME}/requirements/wheels")),
        ("-r missing.txt", ("requirement", f"{HOME}/requirements/missing.txt")),
        (f"-c {HOME}/dags/limits.txt", ("constraint", f"{WORK}/1-limits.txt")),
        (f"-c \\\n  {URL}", ("constraint", CONSTRAINTS)),
        (f"-f {HOME}/plugins-more", ("find-links", f"{HOME}/plugins-more")),
    ]
    result = here.contained("\n".join([*packages, *(line for line, _ in options)]) + "\n")
    text = here.text(result)
    assert text.splitlines()[: len(packages)] == packages
    assert options_of("\n".join(text.splitlines()[len(packages) :])) == [meant for _, meant in options]
    assert options_of(here.text(result, 1)) == [("constraint", CONSTRAINTS)]
    assert str(here.root_dir) not in text


def test_arguments_and_constraints_are_the_containers(machine: Callable[..., Machine]) -> None:
    here = machine()
    result = here.contained("boto3\n")
    assert result.argv_tail == ("--constraint", ESSENTIAL, "-r", f"{WORK}/requirements.txt", "-c", CONSTRAINTS)
    assert result.path == Path(WORK, "requirements.txt")
    for path in (here.release.constraints_path, here.release.essential_constraints_path):
        assert (here.work_dir / "constraints" / path.name).read_bytes() == path.read_bytes()


def test_what_is_known_of_the_file_stays(machine: Callable[..., Machine]) -> None:
    here = machine()
    prepared = here.prepare(f"-c{URL}\nboto3\n")
    result = here.for_container(prepared)
    same = {"path": prepared.path, "argv_tail": prepared.argv_tail, "copies": prepared.copies}
    assert replace(result, **same) == prepared  # type: ignore[arg-type]


def test_messages_of_the_container_name_the_users_files(machine: Callable[..., Machine]) -> None:
    here = machine()
    here.write({"requirements/sub/more.txt": "boto3\n"})
    result = here.contained("-r sub/more.txt\n")
    requirements_dir = here.root_dir / "requirements"
    assert show(f"(from -r {WORK}/requirements.txt (line 1))", result) == (
        f"(from -r {requirements_dir}/requirements.txt (line 1))"
    )
    assert show(f"{WORK}/1-more.txt", result) == str(requirements_dir / "sub" / "more.txt")
    assert show(CONSTRAINTS, result) == str(here.release.constraints_path)
    assert show("https://me:secret@example.com", result) == "https://***@example.com"


def test_innermost_folder_counts(machine: Callable[..., Machine]) -> None:
    here = machine("p")
    others = {
        here.root_dir: "/all",
        here.root_dir / "dags" / "lib": "/lib",
        here.root_dir / "dags extra": "/extra",
        here.root_dir / "dags-2": "/two",
    }
    names = ["dags/x.whl", "dags/lib/x.whl", "dags/library/x.whl", "dags extra/x.whl", "dags-2/x.whl", "other/x.whl"]
    result = here.contained("".join(f"{here.root_dir}/{name}\n-f '{here.root_dir}/{name}'\n" for name in names), others)
    seen = [f"{HOME}/dags/x.whl", "/lib/x.whl", f"{HOME}/dags/library/x.whl", "/extra/x.whl", "/two/x.whl"]
    text = here.text(result)
    assert text.splitlines()[::2] == [*seen, "/all/other/x.whl"]
    assert [value for _, value in options_of(text)] == [*seen, "/all/other/x.whl"]


def test_folder_whose_name_looks_like_two_paths_is_one(machine: Callable[..., Machine]) -> None:
    here = machine("p")
    others = {here.root_dir / "a " / "etc" / "wheels": "/one", Path("/etc/wheels"): "/two"}
    result = here.contained(f"{here.root_dir}/a /etc/wheels/x.whl\n/etc/wheels/x.whl\n", others)
    assert here.text(result) == "/one/x.whl\n/two/x.whl\n"


def test_container_folder_with_a_blank_is_escaped_where_it_must_be(machine: Callable[..., Machine]) -> None:
    here = machine("p")
    wheels = here.root_dir / "wheels"
    content = f"{wheels}/x.whl\ny @ file://{wheels}/y.whl\n-f {wheels}\n"
    text = here.text(here.contained(content, {wheels: "/mnt/my wheels"}))
    assert text == "/mnt/my wheels/x.whl\ny @ file:///mnt/my%20wheels/y.whl\n-f '/mnt/my wheels'\n"


def test_path_outside_of_what_the_container_sees_stays(machine: Callable[..., Machine]) -> None:
    content = "/somewhere/x.whl\n-f /somewhere/else\n-f '${WHERE}/x'\n./plugins/x.whl\n"
    here = machine()
    assert options_of(here.text(here.contained(content))) == options_of(content)
    assert here.text(here.contained(content)).splitlines()[::3] == content.splitlines()[::3]


def test_links_and_dots_lead_to_the_same_folder(machine: Callable[..., Machine], tmp_path: Path) -> None:
    here = machine()
    (here.root_dir / "plugins" / "sub").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(here.root_dir)
    lines = [f"-f {link}/plugins/sub", "-f ../plugins/sub", f"{link}/requirements/../plugins/x.whl"]
    result = here.for_container(here.prepare("\n".join(lines), root_dir=link))
    assert [value for _, value in options_of(here.text(result))] == [f"{HOME}/plugins/sub"] * 2
    assert here.text(result).splitlines()[2] == f"{HOME}/plugins/x.whl"
    assert result.copies[Path(WORK, "requirements.txt")] == link / "requirements" / "requirements.txt"


def test_folder_that_is_itself_a_link_keeps_the_names_below_it(machine: Callable[..., Machine], tmp_path: Path) -> None:
    here = machine()
    here.root_dir.mkdir(exist_ok=True)
    (tmp_path / "shared" / "blobs").mkdir(parents=True)
    (tmp_path / "shared" / "blobs" / "0123").touch()
    (tmp_path / "shared" / "x-1.0-py3-none-any.whl").symlink_to("blobs/0123")
    (here.root_dir / "plugins").symlink_to(tmp_path / "shared")
    content = f"{HOME}/plugins/x-1.0-py3-none-any.whl\n"
    assert here.text(here.contained(content)) == content


def test_work_folder_named_by_another_path_is_the_same(machine: Callable[..., Machine], tmp_path: Path) -> None:
    here = machine()
    (tmp_path / "link").symlink_to(here.root_dir)
    prepared = here.prepare("boto3\n")
    work_dir = tmp_path / "link" / ".mwaa-local" / "requirements"
    result = for_container(prepared, here.release, {}, work_dir, WORK + "/")
    assert result.path == Path(WORK, "requirements.txt")
    assert next(iter(result.copies)) == result.path


@pytest.mark.parametrize("spelling", ["'{}'", '"{}"', "{escaped}"])
def test_own_path_of_this_machine_is_found_in_any_quotes(machine: Callable[..., Machine], spelling: str) -> None:
    here = machine("my project")
    path = str(here.root_dir / "plugins" / "a b")
    line = "--find-links " + spelling.format(path, escaped=path.replace(" ", "\\ "))
    assert options_of(here.text(here.contained(line))) == [("find-links", f"{HOME}/plugins/a b")]


def test_missing_file_is_the_containers(machine: Callable[..., Machine]) -> None:
    here = machine()
    prepared = prepare(here.root_dir / "requirements" / "requirements.txt", here.release, here.work_dir)
    result = here.for_container(prepared)
    assert result.is_empty
    assert "/usr/local/airflow/requirements/requirements.txt" in result.argv_tail


def test_marks_and_line_breaks_stay(machine: Callable[..., Machine]) -> None:
    here = machine()
    lines = f"# für alle\r\n{HOME}/plugins/a.whl\r\n\r\n-f \\\r\n{HOME}/plugins\r\n"
    here.contained(lines.encode("utf-16"))
    content = (here.work_dir / "requirements.txt").read_bytes()
    assert content == codecs.BOM_UTF8 + lines.encode()


def test_file_that_cannot_be_decoded_stays_byte_by_byte(machine: Callable[..., Machine]) -> None:
    here = machine("project")
    content = f"# f\xfcr\n{here.root_dir}/plugins/x.whl\n".encode("latin-1")
    result = here.contained(content)
    assert "not utf-8 text" in result.unreadable
    assert (here.work_dir / "requirements.txt").read_bytes() == content


@pytest.mark.parametrize("line", ["/a\0b", "-f /a\0b", "/" + "x" * 5000, "-f '/open", "x @ file://", "/", "-f /"])
def test_odd_lines_come_through(machine: Callable[..., Machine], line: str) -> None:
    here = machine()
    assert here.text(here.contained(line + "\n")) == line + "\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(alphabet="ab #-'\"\\%;,[]=@$&()ü~?", min_size=1, max_size=8))
def test_any_folder_name_comes_back(machine: Callable[..., Machine], name: str) -> None:
    here = machine(f"x{name}y")
    lines = [f"{HOME}/plugins/a.whl ; extra", f"b @ file://{HOME}/plugins/b.whl", f"-f {HOME}/plugins", f"-c {URL}"]
    text = here.text(here.contained("\n".join(lines)))
    assert text.splitlines()[:2] == lines[:2]
    assert options_of("\n".join(text.splitlines()[2:])) == [
        ("find-links", f"{HOME}/plugins"),
        ("constraint", CONSTRAINTS),
    ]
