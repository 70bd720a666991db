"""Copies in which a rehearsal runs the user's code: nothing leads back into the project."""

from __future__ import annotations

from pathlib import Path

from mwaa_local.finding import ERROR, Finding
from mwaa_local.project import Project
from mwaa_local.upgrade.copies import project_copy, told_of


def make_project(root_dir: Path) -> Project:
    for name in ("dags/team", "plugins", "infra", ".mwaa-local/run", ".git"):
        (root_dir / name).mkdir(parents=True)
    (root_dir / "mwaa.yaml").write_text("Name: a\n")
    (root_dir / "dags" / "team" / "a.py").write_text("a = 1\n")
    (root_dir / "infra" / "requirements.txt").write_text("a\n")
    (root_dir / "infra" / "main.tf").write_text("b\n")
    (root_dir / "README.md").write_text("c\n")
    return Project(root_dir)


def test_uploaded_folders_are_copies_and_the_rest_links(tmp_path: Path) -> None:
    project = make_project(tmp_path / "mine")
    with project_copy(project) as copy:
        assert copy.name == "mine"
        (copy.dags_dir / "team" / "a.py").write_text("changed\n")
        (copy.dags_dir / "made.py").write_text("made\n")
        assert (copy.root_dir / "README.md").is_symlink()
        assert not (copy.root_dir / ".mwaa-local").exists()
        assert not (copy.root_dir / ".git").exists()
    assert (project.dags_dir / "team" / "a.py").read_text() == "a = 1\n"
    assert not (project.dags_dir / "made.py").exists()
    assert not copy.root_dir.exists()


def test_files_have_other_texts_and_no_link_leads_to_the_old_ones(tmp_path: Path) -> None:
    project = make_project(tmp_path / "mine")
    texts = {project.environment_path: "Name: b\n", project.root_dir / "infra" / "requirements.txt": "b\n"}
    texts[project.dags_dir / "team" / "a.py"] = "b = 1\n"
    with project_copy(project, texts) as copy:
        for name, text in texts.items():
            here = copy.root_dir / name.relative_to(project.root_dir)
            assert (here.read_text(), here.resolve().is_relative_to(copy.root_dir)) == (text, True)
        assert (copy.root_dir / "infra" / "main.tf").read_text() == "b\n"
    assert (project.root_dir / "infra" / "requirements.txt").read_text() == "a\n"


def test_file_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    (tmp_path / "mine" / "dags").mkdir(parents=True)
    project = Project(tmp_path / "mine")
    with project_copy(project, {project.environment_path: "Name: b\n"}) as copy:
        assert copy.environment_path.read_text() == "Name: b\n"
    assert not project.environment_path.exists()


def test_links_within_the_project_stay_within_the_copy(tmp_path: Path) -> None:
    project = make_project(tmp_path / "mine")
    outside = tmp_path / "outside.py"
    outside.write_text("outside\n")
    (project.dags_dir / "absolute.py").symlink_to(project.dags_dir / "team" / "a.py")
    (project.dags_dir / "relative.py").symlink_to("team/a.py")
    (project.dags_dir / "outside.py").symlink_to("../../outside.py")
    (project.dags_dir / "gone.py").symlink_to("nowhere.py")
    with project_copy(project) as copy:
        for name in ("absolute.py", "relative.py"):
            assert (copy.dags_dir / name).resolve() == (copy.dags_dir / "team" / "a.py").resolve()
        assert (copy.dags_dir / "outside.py").read_text() == "outside\n"
        assert (copy.dags_dir / "gone.py").is_symlink()
        assert not (copy.dags_dir / "gone.py").exists()


def test_findings_on_a_copy_are_told_of_the_project(tmp_path: Path) -> None:
    project = make_project(tmp_path / "mine")
    with project_copy(project) as copy:
        found = Finding("rule", ERROR, f"{copy.root_dir}/dags/a.py", 1, "what", f"see {copy.root_dir}/dags", "hint")
        told = told_of(project, copy, found)
    assert (told.path, told.why) == ("dags/a.py", f"see {project.root_dir}/dags")
