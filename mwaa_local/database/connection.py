"""How the metadata database and the broker are reached, and how the broker is configured for that."""

from __future__ import annotations

from pathlib import Path

DATABASE = "airflow"
USER = "airflow"
HOST = "127.0.0.1"


def broker_config(data_dir: Path, port: int, password: str, host: str = HOST) -> str:
    """Return the broker's configuration: local only, with a password, its messages kept on disk as SQS keeps them.

    In a container it listens on every address, which only the environment's own network and 127.0.0.1 lead to.
    """
    return "\n".join(
        [
            f"bind {host}",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{data_dir}"',
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "daemonize no",
            "",
        ]
    )


def database_url(port: int, password: str, database: str = DATABASE) -> str:
    return f"postgresql://{USER}:{password}@{HOST}:{port}/{database}"


def broker_url(port: int, password: str) -> str:
    return f"redis://:{password}@{HOST}:{port}/0"
