"""Documents against the command line: generated parts, and every command that they name."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mwaa_local.cli import COMMANDS
from mwaa_local.release import Release
from tests.unit.documents import (
    CI_DIR,
    CI_FILES,
    DIFFERENCES_PATH,
    FENCE,
    LINK,
    README_PATH,
    ROOT_DIR,
    calls,
    commands_below,
    found_command,
    headings,
    make_targets,
    name_of,
    options_of,
    recipe_lines,
    words_of,
)
from tools import build_cli_reference as reference


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


# Commands.


def test_every_command_line_names_an_existing_command_and_existing_options() -> None:
    unknown = []
    found = list(calls("mwaa-local"))
    assert len(found) > 30
    for document, words in found:
        if words[:1] in (["COMMAND"], ["airflow"], ["aws"]):  # a placeholder; words of Airflow, of the AWS CLI
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
    listed = subprocess.run(["make", "help"], cwd=ROOT_DIR, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in listed.splitlines()} == make_targets()


def test_readme_begins_with_the_two_commands() -> None:
    blocks = [block["text"].strip() for block in FENCE.finditer(README_PATH.read_text(encoding="utf-8"))]
    assert blocks[:2] == ["make up", "make test"]
