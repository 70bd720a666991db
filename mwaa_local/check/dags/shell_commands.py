"""What a shell command does with the project's folders on MWAA, as far as its words tell. Pure; nothing is run.

Only plain forms are understood. Where a word is computed, or the text is no simple list of commands, nothing is told.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

HOME = "/usr/local/airflow"
DAGS = f"{HOME}/dags"
WRITES, RUNS = "writes", "runs"  # kinds of ShellUse
READ_PATHS = ("target-path", "log-path", "packages-install-path")  # of dbt_project.yml
# dbt's defaults, below the project's folder; variable and option that overrule them (docs.getdbt.com, global configs).
_DBT_TARGET = ("target-path", "DBT_TARGET_PATH", "--target-path", "target")
_DBT_LOG = ("log-path", "DBT_LOG_PATH", "--log-path", "logs")
_DBT_PACKAGES = ("packages-install-path", "DBT_PACKAGES_INSTALL_PATH", "", "dbt_packages")
_DBT_COMMANDS = frozenset(
    ("build", "clone", "compile", "deps", "docs", "list", "ls", "parse", "retry", "run", "run-operation", "seed",
     "show", "snapshot", "source", "test")
)  # fmt: skip
_BEFORE_A_COMMAND = frozenset(("!", "{", "command", "do", "else", "exec", "if", "nohup", "sudo", "then", "time"))
_ALL_WRITTEN, _LAST_WRITTEN = frozenset(("mkdir", "tee", "touch")), frozenset(("cp", "mv", "rsync"))
_INTO = frozenset((">", ">>", "&>", ">|", "&>>"))
_ENDS = re.compile(r"[;&|()]+")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)
_COMPUTED = re.compile(r"[$`*?{]")
ReadDbtProject = Callable[[str], Mapping[str, str]]  # folder as a task sees it -> READ_PATHS that its file sets


@dataclass(frozen=True)
class ShellUse:
    """A command that writes below the DAGs folder, or a file of the project that is run as a program."""

    kind: str
    what: str  # `dbt run`, or the path


@dataclass
class _Shell:
    cwd: str | None
    read_dbt_project: ReadDbtProject
    variables: dict[str, str]
    made_executable: set[str | None] = field(default_factory=set)

    def path(self, word: str) -> str | None:
        """Return the absolute path that a word means; None where it is computed."""
        text = _VARIABLE.sub(lambda match: self.variables.get(match[1] or match[2], "$"), word)
        if text == "~" or text.startswith("~/"):
            text = HOME + text[1:]
        if _COMPUTED.search(text) or not text:
            return None
        if text.startswith("/"):
            return posixpath.normpath(text)
        return posixpath.normpath(posixpath.join(self.cwd, text)) if self.cwd else None


def shell_uses(text: str, cwd: str, variables: Mapping[str, str], read_dbt_project: ReadDbtProject) -> list[ShellUse]:
    """Return what the command does; `cwd` is the folder that it begins in, "" for one that is not known."""
    shell = _Shell(cwd or None, read_dbt_project, {"AIRFLOW_HOME": HOME, "HOME": HOME, **variables})
    return [use for command in _commands(text) for use in _uses(shell, command)]


def is_below_dags(path: str | None) -> bool:
    return path is not None and (path == DAGS or path.startswith(f"{DAGS}/"))


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command; redirections are words of their own."""
    plain = _COMMENT.sub("", _TEMPLATE.sub("$", text.replace("\\\n", " "))).replace("\n", " ; ")
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=True)
    lexer.commenters = ""
    lexer.whitespace_split = True  # else `$` and quotes within a word end it
    words: list[str] = []
    try:
        for word in lexer:
            if _ENDS.fullmatch(word):
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # a quote without its end
        return
    yield words


def _uses(shell: _Shell, command: Sequence[str]) -> Iterator[ShellUse]:
    words, targets = _without_redirections(command)
    own = {}
    while words and (words[0] in _BEFORE_A_COMMAND or words[0] == "env" or _ASSIGNMENT.fullmatch(words[0])):
        match = _ASSIGNMENT.fullmatch(words.pop(0))
        own.update({match[1]: match[2]} if match else {})
    if not words:
        shell.variables.update(own)
        return
    name, given = words[0], words[1:]
    if name == "cd":
        shell.cwd = shell.path(given[0]) if len(given) == 1 and given[0] != "-" else None
    elif name == "export":
        shell.variables.update({match[1]: match[2] for match in map(_ASSIGNMENT.fullmatch, given) if match})
    elif name == "chmod":
        shell.made_executable.update(map(shell.path, given))
    elif _is_dbt(words):
        yield from _of_dbt(shell, words, {**shell.variables, **own})
    elif "/" in name and (path := shell.path(name)) is not None and path.startswith(f"{HOME}/"):
        yield from (ShellUse(RUNS, path) for _ in (0,) if path not in shell.made_executable)
    if is_below_dags(shell.cwd) and any(is_below_dags(shell.path(word)) for word in [*targets, *_written(name, given)]):
        yield ShellUse(WRITES, name)


def _without_redirections(command: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words without redirections, and the files that these write to by a relative path."""
    words: list[str] = []
    targets: list[str] = []
    into = False
    for word in command:
        if into:
            targets += [word] if _is_relative(word) else []
            into = False
        elif word in _INTO:
            into = True
        else:
            words.append(word)
    return words, targets


def _written(name: str, given: Sequence[str]) -> list[str]:
    """Return the relative paths that a command writes to; absolute ones are seen without knowing its folder."""
    paths = [word for word in given if not word.startswith("-")]
    written = paths if name in _ALL_WRITTEN else paths[-1:] if name in _LAST_WRITTEN and len(paths) > 1 else []
    return [word for word in written if _is_relative(word)]


def _is_relative(word: str) -> bool:
    return not word.startswith(("/", "~", "$"))


def _is_dbt(words: Sequence[str]) -> bool:
    return posixpath.basename(words[0]) == "dbt"


def _of_dbt(shell: _Shell, words: Sequence[str], variables: Mapping[str, str]) -> Iterator[ShellUse]:
    """Yield a use of dbt that writes its artefacts or its log below the DAGs folder."""
    command = next((word for word in words[1:] if word in _DBT_COMMANDS), None)
    if command is None:
        return
    folder = _option(words, "--project-dir") or variables.get("DBT_PROJECT_DIR")
    project_dir = shell.path(folder) if folder else shell.cwd
    if not is_below_dags(project_dir):
        return
    assert project_dir is not None
    from_file = shell.read_dbt_project(project_dir)
    kinds = [_DBT_TARGET, _DBT_LOG, *([_DBT_PACKAGES] if command == "deps" else [])]
    for key, variable, option, default in kinds:
        given = (_option(words, option) if option else None) or variables.get(variable) or from_file.get(key) or default
        inside = _Shell(project_dir, shell.read_dbt_project, shell.variables)
        if is_below_dags(inside.path(given)):
            yield ShellUse(WRITES, f"dbt {command}")
            return


def _option(words: Sequence[str], name: str) -> str | None:
    """Return the value of `--name value` or `--name=value`."""
    for number, word in enumerate(words):
        if word == name and number + 1 < len(words):
            return words[number + 1]
        if word.startswith(f"{name}="):
            return word.removeprefix(f"{name}=")
    return None
