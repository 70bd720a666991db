"""Fails the build of a stand-in that lacks what upstream's image has, or carries what it has not. Runs on 3.7 too."""

import bz2  # noqa: F401  # this and its like: does the extension module load?
import ctypes
import curses  # noqa: F401
import lzma  # noqa: F401
import os
import pathlib
import readline  # noqa: F401
import sqlite3
import ssl
import subprocess
import sys
import sysconfig
import uuid  # noqa: F401
import zlib  # noqa: F401

ALLOWED_PACKAGES = {"pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack", "distutils", "README.txt"}

version = ".".join(str(part) for part in sys.version_info[:3])
if version != os.environ["PYTHON_VERSION"]:
    sys.exit(f"python is {version}, PYTHON_VERSION says {os.environ['PYTHON_VERSION']}")

site_packages = pathlib.Path(sysconfig.get_paths()["purelib"])
foreign = [path.name for path in site_packages.iterdir() if not {path.name, path.name.split("-")[0]} & ALLOWED_PACKAGES]
if foreign:
    sys.exit(f"site-packages holds packages of another installation: {foreign}")

headers = sysconfig.get_paths()["include"]
recorded_headers = sysconfig.get_config_vars()["INCLUDEPY"]
if not (headers.startswith("/usr/local/") and recorded_headers.startswith("/usr/local/")):
    sys.exit(f"python still points at where it was built: {headers}, {recorded_headers}")

sqlite3.connect(":memory:").execute("select sqlite_version()")
ctypes.CDLL(None).getpid()
ssl.create_default_context()
subprocess.check_call(["pip", "--version"])
