"""The browser that tests use is not disturbed by networks that come and go beside it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.browser import without_netlink

TRY = "import socket; socket.socket(); socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of networks by netlink")
def test_program_hears_nothing_of_networks() -> None:
    env = {**os.environ, without_netlink.PROGRAM_VARIABLE: sys.executable}
    done = subprocess.run([without_netlink.__file__, "-c", TRY], env=env, capture_output=True, text=True, check=False)
    assert "Address family not supported" in done.stderr
    assert done.returncode == 1
