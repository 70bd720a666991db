"""What a text in a DAG file is used for, as far as its surroundings tell: a path here, elsewhere, or only words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mwaa_local.check.dags.dags_folder import AIRFLOW_HOME
from mwaa_local.check.dags.source import Source

# Operators, hooks and objects that name files of another machine, cluster or container.
_OTHER_MACHINE = re.compile(
    r"SSH|SFTP|FTP|Ftp|Winrm|WinRM|Kubernetes|Pod|ECS|Ecs|Batch|Docker|Swarm|Dataproc|Dataflow|Databricks|EMR|Emr|Livy"
    r"|Spark|Glue|Sage[mM]aker|HDFS|Hdfs|Samba|Lambda|SSM|Ssm|V1[A-Z]|\bMount\b|paramiko|Http|HTTP"
    r"|\.task\.(?:docker|kubernetes|pyspark|ssh)\b"
)
_LOCAL_ARGUMENTS = frozenset(
    (
        "config_file",
        "key_file",
        "kubeconfig",
        "local_file",
        "local_filepath",
        "local_folder",
        "local_full_path",
        "local_path",
    )
)
_OTHER_ARGUMENTS = re.compile(r"remote_\w+|endpoint|url|uri|route|(?:\w+_)?key|prefix|hdfs_\w+")
_OTHER_NAMES = re.compile(r"remote|s?ftp|ssh|hdfs|container|pod_|emr", re.IGNORECASE)
_OTHER_METHODS = frozenset(
    ("exec_command", "get", "list_directory", "listdir", "put", "retrieve_file", "route", "store_file")
)
_WORDS = frozenset(
    ("dag_display_name", "description", "doc", "doc_md", "doc_rst", "help", "html_content", "message", "msg", "subject")
)
_TALK = frozenset(
    ("critical", "debug", "endswith", "error", "exception", "info", "log", "match", "print", "removeprefix", "replace",
     "search", "split", "startswith", "strip", "sub", "warning")
)  # fmt: skip
_LOOKS = frozenset(("exists", "is_dir", "is_file", "isdir", "isfile"))
_ASKS_MACHINE = frozenset(("environ", "getenv", "exists", "is_dir", "is_file", "isdir", "isfile", "platform", "uname"))


def is_only_text(source: Source, node: ast.expr) -> bool:
    """Whether the text is compared, logged or described with, rather than used as a path."""
    parent = source.places.places[node].parent
    if isinstance(parent, ast.Compare | ast.MatchValue) or (isinstance(parent, ast.Dict) and node in parent.keys):
        return True
    for inner, outer in _pairs(source, node):
        if isinstance(outer, ast.keyword) and outer.arg in _WORDS:
            return True
        if isinstance(outer, ast.Call) and inner is not outer.func and _last_name(outer.func) in _TALK:
            return True
        if isinstance(outer, ast.Raise):
            return True
    return False


def is_read_elsewhere(source: Source, node: ast.expr) -> bool:
    """Whether the path belongs to another machine or container, judged by itself or by its variable's name."""
    if _is_elsewhere(source, node):
        return True
    assigned = next((item for item in source.places.ancestors(node) if isinstance(item, ast.Assign)), None)
    target = assigned.targets[0] if assigned else None
    if not isinstance(target, ast.Name):
        return False
    uses = source.loads.get(target.id, ())
    return bool(_OTHER_NAMES.search(target.id)) or (bool(uses) and all(_is_elsewhere(source, item) for item in uses))


def depends_on_machine(source: Source, node: ast.expr) -> bool:
    """Whether the file asks first on which machine it is: a default for a variable, a branch, a test for existence."""
    for inner, outer in _pairs(source, node):
        if isinstance(outer, ast.If | ast.IfExp) and inner is not outer.test:
            if any(_last_name(item) in _ASKS_MACHINE for item in ast.walk(outer.test)):
                return True
        elif isinstance(outer, ast.BoolOp) and inner is not outer.values[0]:
            return True
        elif isinstance(outer, ast.Call) and inner is not outer.func:
            name = source.full_name(outer.func)
            if name in ("os.environ.get", "os.getenv", "os.environ.setdefault") or name.endswith("Variable.get"):
                return True
            if name.rpartition(".")[2] in _LOOKS:
                return True
        elif isinstance(outer, ast.Attribute) and outer.attr in _LOOKS:
            return True
    return False


def is_beside_mwaas(source: Source, node: ast.expr) -> bool:
    """Whether the path is one of several of which another is MWAA's, or is used only where the machine was asked."""
    for outer in source.places.ancestors(node):
        if isinstance(outer, ast.List | ast.Tuple | ast.Set | ast.Dict) and _names_mwaas_home(source, outer):
            return True
        if isinstance(outer, ast.Assign) and len(outer.targets) == 1 and isinstance(outer.targets[0], ast.Name):
            uses = source.loads.get(outer.targets[0].id, ())
            return bool(uses) and all(depends_on_machine(source, use) for use in uses)
    return False


def _names_mwaas_home(source: Source, node: ast.AST) -> bool:
    texts = (source.string(item) for item in ast.walk(node) if isinstance(item, ast.Constant))
    return any(text == AIRFLOW_HOME or (text or "").startswith(f"{AIRFLOW_HOME}/") for text in texts)


def _is_elsewhere(source: Source, node: ast.expr) -> bool:
    for inner, outer in _pairs(source, node):
        if isinstance(outer, ast.keyword) and outer.arg:
            if outer.arg in _LOCAL_ARGUMENTS:
                return False
            if _OTHER_ARGUMENTS.fullmatch(outer.arg):
                return True
        elif isinstance(outer, ast.Call) and inner is not outer.func:
            name = source.full_name(outer.func)
            if _OTHER_MACHINE.search(name) or _last_name(outer.func) in _OTHER_METHODS:
                return True
        elif any(_OTHER_MACHINE.search(source.full_name(item)) for item in getattr(outer, "decorator_list", [])):
            return True
    return False


def _pairs(source: Source, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield each thing around the node, and the part of it in which the node stands, from the inside out."""
    inner = node
    for outer in source.places.ancestors(node):
        yield inner, outer
        inner = outer


def _last_name(node: ast.AST) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))
