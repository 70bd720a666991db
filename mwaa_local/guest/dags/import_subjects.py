"""Inside a release's interpreter: what an exception or a warning is about, as names instead of sentences.

Where Python says it in attributes, these are taken: `name` of ImportError, since 3.10 `obj` of AttributeError, since
3.12 `name_from`. Of a call that does not take an argument, and in all warnings of Airflow's, whose classes only tell
that something is deprecated, the name is in the sentence alone. This is the one place that reads such sentences. Runs
on Python 3.7 too.
"""

from __future__ import annotations

import inspect
import re

# Kinds of subjects, as `mwaa_local.finding` has them.
NAME, MODULE, ARGUMENT, UNNAMED = "name", "module", "argument", "unnamed"

# What botocore raises for want of credentials, region or an answer; a ClientError is AWS's refusal.
AWS_ERRORS = {
    "ClientError": "refused",
    "ConnectionError": "answer",
    "CredentialRetrievalError": "credentials",
    "HTTPClientError": "answer",
    "MetadataRetrievalError": "credentials",
    "NoCredentialsError": "credentials",
    "NoRegionError": "region",
    "PartialCredentialsError": "credentials",
    "TokenRetrievalError": "credentials",
    "UnauthorizedSSOTokenError": "credentials",
}

_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_NO_NAME = re.compile(r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")
_NO_ATTRIBUTE = re.compile(r"module '([\w.]+)' has no attribute '(\w+)'")
_NO_ARGUMENT = re.compile(r"unexpected keyword argument '(\w+)'")
_NO_ARGUMENTS = "Invalid arguments were passed"  # Airflow's operators, which go on with a dict of them
_KEY = re.compile(r"'(\w+)':")
# `airflow.a.B` with or without quotes, and any quoted name.
_NAME = re.compile(r"(?<![\w.])airflow(?:\.\w+)+|(?<=['`])[A-Za-z_][\w.]*(?=['`])")
_FIRST_WORD = re.compile(r"(\w+) is deprecated")
_UNNAMED = re.compile(r"This (\w+) is deprecated")
_MODULE_WORD = "module"
# Airflow warns of it in the line of the class that it decorates, and in these words.
_APPLY_DEFAULTS = "apply_default decorator"
_APPLY_DEFAULTS_NAMES = ("apply_defaults", "airflow.utils.decorators.apply_defaults")


def of_error(error: BaseException) -> list[dict[str, str]]:
    """Return what is not there: a module, a dotted name, or arguments that a call does not take."""
    name, name_from = getattr(error, "name", None), getattr(error, "name_from", None)
    if isinstance(error, ModuleNotFoundError) and name:
        return [_subject(MODULE, name)]
    if isinstance(error, ImportError) and name and name_from:
        return [_subject(NAME, f"{name}.{name_from}")]
    module = getattr(error, "obj", None)
    if isinstance(error, AttributeError) and name and inspect.ismodule(module):
        return [_subject(NAME, f"{module.__name__}.{name}")]
    return of_error_text(str(error))


def of_error_text(text: str) -> list[dict[str, str]]:
    """Return the same for an exception of which only the words are left."""
    found = _NO_MODULE.search(text)
    if found:
        return [_subject(MODULE, found[1])]
    found = _NO_NAME.search(text)
    if found:
        return [_subject(NAME, f"{found[2]}.{found[1]}")]
    found = _NO_ATTRIBUTE.search(text)
    if found:
        return [_subject(NAME, f"{found[1]}.{found[2]}")]
    found = _NO_ARGUMENT.search(text)
    if found:
        return [_subject(ARGUMENT, found[1])]
    _, is_there, arguments = text.partition(_NO_ARGUMENTS)
    return [_subject(ARGUMENT, name) for name in _KEY.findall(arguments)] if is_there else []


def of_aws(error: BaseException) -> str:
    """Return what botocore lacks here, a value of AWS_ERRORS; "" for its other exceptions, which fail anywhere."""
    kinds = (kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("botocore."))
    return next((AWS_ERRORS[name] for name in kinds if name in AWS_ERRORS), "")


def of_warning(text: str) -> list[dict[str, str]]:
    """Return what Airflow calls deprecated: the first name in its sentence, the others are what took its place.

    A module without a name is the one that the line imports; something else without one is whatever the line uses.
    """
    unnamed = _UNNAMED.match(text)
    if unnamed and unnamed[1] == _MODULE_WORD:
        return [_subject(MODULE, "")]
    if unnamed and _APPLY_DEFAULTS in text:
        return [_subject(NAME, name) for name in _APPLY_DEFAULTS_NAMES]
    if unnamed:
        return [_subject(UNNAMED, "")]
    first = _FIRST_WORD.match(text)
    names = [first[1]] if first else _NAME.findall(text)
    return [_subject(NAME, names[0])] if names else []


def _subject(kind: str, name: str) -> dict[str, str]:
    return {"kind": kind, "name": name}
