"""The package index as it was on one day, for everyone who asks on this machine.

Answers of a comparison would otherwise change with every release of every package. The index that the machine uses is
asked for a project's page once; files that were uploaded on that day or later are left out, and the rest is kept in a
folder, so that a second run asks nobody. Files themselves are fetched from where the page says. Both forms of a page
are served, since the pips of old images read HTML alone.

Which releases were yanked is known as of the day on which the page was fetched. No option of pip or uv is used instead:
`--uploaded-prior-to` and `--exclude-newer` leave the pips of all but the newest images, and our own look-ups, where
they are. pypi-timemachine is no help either: it asks anew each time.

Source: PyPA specifications, "Simple repository API"; upload times are PEP 700's.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from mwaa_local.check.requirements.resolver import PYPI_URL
from mwaa_local.network import build_env, credentials, host, opener

# A day on which all releases that are compared had been out for weeks.
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
ANSWER_TIMEOUT_S = 60.0
PIP_CONFIG_TIMEOUT_S = 30.0
POLL_S = 0.05  # how long a server may take to stop
HOST = "127.0.0.1"
# The same address each time, since uv keeps what it knows of files by the index. Another run may hold the first one.
PORTS = (*range(18651, 18655), 0)
PATH = "/simple"
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html"
_PROJECT = re.compile(rf"{PATH}/(?P<name>[A-Za-z0-9._-]*[A-Za-z0-9])/?")
_CONFIGURED = re.compile(r"^(?:global|install)\.index-url='(.+)'$", re.MULTILINE)
PROBE = "pip"  # a project that every index has


@dataclass(frozen=True)
class DatedIndex:
    """The pages of `upstream_url` without what was uploaded since `as_of`, kept in `dir`. `env` is `build_env`'s."""

    upstream_url: str
    dir: Path
    env: Mapping[str, str]
    as_of: datetime = AS_OF

    def page(self, name: str) -> str | None:
        """Return a project's page as JSON; None where there was none on that day. Raises OSError without an answer."""
        path = self.dir / f"{canonicalize_name(name)}.json"
        if not path.exists():
            files = self._before(self._fetch(canonicalize_name(name)))
            page = {"meta": {"api-version": "1.0"}, "name": canonicalize_name(name), "files": files}
            self._keep(path, json.dumps(page) if files else "")
        return path.read_text(encoding="utf-8") or None

    def tells_times(self) -> bool:
        """Whether upstream says when files were uploaded: older kinds of indexes do not."""
        path = self.dir / f"{PROBE}.json"
        return path.exists() or any("upload-time" in file for file in self._fetch(PROBE))

    def _before(self, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [file for file in files if datetime.fromisoformat(file["upload-time"]) < self.as_of]

    def _fetch(self, name: str) -> list[dict[str, Any]]:
        """Return the files of a project, with addresses in full; none where there is no such project."""
        parts = urlsplit(f"{self.upstream_url.rstrip('/')}/{name}/")
        request = urllib.request.Request(urlunsplit(parts._replace(netloc=host(parts))), headers={"Accept": JSON_TYPE})
        if own := credentials(parts):
            request.add_unredirected_header("Authorization", own[1])
        try:
            with opener(self.env).open(request, timeout=ANSWER_TIMEOUT_S) as answer:
                if "json" not in answer.headers.get_content_type():
                    return []
                files = json.load(answer)["files"]
                return [{**file, "url": urljoin(answer.url, file["url"])} for file in files]
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return []
            raise

    def _keep(self, path: Path, text: str) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.dir, delete=False, encoding="utf-8") as file:
            file.write(text)
        Path(file.name).replace(path)  # another run may write the same


def as_html(page: str) -> str:
    """Return a page in the form that every pip reads."""
    files = json.loads(page)["files"]
    return "<!DOCTYPE html>\n<html><body>\n" + "".join(f"{_link(file)}<br/>\n" for file in files) + "</body></html>\n"


def _link(file: Mapping[str, Any]) -> str:
    hashes = [f"{name}={value}" for name, value in file["hashes"].items() if name == "sha256"]
    attributes = {"href": "#".join([file["url"], *hashes])}
    if file.get("requires-python"):
        attributes["data-requires-python"] = file["requires-python"]
    if file.get("yanked"):
        attributes["data-yanked"] = "" if file["yanked"] is True else file["yanked"]
    if metadata := file.get("core-metadata"):
        told = "true" if metadata is True else "".join(f"{name}={value}" for name, value in metadata.items())
        attributes |= {"data-core-metadata": told, "data-dist-info-metadata": told}
    written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{file['filename']}</a>"


def upstream_url(env: Mapping[str, str]) -> str:
    """Return the index that this machine uses: what uv's or pip's variables name, pip's own files, or PyPI."""
    named = env.get("UV_DEFAULT_INDEX") or env.get("PIP_INDEX_URL")
    if named:
        return named
    argv = [sys.executable, "-m", "pip", "config", "list"]  # `get` does not read the file of PIP_CONFIG_FILE
    told = subprocess.run(
        argv, env=dict(env), capture_output=True, text=True, timeout=PIP_CONFIG_TIMEOUT_S, check=False
    )
    found = _CONFIGURED.search(told.stdout)
    return found[1] if found else PYPI_URL


@contextlib.contextmanager
def index_of_one_day(env: Mapping[str, str], pages_dir: Path) -> Iterator[dict[str, str]]:
    """Serve the index as of `AS_OF`; yield `env` with its address in place of the usual one.

    The index itself is left in place, with a warning, where it does not say when files were uploaded.
    """
    url = upstream_url(env)
    others = {name: value for name, value in env.items() if name != "UV_DEFAULT_INDEX"}
    key = sha256(url.encode()).hexdigest()[:12]
    index = DatedIndex(url, pages_dir / f"{AS_OF:%Y-%m-%d}-{key}", build_env(env))
    if not index.tells_times():
        warnings.warn(f"{host(urlsplit(url))} does not say when files were uploaded: compared as of now", stacklevel=3)
        yield {**others, "PIP_INDEX_URL": url}
        return
    with serve(index) as address:
        unproxied = ",".join(filter(None, [env.get("NO_PROXY") or env.get("no_proxy", ""), HOST]))
        yield {**others, "PIP_INDEX_URL": address, "NO_PROXY": unproxied, "no_proxy": unproxied}


@contextlib.contextmanager
def serve(index: DatedIndex) -> Iterator[str]:
    """Serve the index on this machine alone; yield its address."""
    server = _server(index)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(index: DatedIndex) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = _PROJECT.fullmatch(self.path)
            try:
                page = index.page(asked["name"]) if asked else None
            except (OSError, ValueError, KeyError) as error:
                return self._answer(HTTPStatus.BAD_GATEWAY, HTML_TYPE, str(error))
            if page is None:
                return self._answer(HTTPStatus.NOT_FOUND)
            if JSON_TYPE in self.headers.get("Accept", ""):
                return self._answer(HTTPStatus.OK, JSON_TYPE, page)
            return self._answer(HTTPStatus.OK, HTML_TYPE, as_html(page))

        def _answer(self, status: HTTPStatus, kind: str = HTML_TYPE, text: str = "") -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind if kind == JSON_TYPE else f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: pytest would show it."""

    for port in PORTS:
        with contextlib.suppress(OSError):
            return ThreadingHTTPServer((HOST, port), Handler)
    raise OSError(f"no port on {HOST} to serve the index at")
