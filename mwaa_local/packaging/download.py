"""Fetch files from package indexes: checks hashes, uses the index's credentials, the caller's proxies and certificates.

Not for choosing files (`choice`). uv names the files but does not hand them over, and the launcher has no pip.
"""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import url2pathname

from mwaa_local.check.requirements.lines import Line
from mwaa_local.errors import PackagesUnavailable
from mwaa_local.network import build_env, credentials, host, opener
from mwaa_local.packaging.choice import File

AT_ONCE = 4  # most of the time is the network's
ATTEMPTS = 3
SILENCE_TIMEOUT_S = 60.0
BLOCK_BYTES = 1024 * 1024
INDEX_OPTIONS = ("index-url", "extra-index-url", "find-links")
NOT_WORTH_ANOTHER_TRY = range(400, 500)  # HTTP: the client's fault


class Downloads:
    """Fetches files into a folder. `env` is the caller's; `lines` are the file's, which may name indexes."""

    def __init__(self, folder: Path, env: Mapping[str, str], lines: Iterable[Line], relative_to: Path) -> None:
        self._folder = folder
        self._relative_to = relative_to
        known = build_env(env)
        indexes = [known.get("UV_DEFAULT_INDEX", "")]
        indexes += [value for line in lines for option in INDEX_OPTIONS for value in line.values(option)]
        self._credentials = dict(found for index in indexes if (found := credentials(urlsplit(index))))
        self._opener = opener(known)

    def fetch_all(self, files: Iterable[File], say: Callable[[str], None]) -> dict[File, Path]:
        """Return where each file is now, in the order given; `say` is called for each that has come.

        Raises PackagesUnavailable for a file that does not come, or is not what the index promised.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = list(files)
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            paths: dict[File, Path] = {}
            for file, path in zip(wanted, pool.map(self._fetch, wanted), strict=True):
                paths[file] = path
                say(f"{file.filename} ({len(paths)} of {len(wanted)})")
            return paths
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _fetch(self, file: File) -> Path:
        target = self._folder / file.filename
        parts = urlsplit(file.url)
        if parts.scheme in ("http", "https"):
            self._download(file, parts, target)
        else:
            _copy(file, self._relative_to / (url2pathname(parts.path) if parts.scheme else file.url), target)
        if file.digest and (digest := sha256(target)) != file.digest:
            raise PackagesUnavailable(
                f"{file.filename} is not the file that the index lists",
                f"Its SHA-256 is {digest}, and the index says {file.digest}.",
                "run the command again; if it happens again, ask the owner of the index or the proxy",
            )
        if file.is_wheel and not zipfile.is_zipfile(target):  # an index need not tell a hash
            raise PackagesUnavailable(
                f"{file.filename} is not a wheel, or only a part of one",
                "It does not end like a zip file.",
                "run the command again; if it happens again, ask the owner of the index or the proxy",
            )
        return target

    def _download(self, file: File, parts: SplitResult, target: Path) -> None:
        bare = urlunsplit(parts._replace(netloc=host(parts)))
        request = urllib.request.Request(bare)
        own = credentials(parts)
        if secret := own[1] if own else self._credentials.get((parts.scheme, host(parts))):
            request.add_unredirected_header("Authorization", secret)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._opener.open(request, timeout=SILENCE_TIMEOUT_S) as answer, target.open("wb") as out:
                    shutil.copyfileobj(answer, out, BLOCK_BYTES)
                return
            except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
                refused = isinstance(error, urllib.error.HTTPError) and error.code in NOT_WORTH_ANOTHER_TRY
                if attempt == ATTEMPTS or refused:
                    raise PackagesUnavailable(
                        f"could not fetch {file.filename}",
                        f"{parts.scheme}://{host(parts)}: {error}",
                        "check the network; HTTPS_PROXY names a proxy, SSL_CERT_FILE your own certificates",
                    ) from error


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(file: File, path: Path, target: Path) -> None:
    try:
        shutil.copyfile(path, target)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise PackagesUnavailable(f"could not read {file.filename}", str(error), "run the command again") from error
