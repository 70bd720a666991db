"""Listen, when all fixtures are in."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

from .configuration import AwsConfiguration


def serve(path: Path) -> int:
    """Serve the local AWS of that configuration file; return an exit code when it cannot be."""
    configuration = AwsConfiguration.read(path)
    host, port = configuration.listens
    os.environ["MOTO_PORT"] = str(port)  # where moto asks itself; read when it is imported
    from moto.moto_server.werkzeug_app import MotoRequestHandler  # type: ignore[import-not-found]
    from werkzeug.serving import make_server  # type: ignore[import-not-found]

    from .dispatcher import Dispatcher
    from .fixtures import put_all
    from .moto_services import MotoServices

    class Handler(MotoRequestHandler):  # type: ignore[misc]
        """Writes a line for each request, without what comes after `?`, which may be a secret."""

        def log_request(self, code: object = "-", size: object = "-") -> None:
            status = getattr(code, "value", code)
            self.log("info", '"%s %s" %s', self.command, self.path.partition("?")[0], status)

    application = Dispatcher(configuration, MotoServices(configuration.control_plane))
    within = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
    Thread(target=within.serve_forever, daemon=True).start()
    is_in = put_all(configuration.fixtures, f"http://127.0.0.1:{within.server_port}")
    within.shutdown()
    if not is_in:
        return 1
    make_server(host, port, application, threaded=True, request_handler=Handler).serve_forever()
    return 0
