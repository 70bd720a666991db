"""Commands that a file runs on the worker itself: `bash_command=…`, `subprocess.run(…)`. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mwaa_local.check.dags.source import Call, Source

RUNNING = re.compile(r"subprocess\.(run|call|check_call|check_output|Popen)|os\.(system|popen)")
BASH_COMMAND = "bash_command"
PYTHON_VERSION, VIRTUALENV = "python_version", "virtualenv"  # which is made with a Python of the image
INTERPRETER = "python"  # of ExternalPythonOperator and `@task.external_python`
EXTERNAL = re.compile(r"external_?python", re.IGNORECASE)
SEARCH_PATHS = frozenset({"sys.path.append", "sys.path.insert"})


@dataclass(frozen=True)
class Command:
    """One command as the shell has it, the line of its text, and the call that runs it."""

    text: str
    line: int
    call: Call


def commands(source: Source) -> Iterator[Command]:
    """Yield the commands that the source shows; what varies is `values.UNKNOWN`."""
    for call in source.calls:
        given = call.arguments.get(BASH_COMMAND)
        if given is None and RUNNING.fullmatch(call.name):
            given = call.argument("args", 0)
        if given is None:
            continue
        value = source.resolve(given)
        if isinstance(value, ast.List | ast.Tuple):
            texts = [source.string(item) for item in value.elts]
            yield Command(" ".join(text for text in texts if text is not None), value.lineno, call)
        elif (text := source.string(value)) is not None:
            yield Command(text, value.lineno, call)


def python_lines(source: Source, version: str) -> Iterator[int]:
    """Yield the lines that mean the image's own Python by that version, as "3.11"; no other machine's, nor a text's."""
    run = re.compile(rf"(?:^|[;&|(]|\bexec\s|\bsudo\s)\s*(?:/\S*/)?python{re.escape(version)}\b", re.MULTILINE)
    below = re.compile(rf"/usr/(?:local/|lib)\S*python{re.escape(version)}\b")
    found = {item.line for item in commands(source) if run.search(item.text) or below.search(item.text)}
    for call in source.calls:
        text = source.string(_place_of_python(call))
        if text is not None and re.search(rf"(?:^|/)python{re.escape(version)}\b", text):
            found.add(call.node.lineno)
        given = call.arguments.get(PYTHON_VERSION) if VIRTUALENV in call.name.lower() else None
        wanted = source.string(given)
        if given is not None and wanted is not None and re.fullmatch(rf"{re.escape(version)}(\.\d+)?", wanted):
            found.add(given.lineno)
    yield from sorted(found)


def _place_of_python(call: Call) -> ast.expr | None:
    """Return what a call says of where an interpreter, or its packages, are on the worker."""
    if EXTERNAL.search(call.name):
        return call.arguments.get(INTERPRETER)
    return call.positional[-1] if call.name in SEARCH_PATHS and call.positional else None
