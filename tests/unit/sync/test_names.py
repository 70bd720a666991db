"""Which objects become files, under which names."""

from __future__ import annotations

import pytest

from mwaa_local.sync.names import Item, as_files, below


def made(*names: str) -> tuple[list[str], dict[str, str]]:
    files, skipped = as_files([Item(f"dags/{name}", "e", 1) for name in names], "dags/")
    return sorted(files), {one.key.removeprefix("dags/"): one.why for one in skipped}


@pytest.mark.parametrize(
    "name", ["a.py", "a/b/c.sql", ".airflowignore", "é ü.txt", "a\\b", "..a", "a..", "b c", "x" * 255, "\n", "A.PY"]
)
def test_name_of_a_file_is_the_key_without_the_prefix(name: str) -> None:
    assert made(name) == ([name], {})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../a.py", "it would lead to another folder"),
        ("a/../../b.py", "it would lead to another folder"),
        ("a/..", "it would lead to another folder"),
        ("./a.py", "it would lead to another folder"),
        ("/etc/passwd", "its path has an empty part"),
        ("a//b.py", "its path has an empty part"),
        ("a\0b.py", "no file can have its name"),
        ("a\ud800", "no file can have its name"),
        ("é" * 128, "its name is too long for a file"),
        ("/".join(["abc"] * 1001), "its name is too long for a file"),
    ],
)
def test_key_that_cannot_be_a_file_is_left_out_and_told(name: str, why: str) -> None:
    assert made("fine.py", name) == (["fine.py"], {name: why})


def test_object_below_another_one_is_the_file_and_the_other_is_told() -> None:
    both = "other objects are below it, so it would be file and folder at once"
    assert made("a", "a/b", "a/b/c", "d") == (["a/b/c", "d"], {"a": both, "a/b": both})


def test_objects_for_folders_and_pythons_caches_are_no_files_and_go_without_saying() -> None:
    assert made("", "a/", "a/b/", "__pycache__/x.pyc", "a/__pycache__/y.pyc", "a/c.py") == (["a/c.py"], {})


def test_prefix_is_the_path_with_one_slash_at_its_end() -> None:
    assert [below(path) for path in ("dags", "/dags/", "a/b", "", "/")] == ["dags/", "dags/", "a/b/", "", ""]
    files, _ = as_files([Item("dags/a", "e", 1), Item("dags-other/b", "e", 1), Item("dags", "e", 1)], "dags/")
    assert list(files) == ["a"]
