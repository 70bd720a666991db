"""What the name of a module tells by itself: which package brings it, whether Python ever had it. Data, and pure.

Only names that cannot be derived are listed: `pandas` is brought by `pandas`. A package of another name than its
module's is looked up here because the index cannot be asked for modules, only for packages.
"""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import canonicalize_name

# Module -> package on the index, as the packages themselves say (their wheels' RECORD). The longest name that fits.
DISTRIBUTIONS: Mapping[str, str] = {
    "Crypto": "pycryptodome",
    "Cryptodome": "pycryptodomex",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "attr": "attrs",
    "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob",
    "bs4": "beautifulsoup4",
    "cosmos": "astronomer-cosmos",
    "cv2": "opencv-python-headless",
    "dagfactory": "dag-factory",
    "dateutil": "python-dateutil",
    "dbt": "dbt-core",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "github": "PyGithub",
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.logging": "google-cloud-logging",
    "google.cloud.pubsub_v1": "google-cloud-pubsub",
    "google.cloud.secretmanager": "google-cloud-secret-manager",
    "google.cloud.secretmanager_v1": "google-cloud-secret-manager",
    "google.cloud.storage": "google-cloud-storage",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
    "googleapiclient": "google-api-python-client",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "ldap": "python-ldap",
    "magic": "python-magic",
    "mysql.connector": "mysql-connector-python",
    "nacl": "PyNaCl",
    "psycopg2": "psycopg2-binary",
    "pptx": "python-pptx",
    "ruamel.yaml": "ruamel.yaml",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slack": "slackclient",
    "slugify": "python-slugify",
    "snowflake.connector": "snowflake-connector-python",
    "snowflake.snowpark": "snowflake-snowpark-python",
    "snowflake.sqlalchemy": "snowflake-sqlalchemy",
    "telegram": "python-telegram-bot",
    "win32com": "pywin32",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
# Shared by many packages, each named after its module: `google-cloud-storage`.
NAMESPACE, NAMESPACE_PARTS = "google.cloud", 3
# Packages that bring a module under a second name, to be found in a requirements file.
ALSO_BROUGHT_BY: Mapping[str, tuple[str, ...]] = {
    "Crypto": ("pycrypto",),
    "cv2": ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "psycopg2": ("psycopg2",),
}
# Tools for tests, which no DAG needs on MWAA; with what pytest itself gives the name of a module.
TEST_TOOLS = frozenset(
    ("_pytest", "conftest", "freezegun", "hypothesis", "mock", "moto", "nose", "parameterized",
     "pytest", "pytest_mock", "requests_mock", "responses", "testcontainers", "testfixtures", "time_machine", "tox")
)  # fmt: skip
# Python's own, by the version that no longer has them; what to write instead. Source: What's New in Python.
REMOVED: Mapping[str, tuple[str, str]] = {
    "ConfigParser": ("3.0", "import configparser"),
    "Queue": ("3.0", "import queue"),
    "StringIO": ("3.0", "from io import StringIO"),
    "__builtin__": ("3.0", "import builtins"),
    "asynchat": ("3.12", "use asyncio"),
    "asyncore": ("3.12", "use asyncio"),
    "cPickle": ("3.0", "import pickle"),
    "distutils": ("3.12", "use setuptools, shutil or packaging.version for what you need of it"),
    "httplib": ("3.0", "import http.client"),
    "imp": ("3.12", "use importlib"),
    "smtpd": ("3.12", "use the package aiosmtpd"),
    "urllib2": ("3.0", "from urllib.request import urlopen"),
    "urlparse": ("3.0", "from urllib.parse import urlparse"),
}
# … and by the version that brought them.
ADDED: Mapping[str, tuple[str, str]] = {
    "importlib.metadata": ("3.8", "import importlib_metadata"),
    "tomllib": ("3.11", "use the package tomli"),
    "zoneinfo": ("3.9", 'write pendulum.timezone("…"), which Airflow itself brings'),
}
# What newer versions of a package no longer bring. setuptools: its wheels of 81.0.0 and 82.0.0.
LEFT_OUT: Mapping[str, str] = {
    "pkg_resources": "setuptools has no pkg_resources from 82 on: write `import importlib.metadata`, or take a newer "
    "version of the package that imports it",
}
# … and what some version of setuptools brings nevertheless.
OF_SETUPTOOLS = frozenset(("distutils", "pkg_resources"))
# Folders that projects keep code of their own in: hardly what somebody wants from the index.
OWN_NAMES = frozenset(
    ("common", "config", "configs", "constants", "etl", "helper", "helpers", "hooks", "include", "lib",
     "libs", "macros", "modules", "operators", "scripts", "sensors", "settings", "shared", "sql", "src", "tasks",
     "timetables", "transfers", "transforms", "util", "utils")
)  # fmt: skip


def distributions_of(module: str) -> tuple[str, ...]:
    """Return packages that bring a module, as they are called on the index, the usual one first."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in DISTRIBUTIONS:
            return (DISTRIBUTIONS[name], *ALSO_BROUGHT_BY.get(name, ()))
    if module.startswith(f"{NAMESPACE}.") and len(parts) >= NAMESPACE_PARTS:
        return ("-".join(parts[:NAMESPACE_PARTS]).partition("_v")[0].replace("_", "-"),)
    return (parts[0],)


def is_known(module: str) -> bool:
    """Whether the package of a module is certain, rather than taken to have the module's own name."""
    return distributions_of(module)[0] != module.partition(".")[0]


def brings(distribution: str, module: str) -> bool:
    """Whether a package of that name is one that brings the module: `acme-etl` may bring `acme.etl`."""
    parts = module.split(".")
    joined = ("-".join(parts[:length]) for length in range(2, len(parts) + 1))
    names = (*distributions_of(module), *joined)
    return canonicalize_name(distribution) in {canonicalize_name(name) for name in names}


def why_absent(module: str, python_version: str) -> str:
    """Return why a module is there no longer, or not yet, and what to use; "" for any other."""
    if module in LEFT_OUT:
        return LEFT_OUT[module]
    since, instead = ADDED.get(module, ("", ""))
    if since and _numbers(since) > _numbers(python_version):
        return f"{module} came with Python {since}, and this release runs {python_version}: {instead}"
    since, instead = REMOVED.get(module.partition(".")[0], ("", ""))
    if not since or _numbers(since) > _numbers(python_version):
        return ""
    return f"Python has no {module.partition('.')[0]} since {since}, and this release runs {python_version}: {instead}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
