"""Whether a startup script may bring what MWAA's image lacks, going by the commands in its text. Pure.

What a script does only bash knows. So this is a list of what is harmless: any other command may bring a header or a
program, be it a download, a build, or another script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from mwaa_local.requirements.pip_settings import BUILD_VARIABLES, code_of


class Brings(Enum):
    """What a startup script may add to the image."""

    NOTHING = "no command of it can add anything"
    PACKAGES = "it installs system packages; which ones, patterns and groups do not tell"
    ANYTHING = "it runs what may add anything"


PACKAGE_MANAGERS = frozenset(("dnf", "yum", "microdnf", "rpm", "amazon-linux-extras"))
# Programs and builtins that bring neither headers, libraries nor programs.
_HARMLESS = frozenset(
    (":", "[", "[[", "alias", "awk", "base64", "basename", "break", "cat", "cd", "chmod", "chown", "continue", "cut",
     "date", "declare", "df", "dirname", "echo", "exit", "export", "expr", "false", "free", "getent", "grep", "head",
     "hostname", "id", "jq", "let", "local", "ls", "md5sum", "mkdir", "mktemp", "nproc", "popd", "printenv", "printf",
     "pushd", "pwd", "read", "readonly", "realpath", "return", "rm", "sed", "seq", "set", "sha256sum", "shift", "shopt",
     "sleep", "sort", "tail", "tee", "test", "touch", "tr", "true", "type", "typeset", "ulimit", "umask", "uname",
     "uniq", "unset", "wait", "wc", "which", "whoami")
)  # fmt: skip
_HARMLESS_AWS = frozenset(("codeartifact", "configure", "kms", "secretsmanager", "ssm", "sts"))
# What stands before a command, and what is none.
_BEFORE = frozenset(("if", "then", "else", "elif", "do", "while", "until", "!", "{", "env", "time", "sudo", "nohup"))
_NO_COMMANDS = frozenset(("fi", "done", "esac", "for", "case", "select", "in", "function", "}", ";;"))
# Where compilers look for headers and libraries: a script that sets it has some of its own.
_PLACES = BUILD_VARIABLES - {"PATH", "MAKEFLAGS", "JAVA_HOME", "SETUPTOOLS_USE_DISTUTILS"}
_SEPARATORS = re.compile(r"[;|&(`]+")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(?:\[[^]]*\])?\+?=")
_FUNCTION = re.compile(r"^\s*(?:function\s+)?([\w-]+)\s*\(\)|^\s*function\s+([\w-]+)", re.MULTILINE)
_CASE_PATTERN = re.compile(r"^\s*[\w*?|\"'.-]+\)")
# Only strings of which no quote, substitution or escape can be another string's.
_DOUBLE_QUOTED, _SINGLE_QUOTED = re.compile(r"\"[^\"'`$\\]*\""), re.compile(r"'[^']*'")
_REDIRECTION = re.compile(r"\d*&?(?:>>?|<)&?[ \t]*[^\s<>();&|]*")


def brought_by(script: str) -> Brings:
    """Return what a startup script may add to the image, going by its commands."""
    lines = [_plain(line) for line in script.replace("\\\n", " ").splitlines()]
    commands = set(_commands(lines))
    names = {name for name, _ in commands}
    if names & PACKAGE_MANAGERS:
        return Brings.PACKAGES
    sets_places = any(match[1] in _PLACES for line in lines for match in _ASSIGNMENT.finditer(line))
    is_harmless = all(_is_harmless(*command) for command in commands)
    return Brings.NOTHING if is_harmless and not sets_places else Brings.ANYTHING


def _is_harmless(name: str, word: str) -> bool:
    if name == "aws":
        return word in _HARMLESS_AWS
    return name in _HARMLESS or (name == "command" and word in ("-v", "-V"))


def _commands(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each command with the word behind it; a function's own commands count, and not its calls."""
    functions = {match[1] or match[2] for match in _FUNCTION.finditer("\n".join(lines))}
    for part in (piece for line in lines for piece in _SEPARATORS.split(line)):
        words = part.replace(")", " ").split()
        while words and (words[0] in _BEFORE or _ASSIGNMENT.match(words[0]) or words[0].startswith("-")):
            del words[0]
        if words and words[0] not in _NO_COMMANDS and words[0] not in functions and words[0] != '"':
            name = words[0].strip("\"'")
            yield name if "/" not in name else _of_system(name), words[1] if len(words) > 1 else ""


def _of_system(path: str) -> str:
    """Return a program's name without the folder, if that is the system's; a script of the user's keeps it."""
    folder, _, name = path.rpartition("/")
    return name if folder in ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin") else path


def _plain(line: str) -> str:
    """Return a line without comment, patterns of `case`, and texts in which nothing can be a command."""
    code = _DOUBLE_QUOTED.sub("x", code_of(line))
    return _CASE_PATTERN.sub("", _REDIRECTION.sub(" ", code if '"' in code else _SINGLE_QUOTED.sub("x", code)))
