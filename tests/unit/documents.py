"""Documents of the repository, and what in them can be held against the code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from mwaa_local.cli import app

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
            joined = block["text"].replace("\\\n", " ")  # a command over several lines
            yield from (line.strip().removeprefix("$ ") for line in joined.splitlines())
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
