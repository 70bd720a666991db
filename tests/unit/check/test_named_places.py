"""Files that mwaa.yaml names by their keys in the bucket are read there; what is not read is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.named_places import NAMED, named_elsewhere
from mwaa_local.check.other_tools import requirements_elsewhere
from mwaa_local.finding import WARNING
from mwaa_local.project import Project
from mwaa_local.runtime.preparation import make_state_dirs

MEMBERS = "RequirementsS3Path: requirements.txt\nStartupScriptS3Path: startup.sh\nPluginsS3Path: plugins.zip\n"
AT_THE_TOP = {"mwaa.yaml": MEMBERS, "requirements.txt": "boto3\n", "startup.sh": "export STAGE=dev\n"}


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return Project(folder)


def read_from(made: Project) -> tuple[str, str]:
    paths = (made.requirements_path, made.startup_script_path)
    requirements, script = (path.relative_to(made.root_dir).as_posix() for path in paths)
    return requirements, script


def test_files_are_read_where_mwaa_yaml_names_them_and_nothing_is_said(tmp_path: Path) -> None:
    made = project(tmp_path, AT_THE_TOP)
    assert read_from(made) == ("requirements.txt", "startup.sh")
    assert requirements_elsewhere(made) == named_elsewhere(made) == ()


def test_components_see_a_copy_under_the_name_that_mwaa_gives_the_file(tmp_path: Path) -> None:
    made = project(tmp_path, {**AT_THE_TOP, "startup/notes.txt": "not on MWAA"})
    make_state_dirs(made)  # with which every start begins
    seen = made.delivery.present
    assert (seen["startup"] / "startup.sh").read_text() == AT_THE_TOP["startup.sh"]
    assert (seen["requirements"] / "requirements.txt").read_text() == AT_THE_TOP["requirements.txt"]
    assert [path.name for path in seen["startup"].iterdir()] == ["startup.sh"]


@pytest.mark.parametrize(
    "text",
    [
        '{"Environment": {"StartupScriptS3Path": "scripts/on_start.sh"}}',
        "Environment:\n  Tags: {a: b}\n  StartupScriptS3Path: 'scripts/on_start.sh'\n",
        "# StartupScriptS3Path: other.sh\nTags:\n  StartupScriptS3Path: other.sh\n"
        "StartupScriptS3Path: s3://bucket/scripts/on_start.sh\n",
    ],
)
def test_member_is_read_in_each_form_of_the_file(text: str, tmp_path: Path) -> None:
    made = project(tmp_path, {"mwaa.yaml": text, "scripts/on_start.sh": "", "other.sh": "", "startup/startup.sh": ""})
    assert read_from(made)[1] == "scripts/on_start.sh"


@pytest.mark.parametrize(
    "value",
    ["missing.sh", "startup/startup.sh", "../outside.sh", "folder", "''", "[a.sh]", "null", "&x a.sh\n*y", "a: b: c"],
)
def test_what_names_no_file_of_the_project_leaves_the_usual_place(value: str, tmp_path: Path) -> None:
    files = {"project/mwaa.yaml": f"StartupScriptS3Path: {value}\n", "project/startup/startup.sh": "", "outside.sh": ""}
    project(tmp_path, {**files, "project/folder/x": ""})
    made = Project(tmp_path / "project")
    assert read_from(made)[1] == "startup/startup.sh"
    assert made.delivery == made.usual_delivery


def test_changed_member_is_seen_by_the_same_project(tmp_path: Path) -> None:
    made = project(tmp_path, {**AT_THE_TOP, "other/reqs.txt": ""})
    assert read_from(made)[0] == "requirements.txt"
    made.environment_path.write_text("RequirementsS3Path: other/reqs.txt\n")
    assert read_from(made)[0] == "other/reqs.txt"


def test_second_file_in_the_usual_place_is_told_unless_it_is_the_same(tmp_path: Path) -> None:
    made = project(tmp_path, {**AT_THE_TOP, "requirements/requirements.txt": "pandas\n", "startup/startup.sh": ""})
    (tmp_path / "startup" / "startup.sh").write_text(AT_THE_TOP["startup.sh"])
    [finding] = named_elsewhere(made)
    assert (finding.rule, finding.severity, finding.place) == (NAMED, WARNING, "requirements/requirements.txt")
    assert "RequirementsS3Path in mwaa.yaml names requirements.txt" in finding.what
    assert "write RequirementsS3Path: requirements/requirements.txt" in finding.hint


def test_built_plugins_are_told_only_where_there_is_no_folder_of_them(tmp_path: Path) -> None:
    made = project(tmp_path, {**AT_THE_TOP, "plugins.zip": "PK"})
    [finding] = named_elsewhere(made)
    assert (finding.place, finding.hint) == ("plugins.zip", "unzip plugins.zip -d plugins")
    project(tmp_path, {"plugins/own.py": ""})
    assert named_elsewhere(made) == ()


def test_folder_of_dags_with_another_name_is_told(tmp_path: Path) -> None:
    made = project(tmp_path, {"mwaa.yaml": "DagS3Path: src/dags/\n", "src/dags/a.py": ""})
    [finding] = named_elsewhere(made)
    assert (finding.place, finding.hint) == ("src/dags", "mv src/dags dags")
