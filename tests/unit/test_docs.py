"""README and docs/ say what is: generated parts are current, links resolve, commands and options exist."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from mwaa_local.check.dags.air import AIR_RULES
from mwaa_local.check.dags.rules import RULES as DAG_RULES
from mwaa_local.check.explained import of_imports, of_project
from mwaa_local.check.explained.all_rules import ALL_RULES, explained
from mwaa_local.check.explained.of_plugins import OF_PLUGINS
from mwaa_local.check.explained.of_requirements import OF_LINES, OF_RESOLUTION
from mwaa_local.check.explained.of_sources import RUFF_SUBJECTS
from mwaa_local.check.explained.text import RuleText
from mwaa_local.check.plugins import check as plugins
from mwaa_local.check.requirements import resolution, rules
from mwaa_local.cli import COMMANDS, app
from mwaa_local.configuration.layers import Layer
from mwaa_local.documentation import DIFFERENCE_OF, REPOSITORY_URL, difference_url
from mwaa_local.environment.local import LOCAL_MEMBERS
from mwaa_local.errors import AlreadyRunning, DockerUnavailable, ImageBuildFailed
from mwaa_local.network import NETWORK_VARIABLES
from mwaa_local.release import Release
from mwaa_local.requirements.install import PIP_NETWORK_VARIABLES
from mwaa_local.runtime.compose.image import COMPOSE_PATH
from mwaa_local.runtime.compose.prepare import CERTIFICATE_VARIABLES
from mwaa_local.smoke.result import EXIT_CODES
from tests.conftest import ProjectRunner, difference_anchors
from tools import build_cli_reference as reference

ROOT_DIR = Path(__file__).resolve().parents[2]
README_PATH = ROOT_DIR / "README.md"
DIFFERENCES_PATH = ROOT_DIR / "docs" / "differences.md"
GUIDE_PATH = ROOT_DIR / "docs" / "guide.md"
CI_DIR = ROOT_DIR / "docs" / "ci"
CI_FILES = tuple(sorted(CI_DIR.glob("*.yml")))
DOCUMENTS = (README_PATH, ROOT_DIR / "CHANGELOG.md", *sorted((ROOT_DIR / "docs").rglob("*.md")))
SHELL_LANGUAGES = ("bash", "sh", "console")
NETWORK_SECTION = "Use a proxy or your own index"
# Between the launcher's own parts; setting one of them in a shell does nothing good.
INNER_VARIABLES = {
    "MWAA_LOCAL_CELERY_CONFIG",
    "MWAA_LOCAL_PACKAGES",
    "MWAA_LOCAL_READS",
    "MWAA_LOCAL_RUN_DIR",
    "MWAA_LOCAL_SERVICE",
    "MWAA_LOCAL_STOP",
    "MWAA_LOCAL_WEBSERVER_NAMES",
}
# What stands in the guide where the program has a value.
FILLED_IN = re.compile(r"…|\bN\b|\d\.x|/usr/local/airflow|requirements/requirements\.txt|secrets\.json|mwaa\.yaml")
LEAST_LETTERS = 6  # of a message's part that says which message it is
LINK = re.compile(r"\]\((?P<target>[^()\s]+)\)")
ANCHOR = re.compile(r'<a id="(?P<id>[^"]*)"></a>')
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# A line of a recipe that is a command: alone, an entry of a list, the value of `run`, or in a comment to uncomment.
RECIPE_COMMAND = re.compile(r"^[\s#]*(?:- )?(?:run: )?(?P<command>(?:mwaa-local|pip) .+)$", re.MULTILINE)
CODE_SPAN = re.compile(r"(?<!`)`(?P<text>[^`\n]+)`(?!`)")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT_DIR))


every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)


def without_fences(text: str) -> str:
    return FENCE.sub("", text)


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", without_fences(text), re.MULTILINE)


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower())
    return kept.replace(" ", "-")


def anchors(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [*map(slug, headings(text)), *(match["id"] for match in ANCHOR.finditer(text))]


def shell_lines(text: str) -> Iterator[str]:
    """Yield command lines of shell blocks, and code within sentences."""
    for block in FENCE.finditer(text):
        if block["language"] in SHELL_LANGUAGES:
            yield from (line.strip().removeprefix("$ ") for line in block["text"].splitlines())
    yield from (span["text"] for span in CODE_SPAN.finditer(without_fences(text)))


def words_of(line: str) -> list[str]:
    """Return the words of the first command of a line, without comment, pipe and redirection."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;<>"):
            break
        words.append(word)
    return words


