"""Files that end because of something outside that is not here: AWS as it would answer on MWAA, and the database."""

from __future__ import annotations

from mwaa_local.check.failures.causes import failure_cause
from mwaa_local.check.failures.failure import ImportFailure, ImportingFile
from mwaa_local.check.failures.kind import FileKind
from mwaa_local.environment.kinds import AwsChoice, AwsMode
from mwaa_local.finding import NOTE, WARNING, Finding

_LACKS = {
    "credentials": "there are no credentials here",
    "region": "there is no region here",
    "answer": "AWS cannot be reached from here",
    "refused": "AWS refuses it",
}
_USE_HOST = "; to ask it with your own credentials here, set `Local: {Aws: host}` in mwaa.yaml"


def aws_finding(file: ImportingFile, failure: ImportFailure, aws: AwsChoice, kind: FileKind) -> Finding:
    """Return the warning on a file that asks AWS while it is imported: on MWAA it does so as the execution role."""
    words = f"{kind.incomplete}: it asks AWS, and {_LACKS[failure.aws]}"
    why = (
        f"{failure.text}\nOn MWAA the execution role asks, {kind.when}. {kind.lost} if AWS does not answer or refuses. "
        "The rest of the file was not checked."
    )
    hint = f"move the call {kind.move}{'' if aws is AwsMode.HOST else _USE_HOST}"
    return _finding(file, kind.rules[1], WARNING, failure, words, why, hint, "aws-credentials")


def database_finding(file: ImportingFile, failure: ImportFailure, kind: FileKind) -> Finding:
    """Return the finding on a file that uses the metadata database where MWAA lets it: itself, or by Airflow."""
    rule = kind.rules[2]
    if failure.asked_by:
        words = f"{kind.incomplete}: Airflow asks its metadata database here, and there is none"
        why = (
            f"{failure.text}\nIt is {failure.asked_by} that asks, and on MWAA the database answers. The rest of the "
            "file was not checked."
        )
        hint = "run it with `mwaa-local up`, which has a database"
        if "subdag" in failure.asked_by:
            hint += "; Airflow 3 has no SubDagOperator: use a TaskGroup"
        return _finding(file, rule, NOTE, failure, words, why, hint, "dags-database")
    words = f"{kind.incomplete}, because it uses the metadata database"
    hint = f"move the query {kind.move}: at the top level it runs {kind.when}"
    return _finding(file, rule, WARNING, failure, words, failure.text, hint, "dags-database")


def _finding(
    file: ImportingFile, rule: str, severity: str, failure: ImportFailure, words: str, why: str, hint: str, see: str
) -> Finding:
    elsewhere = "" if failure.path == file.path else f", imported by {file.path}"
    cause = failure_cause(file, failure, words)
    what = f"{words}{elsewhere}"
    return Finding(rule, severity, failure.path, failure.line, what, why, hint, cause=cause, see=see)
