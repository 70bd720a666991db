"""Where everything is in a container."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

WEBSERVER_PORT = 8080


@dataclass(frozen=True)
class Places:
    """Where everything is, as docker-compose.yml and the image have it."""

    home_dir: Path = Path("/usr/local/airflow")
    run_dir: Path = Path("/opt/mwaa/run")
    outcomes_dir: Path = Path("/opt/mwaa/outcomes")
    packages_dir: Path = Path("/opt/mwaa/packages")
    base_dir: Path = Path("/opt/mwaa/base")
    temporary_dir: Path = Path("/tmp")
    webserver_port: int = WEBSERVER_PORT

    @property
    def startup_script(self) -> Path:
        return self.home_dir / "startup" / "startup.sh"

    @property
    def packages_link(self) -> Path:
        """Where everybody in this container looks for packages. No other container sees this link."""
        return self.home_dir / ".local"

    @property
    def python(self) -> Path:
        return self.packages_link / "bin" / "python"

    @property
    def environment_file(self) -> Path:
        """The variables of the component that runs here; the file is as old as the component."""
        return self.temporary_dir / "mwaa-environment.json"

    @property
    def pid_file(self) -> Path:
        return self.temporary_dir / "mwaa-component.pid"
