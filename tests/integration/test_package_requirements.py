"""`mwaa-local package-requirements`: the whole command with real uv and pip, on an index of its own and a real one."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import os
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.packages import PackageStore
from mwaa_local.packaging.proof import Disproved, prove
from mwaa_local.release import Release
from tests.conftest import Outcome, ProjectRunner
from tests.wheels import make_wheel

MakeProject = Callable[..., ProjectRunner]
VERSION = "3.3.1"
FILE = "requirements/requirements.txt"
ZIP, PACKAGED = ".mwaa-local/package/plugins.zip", ".mwaa-local/package/packaged_requirements.txt"
HEAD = f"# Made by `mwaa-local package-requirements` for Airflow {VERSION}; goes with plugins.zip.\n"
OPTIONS = "--find-links /usr/local/airflow/plugins\n--no-index\n\n"
USER, PASSWORD = "me", "geheim"
# A build back end that needs nothing: it writes the wheel with the tag that the package's name ends with.
BACKEND = """
import pathlib, zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, version, tag = pathlib.Path("what").read_text().split()
    info = f"{name}-{version}.dist-info"
    wheel = f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / wheel, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel
"""


@dataclass
class Index:
    """A package index on this machine, with the files of a folder."""

    folder: Path
    port: int = 0
    wants_password: bool = False
    false_hashes: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def options(self) -> str:
        user = f"{USER}:{PASSWORD}@" if self.wants_password else ""
        return f"--index-url http://{user}127.0.0.1:{self.port}/simple\n"

    def page(self, name: str) -> bytes:
        links = "".join(
            f'<a href="/files/{path.name}#sha256={self.hash_of(path)}">{path.name}</a>'
            for path in sorted(self.folder.iterdir())
            if path.name.startswith(f"{name}-")
        )
        return f"<!DOCTYPE html><html><body>{links}</body></html>".encode()

    def hash_of(self, path: Path) -> str:
        return "0" * 64 if self.false_hashes else hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """alpha 2 needs another Jinja2 than Airflow's constraints hold, beta an alpha below 2."""
    made = Index(tmp_path / "index")
    make_wheel(made.folder, "alpha", "1.0")
    make_wheel(made.folder, "alpha", "2.0", ["jinja2<3"])
    make_wheel(made.folder, "beta", "1.0", ["alpha<2"])
    make_wheel(made.folder, "jinja2", "2.11.3")
    make_wheel(made.folder, "jinja2", "3.1.6")

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if made.wants_password and self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.end_headers()
                return
            kind, _, name = self.path.strip("/").partition("/")
            path = made.folder / name
            if kind == "files" and not path.is_file():
                self.send_error(404)
                return
            content = path.read_bytes() if kind == "files" else made.page(name)
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream" if kind == "files" else "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    made.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def runner(project: MakeProject) -> ProjectRunner:
    return project({"mwaa.yaml": f'AirflowVersion: "{VERSION}"\n', "dags/a.py": "", FILE: ""})


def package(runner: ProjectRunner, text: str, *words: str) -> Outcome:
    """Package a requirements file, without the proof unless a test asks for it with `--json` alone."""
    runner.write({FILE: text})
    outcome = runner.run("package-requirements", *words)
    assert "Traceback" not in outcome.stderr, outcome.stderr
    return outcome


def packaged(runner: ProjectRunner, text: str, *words: str) -> dict[str, Any]:
    """Return what `--json` says."""
    outcome = package(runner, text, "--json", *words)
    plain = json.loads(outcome.stdout or "{}")
    assert isinstance(plain, dict)
    assert plain.get("exit_code") == outcome.exit_code, outcome.stderr
    return plain


def names(runner: ProjectRunner) -> list[str]:
    with zipfile.ZipFile(runner.root_dir / ZIP) as archive:
        return archive.namelist()


def written(runner: ProjectRunner) -> list[str]:
    folder = runner.root_dir / ".mwaa-local"
    return sorted(path.name for path in folder.rglob("*") if path.name != ".gitignore") if folder.exists() else []


