"""Whether a plugin wants a module of the requirements is what the probe says, not how Airflow words it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.plugins.loading import PluginsLoad
from mwaa_local.finding import ERROR, WARNING
from mwaa_local.guest.plugins_probe import _error
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release
from tests.contexts import check_context


@pytest.fixture
def load(tmp_path: Path) -> PluginsLoad:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "requirements.txt").write_text("some-package\n")
    (tmp_path / "dags").mkdir()
    project = Project(tmp_path)
    release = Release.load("3.3.1")
    base = PythonEnvironment(tmp_path / "base", release.python_version, "digest")
    return PluginsLoad(check_context(project, tmp_path, base, airflow_version="3.3.1"), tmp_path / "plugins")


@pytest.mark.parametrize("said", ["No module named 'a'", "perdu", ""])
@pytest.mark.parametrize(("missing", "severity"), [("a.b", WARNING), ("", ERROR)])
def test_severity_follows_the_missing_module_whatever_is_said(
    load: PluginsLoad, said: str, missing: str, severity: str
) -> None:
    [finding] = load._findings({"a.py": {"said": said, "missing": missing}}, Path("/home"))
    assert (finding.severity, finding.why) == (severity, said)


def test_missing_module_is_read_from_pythons_own_words() -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        import no_such_module_at_all  # type: ignore[import-not-found]  # noqa: F401
    assert _error(str(caught.value))["missing"] == "no_such_module_at_all"
    assert _error("KeyError: \"No module named 'a'\"")["missing"] == ""
