"""The guide against the code: variables, messages and files that it names."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

import yaml

from mwaa_local.errors import AlreadyRunning, DockerUnavailable, ImageBuildFailed
from mwaa_local.network import NETWORK_VARIABLES
from mwaa_local.requirements.install import PIP_NETWORK_VARIABLES
from mwaa_local.runtime.compose.certificates import CERTIFICATE_VARIABLES
from mwaa_local.runtime.compose.image import COMPOSE_PATH
from tests.conftest import ProjectRunner
from tests.unit.documents import (
    FILLED_IN,
    GUIDE_PATH,
    INNER_VARIABLES,
    LEAST_LETTERS,
    NETWORK_SECTION,
    README_PATH,
    ROOT_DIR,
    first_cells,
    name_of,
    rows,
    section,
    sources,
)


def test_guide_has_every_variable_of_ours_in_one_of_two_tables() -> None:
    files = [*sources(), COMPOSE_PATH, ROOT_DIR / "docker" / "Dockerfile", ROOT_DIR / "Makefile"]
    read = {name for path in files for name in re.findall(r"MWAA_LOCAL_[A-Z_]+\b", path.read_text(encoding="utf-8"))}
    documented = first_cells(section("Environment variables")) | first_cells(section(NETWORK_SECTION))
    assert {name for name in documented if name.startswith("MWAA_LOCAL_")} == read - INNER_VARIABLES
    assert read >= INNER_VARIABLES


def test_variables_of_the_network_are_explained_in_one_place() -> None:
    network = {*NETWORK_VARIABLES, *PIP_NETWORK_VARIABLES, *CERTIFICATE_VARIABLES} - {"TMPDIR", "LANG"}
    assert network <= first_cells(section(NETWORK_SECTION))
    elsewhere = GUIDE_PATH.read_text(encoding="utf-8").replace(section(NETWORK_SECTION), "")
    assert network & first_cells(elsewhere) == set()


def test_variables_of_the_shell_that_the_compose_file_reads_are_in_the_guide() -> None:
    read = set(re.findall(r"\$\{(\w+):-", COMPOSE_PATH.read_text(encoding="utf-8")))  # the others are in compose.env
    assert "MWAA_POSTGRES_IMAGE" in read
    assert read <= first_cells(section("Environment variables")) | first_cells(section(NETWORK_SECTION))


def test_guide_names_every_service_and_every_volume() -> None:
    compose = yaml.safe_load(COMPOSE_PATH.read_text(encoding="utf-8"))
    chapter = section("Run it in Docker")
    assert set(compose["services"]) <= first_cells(chapter)
    documented = {name.split("-")[3] for name in first_cells(chapter) if name.startswith("mwaa-FOLDER-ID-")}
    assert documented == {volume["name"].partition("}-")[2].split("-")[0] for volume in compose["volumes"].values()}


def test_files_that_the_guide_lists_for_docker_are_those_that_env_writes(
    project: Callable[..., ProjectRunner],
) -> None:
    runner = project({"dags/a.py": "", "mwaa.yaml": "Local: {WebserverPort: 0}\n"})
    assert runner.call("env").exit_code == 0
    state_dir = runner.root_dir / ".mwaa-local"
    listed = [name for name in first_cells(section("Files")) if name.startswith("docker/")]
    missing = [name for name in listed if not list(state_dir.glob(name))]
    covered = {path for name in listed for path in state_dir.glob(name.rstrip("/"))}
    assert missing == []
    assert set((state_dir / "docker").iterdir()) - covered == set()


def literal_parts(node: ast.expr) -> Iterator[list[str]]:
    """Yield what is fixed of a message, for each message that the expression can give."""
    if isinstance(node, ast.IfExp):
        yield from literal_parts(node.body)
        yield from literal_parts(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield [node.value]
    elif isinstance(node, ast.JoinedStr):
        yield [part.value for part in node.values if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def raised(*errors: type[Exception]) -> Iterator[tuple[str, list[str]]]:
    """Yield (file, fixed parts) of what each of these errors is made with."""
    names = {error.__name__ for error in errors}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and node.args:
                yield from ((name_of(path), parts) for parts in literal_parts(node.args[0]))


def test_guide_says_what_to_do_about_every_error_of_docker() -> None:
    text = " ".join(cells[0].replace("`", "") for cells in rows(section("Troubleshooting")))
    found = list(raised(DockerUnavailable, ImageBuildFailed, AlreadyRunning))
    assert len(found) > 10
    silent = [
        (file, parts)
        for file, parts in found
        if not all(part.strip(" ,:'`").replace("`", "") in text for part in parts)
    ]
    assert not silent, silent


def test_messages_that_the_guide_explains_are_the_programs_own() -> None:
    texts = []
    for path in [*sources(), COMPOSE_PATH]:
        # A message that goes over several lines is several strings in the source.
        texts.append(re.sub(r"""["']\s*\n\s*f?["']""", "", path.read_text(encoding="utf-8")))
    source = "\n".join(texts)
    unknown = []
    for message in first_cells(section("Troubleshooting")) - {"docker compose"}:
        parts = [part.strip(" :,'") for part in FILLED_IN.split(message)]
        telling = [part for part in parts if len(part) >= LEAST_LETTERS]
        unknown += [(message, part) for part in telling if part not in source]
        assert telling, message
    assert not unknown, unknown


def test_readme_links_every_decision() -> None:
    text = README_PATH.read_text(encoding="utf-8")
    decisions = sorted(path.name for path in (ROOT_DIR / "docs" / "decisions").glob("*.md"))
    assert [name for name in decisions if f"(docs/decisions/{name})" not in text] == []
