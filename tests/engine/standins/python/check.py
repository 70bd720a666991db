"""Fails the build of a stand-in that lacks what upstream's image has, or carries what it has not."""

import os
import ssl
import subprocess
import sys
import sysconfig

import bz2, ctypes, curses, hashlib, lzma, readline, sqlite3, uuid, zlib  # noqa: E401,F401

EXPECTED_PACKAGES = ("pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack", "distutils-precedence.pth", "README.txt")

version = "%d.%d.%d" % sys.version_info[:3]
if version != os.environ["PYTHON_VERSION"]:
    sys.exit("python is %s, PYTHON_VERSION says %s" % (version, os.environ["PYTHON_VERSION"]))

foreign = [
    name
    for name in os.listdir(sysconfig.get_path("purelib"))
    if name.split("-")[0] not in EXPECTED_PACKAGES and name not in EXPECTED_PACKAGES
]
if foreign:
    sys.exit("site-packages holds packages of another installation: %s" % foreign)

if sys.prefix != "/usr/local" or not sysconfig.get_config_var("INCLUDEPY").startswith("/usr/local/"):
    sys.exit("python still points at where it was built: %s" % sysconfig.get_config_var("INCLUDEPY"))

sqlite3.connect(":memory:").execute("select sqlite_version()")
ctypes.CDLL(None).getpid()
ssl.create_default_context()
subprocess.check_call(["pip", "--version"])
