"""The connection to a Docker engine: made by the `docker` SDK when it is first asked something."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mwaa_local.runtime.compose.program import unavailable

if TYPE_CHECKING:  # importing the SDK takes a quarter of a second
    from docker import APIClient

API_TIMEOUT_S = 60


class EngineApi:
    """The engine at `host`, asked as the caller's `docker` command would ask it."""

    def __init__(self, env: Mapping[str, str], host: str) -> None:
        self._env = dict(env)
        self._host = host
        self._client: APIClient | None = None

    @contextlib.contextmanager
    def asked(self) -> Iterator[APIClient]:
        """Yield what asks it. Raises DockerUnavailable when it does not answer."""
        from docker.errors import DockerException

        try:
            yield self._connected()
        except (DockerException, OSError) as error:
            raise unavailable(self._host, error) from error

    def stats(self, container_id: str) -> dict[str, Any]:
        """Return what a container uses now; nothing of one that is gone."""
        from docker.errors import NotFound

        with self.asked() as client, contextlib.suppress(NotFound):
            # Without `one_shot` the engine takes two looks, a second apart.
            return dict(client.stats(container_id, stream=False, one_shot=True))
        return {}

    def _connected(self) -> APIClient:
        if self._client is None:
            from docker.tls import TLSConfig

            import docker

            tls: TLSConfig | bool = False
            certificates = self._env.get("DOCKER_CERT_PATH")
            if self._env.get("DOCKER_TLS_VERIFY") and certificates:
                pair = (f"{certificates}/cert.pem", f"{certificates}/key.pem")
                tls = TLSConfig(client_cert=pair, ca_cert=f"{certificates}/ca.pem", verify=True)
            self._client = docker.APIClient(base_url=self._host, version="auto", timeout=API_TIMEOUT_S, tls=tls)
        return self._client
