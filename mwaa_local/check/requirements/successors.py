"""Packages that can no longer be built, or never could, and what took their place.

Source: what their pages on PyPI, and the errors of their own build scripts, say.
"""

from __future__ import annotations

SUCCESSORS = {
    "airflow": "apache-airflow, which MWAA's image has",
    "backports-zoneinfo": "zoneinfo, which is a part of Python since 3.9",
    "cchardet": "faust-cchardet or charset-normalizer",
    "cx-oracle": "oracledb",
    "dataclasses": "dataclasses, which is a part of Python since 3.7",
    "dotenv": "python-dotenv",
    "enum34": "enum, which is a part of Python",
    "fbprophet": "prophet",
    "futures": "concurrent.futures, which is a part of Python",
    "kerberos": "pykerberos",
    "m2crypto": "cryptography",
    "mysql-connector": "mysql-connector-python",
    "mysql-python": "mysqlclient",
    "nose": "pytest",
    "pycrypto": "pycryptodome",
    "pyldap": "python-ldap",
    "sasl": "pure-sasl; with PyHive, the extra hive_pure_sasl instead of hive",
    "sklearn": "scikit-learn",
    "suds": "suds-community",
    "tensorflow-gpu": "tensorflow",
    "thriftpy": "thriftpy2",
    "typed-ast": "ast, which is a part of Python",
}


def successor_hint(name: str) -> str:
    """Return what to use in a package's place, as a hint; "" where there is no successor."""
    successor = SUCCESSORS.get(name, "")
    return f"use {successor}" if successor else ""
