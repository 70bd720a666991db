"""Listen, when what was kept is back and all fixtures are in."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

from .answers import SAID
from .configuration import AwsConfiguration
from .shared import IAM, open_shared

LOGS = "logs"  # the signing name of CloudWatch Logs
BUSY = "the local AWS is too busy to be emptied; try again"
NOT_IN = "it is empty now, but the fixtures could not be put in: its log says why"


def serve(path: Path) -> int:
    """Serve the local AWS of that configuration file; return an exit code when it cannot be, or was told to end."""
    configuration = AwsConfiguration.read(path)
    host, port = configuration.listens
    os.environ["MOTO_PORT"] = str(port)  # where moto asks itself; read when it is imported
    open_shared(IAM, Path(configuration.iam))
    from .state.folder import Unusable

    try:
        return LocalAws(configuration).serve(host, port)
    except Unusable as error:
        print(f"{SAID}{error}", flush=True)
        return 1


class LocalAws:
    """moto, what it held before, and the fixtures."""

    def __init__(self, configuration: AwsConfiguration) -> None:
        from .calls.gate import Gate
        from .dispatcher import Dispatcher
        from .locks import Locks
        from .log_events import LogEvents
        from .mirror.mirror import Mirror
        from .moto_services import MotoServices
        from .state.keeper import keeper_of

        locks = Locks()
        self._fixtures = configuration.fixtures
        self._keeper = keeper_of(configuration.state, configuration.state_key, locks)
        self._log_events = LogEvents(Path(configuration.state) if configuration.state else None, self._keeper.wrote)
        self._services = MotoServices(configuration.control_plane, locks, self._keeper.wrote, self._log_events)
        account = os.environ["MOTO_ACCOUNT_ID"]
        self._gate = Gate(configuration, account)
        self._mirror = Mirror(configuration.source, lambda: self._services.held("s3"), self._keeper.wrote, account)
        self._application = Dispatcher(
            configuration, self._services, self._services.buckets, self._empty, self._gate.look, self._mirror
        )

    def serve(self, host: str, port: int) -> int:
        kept = self._keeper.restore()
        self._services.make_ready(kept | {LOGS} if self._log_events.are_there else kept)
        if not self._put_in():
            return 1
        self._keeper.start()
        self._gate.start()
        server = _server(host, port, self._application)

        def end(_number: int, _frame: object) -> None:
            Thread(target=server.shutdown).start()  # which waits for the loop that this interrupts

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        server.serve_forever()
        server.server_close()
        self._gate.end()
        self._keeper.end()
        return 0

    def _put_in(self) -> bool:
        """Put in the fixtures that are not there, by a port that nobody knows."""
        from .fixtures import put_all

        self._mirror.is_on = False  # else it would refuse fixtures that are in its place
        within = _server("127.0.0.1", 0, self._application)
        Thread(target=within.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{within.server_port}"
            return put_all(self._fixtures, url, self._keeper.seeded, self._keeper.remarks.tell)
        finally:
            within.shutdown()
            within.server_close()
            self._mirror.is_on = True

    def _empty(self) -> str:
        is_in: list[bool] = []

        def put_in() -> bool:
            is_in.append(self._put_in())
            return True

        if not self._keeper.empty(put_in):
            return BUSY
        return "" if all(is_in) else NOT_IN


def _server(host: str, port: int, application: Callable[..., Any]) -> Any:
    from moto.moto_server.werkzeug_app import MotoRequestHandler  # type: ignore[import-not-found]
    from werkzeug.serving import make_server  # type: ignore[import-not-found]

    class Handler(MotoRequestHandler):  # type: ignore[misc]
        """Writes a line for each request, without what comes after `?`, which may be a secret."""

        def log_request(self, code: object = "-", size: object = "-") -> None:
            status = getattr(code, "value", code)
            self.log("info", '"%s %s" %s', self.command, self.path.partition("?")[0], status)

    return make_server(host, port, application, threaded=True, request_handler=Handler)
