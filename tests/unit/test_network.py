"""What build steps see of the caller's shell."""

from __future__ import annotations

import os
from pathlib import Path

from mwaa_local.network import build_env


def test_build_steps_see_nothing_of_pip_and_python_settings() -> None:
    kept = {"PATH": "/usr/bin", "HOME": "/home/me"}
    dropped = {
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_TARGET": "/elsewhere",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": "/mine",
        "VIRTUAL_ENV": "/venv",
        "AIRFLOW_HOME": "/airflow",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    env = build_env({**kept, **dropped})
    assert env["HOME"] == kept["HOME"]
    assert env["PATH"].split(os.pathsep)[0] == kept["PATH"]
    assert not env.keys() & dropped.keys()


def test_build_steps_reach_the_network_as_the_caller_does() -> None:
    kept = {
        "XDG_DATA_HOME": "/mine",  # not of the network: uv keeps interpreters there
        "HTTPS_PROXY": "http://proxy:3128",
        "https_proxy": "http://proxy:3128",
        "no_proxy": "localhost",
        "SSL_CERT_FILE": "/etc/company.pem",
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "TMPDIR": "/big",
    }
    env = build_env({**kept, "PATH": "/usr/bin"})
    assert kept.items() <= env.items()


def test_pips_index_and_certificate_are_handed_to_uv() -> None:
    env = build_env({"PIP_INDEX_URL": "https://index.example/simple", "PIP_CERT": "/etc/company.pem"})
    assert env["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert env["SSL_CERT_FILE"] == "/etc/company.pem"


def test_what_is_set_for_uv_wins_over_pips() -> None:
    env = build_env({"PIP_INDEX_URL": "https://pip.example/simple", "UV_DEFAULT_INDEX": "https://uv.example/simple"})
    assert env["UV_DEFAULT_INDEX"] == "https://uv.example/simple"


def test_pyenvs_versions_are_found_and_its_shims_are_not_used(tmp_path: Path) -> None:
    for version in ("3.7.17", "3.12.1"):
        (tmp_path / ".pyenv" / "versions" / version / "bin").mkdir(parents=True)
    shims = tmp_path / ".pyenv" / "shims"
    env = build_env({"HOME": str(tmp_path), "PATH": f"{shims}:/usr/bin"})
    versions = tmp_path / ".pyenv" / "versions"
    folders = env["PATH"].split(os.pathsep)
    assert folders[:3] == [str(versions / "3.12.1/bin"), str(versions / "3.7.17/bin"), "/usr/bin"]
    assert str(shims) not in folders


def test_pyenvs_usual_folder_is_searched_beside_the_one_that_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path / "home/.pyenv", tmp_path / "named"):
        (folder / "versions/3.12.1/bin").mkdir(parents=True)
    env = {"HOME": str(tmp_path / "home"), "PYENV_ROOT": str(tmp_path / "named"), "PATH": "/usr/bin"}
    expected = [str(tmp_path / below / "versions/3.12.1/bin") for below in ("named", "home/.pyenv")]
    assert build_env(env)["PATH"].split(os.pathsep)[:2] == expected