def recipe_lines(path: Path) -> list[str]:
    """Return the command lines of one of the files to copy, those in comments included."""
    return [match["command"] for match in RECIPE_COMMAND.finditer(path.read_text(encoding="utf-8"))]


def calls(program: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (document, words after the program) for every call of it in the documents and the files to copy."""
    lines = [(path, line) for path in DOCUMENTS for line in shell_lines(path.read_text(encoding="utf-8"))]
    lines += [(path, line) for path in CI_FILES for line in recipe_lines(path)]
    for path, line in lines:
        if line == program or line.startswith(f"{program} "):
            yield name_of(path), words_of(line)[1:]


def commands_below(command: Any) -> dict[str, Any]:
    """Return a group's commands by name; none of what is no group."""
    if not isinstance(command, TyperGroup):
        return {}
    context = command.make_context("mwaa-local", [], resilient_parsing=True)
    return {name: command.get_command(context, name) for name in command.list_commands(context)}


def found_command(words: list[str]) -> tuple[Any, str]:
    """Return the command that the words call, and the word after it where that would have to name another one."""
    command: Any = typer.main.get_command(app)
    for word in words:
        below = commands_below(command)
        if not below or word.startswith("-"):
            break
        if word not in below:
            return command, word
        command = below[word]
    return command, ""


def options_of(command: Any) -> set[str]:
    own = {option for parameter in command.params for option in parameter.opts if option.startswith("-")}
    return own | {"--help", "-h"}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT_DIR / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


# Generated parts.


def test_generated_parts_are_current_else_run_make_docs() -> None:
    assert reference.outdated(reference.documents(ROOT_DIR), ROOT_DIR) == []


def write_marks(root_dir: Path, *left_out: str) -> None:
    """Write the files with generated parts: marks, with one old line between them and one line around them."""
    (root_dir / "docs").mkdir()
    for path, parts in reference.PARTS.items():
        lines = [line for begin in parts for line in (begin, "old", reference.TABLE_END)]
        (root_dir / path).write_text(
            "\n".join(["before", *(line for line in lines if line not in left_out), "after\n"])
        )


def test_check_mode_says_what_differs_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_marks(tmp_path)
    docs_dir = tmp_path / "docs"
    old = {path: path.read_text() for path in docs_dir.iterdir()}
    assert reference.main(["--check", "--root", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"differs: {docs_dir / name}" for name in ("cli.md", "dag-rules.md", "differences.md", "guide.md")
    ]
    assert {path: path.read_text() for path in docs_dir.iterdir()} == old


def test_second_run_changes_nothing_and_text_around_the_tables_stays(tmp_path: Path) -> None:
    write_marks(tmp_path)
    assert reference.main(["--root", str(tmp_path)]) == 0
    assert reference.main(["--check", "--root", str(tmp_path)]) == 0
    for path in reference.PARTS:
        text = (tmp_path / path).read_text()
        assert text.startswith("before\n")
        assert text.endswith("\nafter\n")
        assert "\nold\n" not in text


@pytest.mark.parametrize(
    "missing",
    [
        reference.TABLE_BEGIN,
        reference.REQUIREMENT_RULES_BEGIN,
        reference.PLUGIN_RULES_BEGIN,
        reference.TABLE_END,
    ],
)
def test_missing_mark_is_an_error_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    write_marks(tmp_path, missing)
    assert reference.main(["--root", str(tmp_path)]) == 2
    assert missing in capsys.readouterr().err


def test_part_without_an_end_does_not_take_that_of_the_next() -> None:
    first, second = reference.PARTS[reference.GUIDE_PATH]
    text = f"{first}\nprose\n{second}\n{reference.TABLE_END}\n"
    with pytest.raises(reference.SourceError, match=reference.TABLE_END):
        reference.with_part(text, first, "", reference.GUIDE_PATH)


def test_missing_differences_file_is_an_error_not_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reference.main(["--root", str(tmp_path)]) == 2
    assert "cannot read" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["down", "check requirements", "test-startup-script"])
def test_reference_is_what_the_program_itself_prints(name: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "mwaa_local", *name.split(), "--help"],
        env={"COLUMNS": "200", "PYTHONPATH": str(ROOT_DIR), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    text = reference.cli_reference().split(f"## mwaa-local {name}\n")[1].split("\n## ")[0]
    assert printed.stdout.split() == text.replace("```text", "").replace("```", "").split()


def test_every_command_is_documented_in_the_reference() -> None:
    documented = headings((ROOT_DIR / "docs" / "cli.md").read_text(encoding="utf-8"))[1:]
    assert [f"mwaa-local {name}" for name in COMMANDS] == [name for name in documented if name.count(" ") == 1]
    below = {f"mwaa-local {group} {name}" for group in COMMANDS for name in commands_below(found_command([group])[0])}
    assert {"mwaa-local check requirements", "mwaa-local check plugins"} <= below
    assert {name for name in documented if name.count(" ") > 1} == below


def test_other_name_of_a_command_in_a_group_refers_to_it() -> None:
    text = reference.cli_reference().split("## mwaa-local test-requirements\n")[1].split("\n## ")[0]
    assert text.strip() == "The same as [`mwaa-local check requirements`](#mwaa-local-check-requirements)."


def test_commands_of_a_group_are_called_by_both_words() -> None:
    text = reference.cli_reference().split("## mwaa-local check plugins\n")[1].split("\n## ")[0]
    assert "Usage: mwaa-local check plugins [OPTIONS]" in text


def test_package_table_names_all_that_the_catalogue_replaces_leaves_out_or_adds() -> None:
    begin, end = reference.TABLE_BEGIN, reference.TABLE_END
    table = DIFFERENCES_PATH.read_text(encoding="utf-8").split(begin)[1].split(end)[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.strip().splitlines()[2:]]
    named = {(row[0], (row[1] if row[1] != "not listed" else row[2]).split()[0]) for row in rows}
    expected = {
        (release.airflow_version, name)
        for release in Release.all()
        for names in (
            *(release.packages.replaced, release.packages.left_out, release.packages.added),
            [requirement.partition("==")[0] for requirement in release.aws_cli_overrides],
        )
        for name in names
    }
    assert named == expected
    assert len(rows) == len(expected)


# Links and anchors.


@every_document
def test_relative_links_resolve(path: Path) -> None:
    broken = []
    for link in LINK.finditer(without_fences(path.read_text(encoding="utf-8"))):
        target = link["target"]
        if re.match(r"[a-z]+:", target):
            continue
        file_name, _, anchor = target.partition("#")
        linked = (path.parent / file_name).resolve() if file_name else path
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(target)
    assert broken == []


@every_document
def test_anchors_are_unique(path: Path) -> None:
    found = anchors(path)
    assert sorted(found) == sorted(set(found))


def test_every_row_of_the_differences_has_one_short_anchor() -> None:
    text = DIFFERENCES_PATH.read_text(encoding="utf-8")
    by_hand = re.sub(f"{reference.TABLE_BEGIN}.*?{reference.TABLE_END}", "", text, flags=re.DOTALL)
    rows = [line for line in by_hand.splitlines() if line.startswith("| ") and set(line) - set("|- ")]
    rows = [row for row in rows if not row.startswith(("| | on MWAA", "| | known"))]
    assert rows
    for row in rows:
        ids = ANCHOR.findall(row)
        assert len(ids) == 1, row
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", ids[0]), row
        assert len(ids[0]) <= 40, row


def test_places_in_code_and_tests_that_point_into_the_differences_exist() -> None:
    known = anchors(DIFFERENCES_PATH)
    sources = [path for folder in ("mwaa_local", "tests", "tools") for path in (ROOT_DIR / folder).rglob("*.py")]
    pointed = {
        (name_of(path), anchor)
        for path in sources
        for anchor in re.findall(r"differences\.md#([a-z0-9-]+)", path.read_text(encoding="utf-8"))
    }
    assert {place for place in pointed if place[1] not in known} == set()


# Commands.


def test_every_command_line_names_an_existing_command_and_existing_options() -> None:
    unknown = []
    found = list(calls("mwaa-local"))
    assert len(found) > 30
    for document, words in found:
        if words[:1] in (["COMMAND"], ["airflow"]):  # a placeholder; Airflow's own words
            continue
        command, missing = found_command(words)
        if missing:
            unknown.append((document, words))
            continue
        options = options_of(command)
        unknown += [(document, words) for word in words if re.match(r"--?[a-z]", word) and word not in options]
    assert unknown == []


def texts_in(value: Any) -> Iterator[str]:
    """Yield every line of every text in what a YAML file holds."""
    if isinstance(value, str):
        yield from (line.strip() for line in value.splitlines())
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


every_recipe = pytest.mark.parametrize("path", CI_FILES, ids=name_of)


def test_there_is_a_recipe_for_each_ci_that_the_page_names() -> None:
    linked = {link["target"] for link in LINK.finditer((CI_DIR / "README.md").read_text(encoding="utf-8"))}
    assert {path.name for path in CI_FILES} == {"buildspec.yml", "github-actions.yml", "gitlab-ci.yml"}
    assert {path.name for path in CI_FILES} <= linked


@every_recipe
def test_recipe_is_yaml_and_no_command_in_it_is_overlooked(path: Path) -> None:
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    commands = [line for line in texts_in(plain) if line.startswith(("mwaa-local ", "pip "))]
    assert [line.split()[:2] for line in commands] == [
        ["pip", "install"],
        ["mwaa-local", "check"],
        ["mwaa-local", "smoke"],
    ]
    assert set(commands) <= set(recipe_lines(path))


@every_recipe
def test_recipe_installs_this_version(path: Path) -> None:
    project = tomllib.loads((ROOT_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"pip install {project['name']}=={project['version']}" in recipe_lines(path)


@every_recipe
def test_recipe_keeps_the_reports_that_its_smoke_run_writes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    [smoke] = [words_of(line) for line in recipe_lines(path) if line.startswith("mwaa-local smoke ")]
    others = text.replace(next(line for line in recipe_lines(path) if line.startswith("mwaa-local smoke ")), "")
    for option in ("--junit", "--artifacts"):
        assert re.search(rf"[ /]{re.escape(smoke[smoke.index(option) + 1])}(?:/\*\*/\*)?$", others, re.MULTILINE), (
            option
        )


@every_recipe
def test_recipe_gives_its_job_more_time_than_the_smoke_run_takes_at_most(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    [minutes] = re.findall(r"(?:timeout-minutes: |timeout: |longer than the smoke run's: )(\d+)", text)
    [seconds] = re.findall(r"--timeout (\d+)", text)
    assert int(minutes) * 60 > int(seconds)


def test_every_make_call_names_an_existing_target() -> None:
    targets = make_targets()
    found = [(document, [word for word in words if "=" not in word]) for document, words in calls("make")]
    assert [call for call in found if not set(call[1]) <= targets] == []


def test_every_phony_target_is_there_and_listed_by_help() -> None:
    text = (ROOT_DIR / "Makefile").read_text(encoding="utf-8")
    phony = re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE)
    assert set(" ".join(phony).split()) == make_targets()
    # Within `make test`, make tells its children so, and they then print where they are.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    listed = subprocess.run(["make", "help"], cwd=ROOT_DIR, env=env, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in listed.splitlines()} == make_targets()


def test_readme_begins_with_the_two_commands() -> None:
    blocks = [block["text"].strip() for block in FENCE.finditer(README_PATH.read_text(encoding="utf-8"))]
    assert blocks[:2] == ["make up", "make test"]


# Tables that repeat what code or configuration says.


def test_guide_names_every_layer_in_order() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \| ", GUIDE_PATH.read_text(encoding="utf-8"), re.MULTILINE)
    assert [layer for layer in named if layer in set(Layer)] == list(Layer)


def test_guide_names_every_member_of_the_local_section() -> None:
    section = GUIDE_PATH.read_text(encoding="utf-8").split("## The Local section")[1].split("\n## ")[0]
    assert set(
        re.findall(r"`([A-Z]\w+)`", "".join(row.split("|")[1] for row in section.splitlines() if "|" in row))
    ) == {*LOCAL_MEMBERS}


def test_decision_on_dependencies_lists_each_one_with_its_pinned_version() -> None:
    pinned = tomllib.loads((ROOT_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    text = (ROOT_DIR / "docs" / "decisions" / "0002-dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z][\w-]*) \| (\S+) \| ", text, re.MULTILINE)
    assert [f"{name}=={version}" for name, version in rows if name != "package"] == pinned


def test_decision_on_dependencies_names_what_the_extra_brings() -> None:
    extras = tomllib.loads((ROOT_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    text = (ROOT_DIR / "docs" / "decisions" / "0002-dependencies.md").read_text(encoding="utf-8")
    for requirement in extras["aws"]:
        name, version = requirement.split("==")
        assert f"`{name}` {version}" in text


@pytest.mark.parametrize("path", [GUIDE_PATH, CI_DIR / "README.md"], ids=name_of)
def test_exit_codes_of_smoke_are_those_of_the_program(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    table = section("Smoke runs") if path == GUIDE_PATH else text.split("## Exit codes")[1]
    codes = {int(code) for cells in rows(table) for code in re.findall(r"\d+", cells[0]) if len(cells) == 2}
    assert codes - {70} == {*EXIT_CODES.values(), 129, 143}


def test_license_is_the_one_that_the_package_declares() -> None:
    declared = tomllib.loads((ROOT_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]
    assert declared == "Apache-2.0"
    first_lines = (ROOT_DIR / "LICENSE").read_text(encoding="utf-8").split()[:4]
    assert first_lines == ["Apache", "License", "Version", "2.0,"]


# What the guide says of variables, messages and files.


def section(heading: str) -> str:
    """Return a chapter of the guide."""
    return GUIDE_PATH.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of all table rows but heads."""
    found = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [cells for cells in found if set("".join(cells)) - set("|- ")]


def spans(text: str) -> list[str]:
    return [match["text"] for match in CODE_SPAN.finditer(text)]


def first_cells(text: str) -> set[str]:
    return {span for cells in rows(text) for span in spans(cells[0])}


def sources() -> list[Path]:
    return [path for folder in ("mwaa_local", "docker") for path in sorted((ROOT_DIR / folder).rglob("*.py"))]


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


# The tables of rules.


def documented_rules(heading: str) -> dict[str, set[str]]:
    """Return rule -> severities of a table in the guide."""
    text = GUIDE_PATH.read_text(encoding="utf-8").split(f"\n### {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
    return {cells[0].strip("`"): set(cells[1].split(", ")) for cells in rows(text) if cells[0] != "rule"}


@pytest.mark.parametrize(
    ("heading", "texts"), [("Rules on requirements", (*OF_RESOLUTION, *OF_LINES)), ("Rules on plugins", OF_PLUGINS)]
)
def test_guide_has_every_rule_with_its_severities(heading: str, texts: tuple[RuleText, ...]) -> None:
    assert documented_rules(heading) == {text.id: set(text.severities) for text in texts}


def test_rules_of_both_tables_in_the_code_are_in_the_guide() -> None:
    assert {*rules.RULES, *resolution.RULES} <= documented_rules("Rules on requirements").keys()


def test_docstring_of_the_plugins_check_names_the_rules_of_the_guide() -> None:
    named = re.findall(r"^\| (`[^|]+) \|", plugins.__doc__ or "", re.MULTILINE)
    assert {span for cell in named for span in spans(cell)} == documented_rules("Rules on plugins").keys()


# What every rule says of itself. That its findings have no other severities is held where they are made, by `conftest`.


def test_every_rule_that_the_code_names_is_explained_once() -> None:
    named = {*of_imports._IMPORTS, *of_imports._TASKS, *of_project._MEANINGS, *resolution.RULES, *rules.RULES}
    named |= {*(rule.id for rule in DAG_RULES), *(f"ruff-{code}" for code in AIR_RULES)}
    assert named <= ALL_RULES.keys()
    of_yaml = (*of_project.OF_ENVIRONMENT, *of_project.OF_STARTUP, *of_project.OF_SETTINGS)
    every = [*of_imports.OF_IMPORTS, *of_imports.OF_TASKS, *of_yaml, *OF_RESOLUTION, *OF_LINES, *OF_PLUGINS]
    assert len(every) == len({text.id for text in every})


@pytest.mark.parametrize("rule", ALL_RULES.values(), ids=lambda rule: rule.id)
def test_explanation_says_what_why_and_what_to_do(rule: RuleText) -> None:
    text = explained(rule)
    assert text.startswith(f"{rule.id} (")
    assert rule.severities
    for part in (rule.meaning, rule.why):
        assert part in text
        assert len(part.split()) > 2
    assert rule.todo or rule.good  # a rule on sources shows the right file
    assert rule.why.endswith(".")


def test_every_difference_that_findings_point_to_is_there_and_of_a_rule_that_can_find_it() -> None:
    assert set(DIFFERENCE_OF.values()) <= difference_anchors()
    unknown = [(rule, severity) for rule, severity in DIFFERENCE_OF if severity not in ALL_RULES[rule].severities]
    assert unknown == []
    assert difference_url("broker") == f"{REPOSITORY_URL}/blob/main/docs/differences.md#broker"


def test_rules_page_has_every_rule_of_ruff_that_is_taken() -> None:
    assert RUFF_SUBJECTS.keys() == AIR_RULES.keys()


def test_changelog_counts_the_rules_on_sources() -> None:
    words = {12: "Twelve", 13: "Thirteen", 14: "Fourteen", 15: "Fifteen"}
    text = (ROOT_DIR / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"{words[len(DAG_RULES)]} rules on the source" in text


def test_rules_that_the_guide_and_the_readme_name_exist() -> None:
    for path in (GUIDE_PATH, README_PATH):
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"ignore\[([a-z-]+)\]|check dags --explain ([a-z-]+)", text)
        assert {name for pair in named for name in pair if name} <= ALL_RULES.keys()
