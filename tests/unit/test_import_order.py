"""Imports point down: a room of the package imports only what stands below it in ROOMS, and no sibling.

Imports for types alone and those within functions count, too: what a module must know of is the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

from tests.conftest import REPOSITORY_DIR

PACKAGE_DIR = REPOSITORY_DIR / "mwaa_local"
# From top to bottom; rooms on one line are siblings. A module belongs to the longest name that fits.
ROOMS = """
guest
cli
api
api.operations api.page
api.face
api.environments
api.prerequisites
api.iam
api.http api.aws_query
cache.prune
cache.keepers cache.docker cache.folder
upgrade.carrying_out
smoke packaging
observer
restoring
healthy
lifecycle
observer.launch
observer.place
check.explained
upgrade
check.project
check.at_once check.folded check.report
check.part
check.dags check.plugins
check.failures
check.modules
check.requirements
check
airflow workspace local_aws
dag_run
runtime.choice
runtime.process runtime.compose
logs metrics
runtime
services startup
sandbox
check.context
configuration
steps
requirements seeding
launch one_time_page scaling
web_address
place
plan wanted
environment
upgrade.paths
iam
packages
network
interpreters database local_settings
release
cache
secrets https sync
project
delivery named_files
home
isolation space
command console
remarks
finding files masking event scratch
errors documentation door flock naming guest.aws.patterns
"""
FLOOR_OF = {room: number for number, floor in enumerate(ROOMS.split("\n")) for room in floor.split()}
OF_ALL = {"", "__main__"}  # the version, which everybody may show, and `python -m mwaa_local`

# What still points up or aside: (module, what it imports) -> why. It may only become shorter.
EXCEPTIONS = {
    ("dag_run", "guest.dag_dates"): "both ends know the words of the answer",
    ("services.seeding", "guest.seeding_script"): "both ends know the words that begin a line for us",
    ("cli.dags", "guest.dag_test_script"): "both ends know the words with which Airflow finds no DAG",
    ("check.links", "guest.dags.import_links"): "both ends know the kinds of links",
    ("check.plugins.layout", "guest.dags.import_links"): "links are looked for alike on both ends",
}


def modules() -> dict[str, ast.Module]:
    """Return module, without `mwaa_local.` -> its syntax."""
    found = {}
    for path in sorted(PACKAGE_DIR.rglob("*.py")):
        place = path.relative_to(PACKAGE_DIR)
        if "site_packages" not in place.parts and "shipped" not in place.parts:
            found[".".join(place.with_suffix("").parts).removesuffix("__init__").removesuffix(".")] = ast.parse(
                path.read_text(encoding="utf-8")
            )
    return found


def imported(tree: ast.Module, known: Set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("mwaa_local."):
            base = f"{node.module}.".removeprefix("mwaa_local.")
            yield from (f"{base}{item.name}" if f"{base}{item.name}" in known else base[:-1] for item in node.names)
        elif isinstance(node, ast.Import):
            yield from (n.name.removeprefix("mwaa_local.") for n in node.names if n.name.startswith("mwaa_local."))


def room_of(module: str) -> str:
    rooms = [room for room in FLOOR_OF if f"{module}.".startswith(f"{room}.")]
    assert rooms, f"{module} is in no room of ROOMS"
    return max(rooms, key=len)


def test_imports_point_down() -> None:
    trees = modules()
    room = {module: room_of(module) for module in trees.keys() - OF_ALL}
    wrong = set()
    for module, mine in room.items():
        for other in set(imported(trees[module], trees.keys())) - OF_ALL:
            theirs = room[other]
            if mine != theirs and FLOOR_OF[mine] >= FLOOR_OF[theirs]:
                wrong.add((module, other))
    assert wrong - EXCEPTIONS.keys() == set(), "these point up or aside"
    assert EXCEPTIONS.keys() - wrong == set(), "these are exceptions no more: take them out of the list"


def test_init_of_a_room_imports_nothing() -> None:
    # The commands' way in, the table of rules, and what imports the rest at the first request for it.
    with_content = {"cli", "check.dags.rules", "guest.aws.cloudformation", "guest.aws.cloudformation.mends"}
    for path in PACKAGE_DIR.rglob("__init__.py"):
        name = ".".join(path.relative_to(PACKAGE_DIR).parts[:-1])
        tree = ast.parse(path.read_text(encoding="utf-8"))
        is_import = [isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree)]
        assert name in with_content or not any(is_import), f"{name}: importing one module of it would import others"


def test_which_runtime_it_is_is_asked_nowhere_but_in_their_room() -> None:
    trees = modules()
    inside = {module: tree for module, tree in trees.items() if f"{module}.".startswith("runtime.")}
    classes = {node.name for tree in inside.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    runtimes = {name for name in classes if name.endswith("Runtime") or "Prepar" in name} - {"Runtime", "Prepared"}
    assert {"ProcessRuntime", "ComposeRuntime", "Preparation", "ContainerPreparation"} <= runtimes
    named = {
        (module, name)
        for module in trees.keys() - inside.keys()
        for node in ast.walk(trees[module])
        for name in (getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "name", ""))
        if name in runtimes
    }
    assert named == set(), "these must get along with any runtime"