def make_source(index: Index, name: str, tag: str) -> None:
    """Put a source archive into the index, whose build makes a wheel of that tag."""
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND,
        "what": f"{name} 1.0 {tag}",
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n",
    }
    with tarfile.open(index.folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


# What is in the package.


def test_package_has_wheels_of_dependencies_and_the_users_plugins(runner: ProjectRunner, index: Index) -> None:
    runner.write(
        {"plugins/operators/mine.py": "x = 1\n", "plugins/run.sh": "#!/bin/sh\n", "plugins/.DS_Store": "",
         "plugins/operators/__pycache__/mine.pyc": "", "plugins/old.pyc": ""}
    )  # fmt: skip
    (runner.root_dir / "plugins/run.sh").chmod(0o700)
    plain = packaged(runner, f"{index.options}beta\njinja2\n", "--no-proof")
    assert plain["outcome"] == "packaged"
    wheels = ["alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"]
    assert [item["filename"] for item in plain["wheels"]] == wheels
    assert names(runner) == [*wheels, "operators/mine.py", "run.sh"]
    with zipfile.ZipFile(runner.root_dir / ZIP) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert (modes["run.sh"], modes["operators/mine.py"]) == (stat.S_IFREG | 0o755, stat.S_IFREG | 0o644)
    assert (runner.root_dir / PACKAGED).read_text() == f"{HEAD}{OPTIONS}alpha==1.0\nbeta==1.0\n"


def test_same_input_makes_the_same_bytes(runner: ProjectRunner, index: Index) -> None:
    runner.write({"plugins/mine.py": "", "plugins/a/b.py": ""})
    first = packaged(runner, f"{index.options}beta\n", "--no-proof")
    os.utime(runner.root_dir / "plugins/mine.py", (1, 1))
    (runner.root_dir / "plugins/a/b.py").chmod(0o600)
    second = packaged(runner, f"{index.options}beta\n", "--no-proof", "--output", "other folder/dist")
    assert first["zip_sha256"] == second["zip_sha256"]
    one, other = (runner.root_dir / ZIP).read_bytes(), (runner.root_dir / "other folder/dist/plugins.zip").read_bytes()
    assert one == other


def test_nothing_but_the_two_files_is_left_behind(runner: ProjectRunner, index: Index) -> None:
    package(runner, f"{index.options}beta\n", "--no-proof")
    assert written(runner) == ["package", "packaged_requirements.txt", "plugins.zip"]


def test_text_tells_sizes_and_that_nothing_was_proved(runner: ProjectRunner, index: Index) -> None:
    outcome = package(runner, f"{index.options}beta\n", "--no-proof")
    assert outcome.exit_code == 0
    assert f"{ZIP}: " in outcome.stdout
    assert "2 wheels, 0 files of plugins/" in outcome.stdout
    assert "not proved: it was not asked for" in outcome.stdout


def test_versions_chosen_without_airflows_constraints_keep_mwaa_from_adding_them(
    runner: ProjectRunner, index: Index
) -> None:
    """alpha 2 brings a Jinja2 that the constraints refuse; the comment of the file has switched them off."""
    packaged(runner, f"{index.options}# -c \nalpha==2.0\n", "--no-proof")
    text = (runner.root_dir / PACKAGED).read_text()
    assert "--constraint " in text
    assert text.endswith(f"{OPTIONS}alpha==2.0\njinja2==2.11.3\n")


def test_wheel_of_the_plugins_folder_is_packed_once(runner: ProjectRunner) -> None:
    make_wheel(runner.root_dir / "plugins", "gamma", "1.0")
    plain = packaged(runner, "--no-index\n--find-links /usr/local/airflow/plugins\ngamma\n", "--no-proof")
    assert names(runner) == ["gamma-1.0-py3-none-any.whl"]
    assert plain["plugin_files"] == 0


def test_wheel_that_the_file_names_by_its_path_is_packed(runner: ProjectRunner) -> None:
    make_wheel(runner.root_dir / "wheels", "gamma", "1.0")
    path = (runner.root_dir / "wheels/gamma-1.0-py3-none-any.whl").as_uri()
    packaged(runner, f"--no-index\ngamma @ {path}\n", "--no-proof")
    assert names(runner) == ["gamma-1.0-py3-none-any.whl"]
    assert (runner.root_dir / PACKAGED).read_text().endswith("\ngamma==1.0\n")


def test_password_of_the_index_is_used_and_shown_nowhere(runner: ProjectRunner, index: Index) -> None:
    index.wants_password = True
    outcome = package(runner, f"{index.options}beta\n", "--no-proof")
    assert outcome.exit_code == 0, outcome.stderr
    assert any(path.startswith("/files/beta") for path in index.asked)
    assert PASSWORD not in outcome.stdout + outcome.stderr + (runner.root_dir / PACKAGED).read_text()


# What is refused.


def test_conflict_is_explained_as_by_the_check_and_nothing_is_written(runner: ProjectRunner, index: Index) -> None:
    outcome = package(runner, f"--no-index\n--find-links {index.folder}\nalpha==2.0\n")
    assert outcome.exit_code == 1
    assert f"{FILE}:3: error[conflict] alpha==2.0 conflicts with jinja2==3.1.6" in outcome.stdout
    assert "nothing was packaged" in outcome.stderr
    assert written(runner) == []


def test_conflict_as_json(runner: ProjectRunner, index: Index) -> None:
    plain = packaged(runner, f"--no-index\n--find-links {index.folder}\nalpha==2.0\n")
    assert (plain["outcome"], plain["checked"][0]["outcome"]) == ("refused", "conflict")


def test_index_that_does_not_answer_is_no_verdict(runner: ProjectRunner) -> None:
    runner.write({FILE: "alpha\n"})
    dead = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    outcome = runner.run("package-requirements", env=dead)
    assert outcome.exit_code == 3
    assert "could not be reached" in outcome.stdout


def test_file_with_another_hash_than_the_index_tells_is_refused(runner: ProjectRunner, index: Index) -> None:
    index.false_hashes = True
    outcome = package(runner, f"{index.options}alpha==1.0\n", "--no-proof")
    assert outcome.exit_code == 3
    assert "is not the file that the index lists" in outcome.stderr
    assert written(runner) == []


def test_file_with_another_hash_than_the_requirements_list_is_refused(runner: ProjectRunner, index: Index) -> None:
    right = index.hash_of(index.folder / "alpha-1.0-py3-none-any.whl")
    assert package(runner, f"{index.options}alpha==1.0 --hash=sha256:{right}\n", "--no-proof").exit_code == 0
    outcome = package(runner, f"{index.options}alpha==1.0 --hash=sha256:{'1' * 64}\n", "--no-proof")
    assert outcome.exit_code == 1
    assert "none of the hashes listed" in outcome.stderr


def test_symbolic_link_out_of_the_plugins_is_refused(runner: ProjectRunner, index: Index, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("")
    (runner.root_dir / "plugins").mkdir()
    (runner.root_dir / "plugins/link").symlink_to(tmp_path / "secret")
    outcome = package(runner, f"{index.options}alpha\n", "--no-proof")
    assert (outcome.exit_code, written(runner)) == (1, [])
    assert "leads out of the plugins folder" in outcome.stderr


def test_other_file_of_a_wheels_name_in_plugins_is_refused(runner: ProjectRunner, index: Index) -> None:
    runner.write({"plugins/alpha-1.0-py3-none-any.whl": "mine"})
    outcome = package(runner, f"{index.options}alpha==1.0\n", "--no-proof")
    assert outcome.exit_code == 1
    assert "plugins/alpha-1.0-py3-none-any.whl is not the file" in outcome.stderr


def test_output_in_the_plugins_folder_is_refused(runner: ProjectRunner) -> None:
    outcome = package(runner, "", "--output", "plugins/dist")
    assert outcome.exit_code == 3
    assert "The zip would contain itself" in outcome.stderr


def test_requirements_file_is_not_replaced_by_what_is_made_of_it(runner: ProjectRunner) -> None:
    runner.write({"out/packaged_requirements.txt": "# mine\n"})
    outcome = runner.run("package-requirements", "out/packaged_requirements.txt", "--output", "out")
    assert outcome.exit_code == 3
    assert "is an input of the package" in outcome.stderr
    assert (runner.root_dir / "out/packaged_requirements.txt").read_text() == "# mine\n"


@pytest.mark.parametrize("name", ["plugins.zip", "packaged_requirements.txt"])
def test_folder_in_the_place_of_what_is_made_is_refused(runner: ProjectRunner, name: str) -> None:
    (runner.root_dir / "out" / name).mkdir(parents=True)
    outcome = runner.run("package-requirements", "--output", "out")
    assert outcome.exit_code == 3
    assert f"{name} is a folder" in outcome.stderr
    assert [path.name for path in (runner.root_dir / "out").iterdir()] == [name]


def test_output_that_cannot_be_made_is_refused(runner: ProjectRunner, index: Index) -> None:
    outcome = runner.run("package-requirements", "--no-proof", "--output", "/proc/x")
    assert outcome.exit_code == 3, outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_plugin_with_a_name_that_is_no_text_is_named(runner: ProjectRunner) -> None:
    plugins_dir = runner.root_dir / "plugins"
    plugins_dir.mkdir(exist_ok=True)
    Path(os.fsdecode(os.fsencode(plugins_dir) + b"/b\xff.txt")).write_text("")
    outcome = runner.run("package-requirements", "--no-proof")
    assert outcome.exit_code == 1, outcome.stderr
    assert "not UTF-8" in outcome.stderr


def test_editable_requirement_is_named(runner: ProjectRunner) -> None:
    runner.write({"dags/own/pyproject.toml": '[project]\nname = "own"\nversion = "1"\n'})
    outcome = package(runner, "--no-index\n-e /usr/local/airflow/dags/own\n", "--no-proof")
    assert outcome.exit_code == 1
    assert f"no wheel for MWAA of {FILE}:2: an editable install" in outcome.stdout
    assert [path.name for path in (runner.root_dir / "dags/own").iterdir()] == ["pyproject.toml"]
    assert written(runner) == []


def test_file_that_is_not_there(runner: ProjectRunner) -> None:
    (runner.root_dir / FILE).unlink()
    outcome = runner.run("package-requirements")
    assert (outcome.exit_code, "there is no" in outcome.stderr) == (3, True)


# Source archives, built with the release's Python.


@pytest.fixture
def release_python(runner: ProjectRunner) -> None:
    release = Release.load(VERSION)
    _, version = PackageStore(Path(runner.env["MWAA_LOCAL_CACHE_DIR"]), runner.env).find_python(release)
    if not version.startswith(f"{release.python_version}."):
        pytest.skip(f"there is no Python {release.python_version}")


@pytest.mark.usefixtures("release_python")
def test_package_without_a_wheel_is_built(runner: ProjectRunner, index: Index) -> None:
    make_source(index, "delta", "py3-none-any")
    plain = packaged(runner, f"{index.options}delta\n", "--no-proof")
    [wheel] = plain["wheels"]
    assert (wheel["filename"], wheel["is_built"]) == ("delta-1.0-py3-none-any.whl", True)


@pytest.mark.usefixtures("release_python")
def test_built_wheel_of_another_platform_is_named_and_nothing_is_written(runner: ProjectRunner, index: Index) -> None:
    make_source(index, "delta", "cp312-cp312-macosx_11_0_arm64")
    plain = packaged(runner, f"{index.options}delta\n", "--no-proof")
    assert (plain["outcome"], plain["exit_code"]) == ("incomplete", 1)
    [item] = plain["no_wheel"]
    assert item["name"] == "delta"
    assert "is not for MWAA" in item["problem"]
    assert written(runner) == []


# The proof.


@pytest.mark.full
@pytest.mark.network
def test_package_is_proved_without_a_network(runner: ProjectRunner, index: Index) -> None:
    plain = packaged(runner, f"{index.options}# -c \nalpha==2.0\n")
    assert plain["proof"]["outcome"] == "proved", plain["proof"]
    assert plain["proof"]["elapsed_s"] > 0
    cache_dir = Path(runner.env["MWAA_LOCAL_CACHE_DIR"])
    assert not list(cache_dir.glob("proof-*"))


@pytest.mark.full
@pytest.mark.network
def test_package_that_lacks_a_wheel_is_disproved(runner: ProjectRunner, tmp_path: Path) -> None:
    make_wheel(tmp_path / "w", "beta", "1.0", ["alpha"])
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w") as archive:
        archive.write(tmp_path / "w/beta-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl")
    listing = tmp_path / "packaged_requirements.txt"
    listing.write_text(f"{OPTIONS}beta==1.0\n")
    store = PackageStore(Path(runner.env["MWAA_LOCAL_CACHE_DIR"]), runner.env)
    proof = prove(tmp_path / "plugins.zip", listing, Release.load(VERSION), store, is_pure=True, say=lambda _: None)
    assert isinstance(proof, Disproved)
    assert "alpha" in proof.reason


@pytest.mark.full
@pytest.mark.network
@pytest.mark.parametrize("version", [VERSION, "2.2.2"])
def test_real_package_is_packaged_for_mwaas_python_and_proved(runner: ProjectRunner, version: str) -> None:
    plain = packaged(runner, "ujson\n", "--airflow-version", version)
    assert plain["proof"]["outcome"] == "proved", plain["proof"]
    [wheel] = plain["wheels"]
    assert "-cp312-cp312-manylinux" in wheel["filename"] if version == VERSION else "-cp37-cp37m-" in wheel["filename"]
