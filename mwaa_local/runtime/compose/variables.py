"""The variables of docker-compose.yml: each that it names, whatever of it runs."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mwaa_local.environment.kinds import AwsMode
from mwaa_local.plan import COMPONENT_OF, Plan
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.files import ComposeFiles
from mwaa_local.runtime.compose.image import Image, build_variables, image_tag
from mwaa_local.runtime.ports import port_variables
from mwaa_local.runtime.preparation import tree_version
from mwaa_local.services.service import Service
from mwaa_local.wanted import Wanted

# Of Airflow's own, those that must have ended well before the others start.
SETUP_SERVICES = ("migrate-db", "requirements")
NO_LIMIT = ("0", "0")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
KEY_CHARACTERS = 12


@dataclass(frozen=True)
class ComposeVariables:
    """What the variables of one start are made from."""

    wanted: Wanted
    files: ComposeFiles
    plan: Plan
    image: Image
    packages_key: str  # changes with anything that is installed

    def all(self, services: Sequence[Service]) -> dict[str, str]:
        """Return all variables. `services` are all there are, whichever are asked for."""
        plan, project, release = self.plan, self.wanted.project, self.wanted.release
        present = {f"MWAA_{_word(name)}_COUNT": str(len(plan.meant(name))) for name in COMPONENT_OF}
        return {
            **build_variables(release, self.image),
            **self._folders(),
            **self._commands(),
            **self._limits(),
            **self._of_services(services),
            "MWAA_PROJECT": compose_name(project),
            "MWAA_DOCKER_DIR": str(self.files.dir),
            "MWAA_LOGS_DIR": str(project.airflow_home_dir / "logs"),
            "MWAA_IMAGE_KEY": image_key(image_tag(release, self.image)),
            "MWAA_PACKAGES_KEY": self.packages_key,
            "MWAA_READS": self._reads(),
            "MWAA_HEALTH_PATH": release.health_path,
            **port_variables(plan.ports),
            **present,
            **{name: self.wanted.env[name] for name in PROXY_VARIABLES if name in self.wanted.env},
        }

    def _folders(self) -> dict[str, str]:
        """Return the folders that containers see; for one that is not there, an empty one in the Airflow home."""
        home_dir = self.wanted.project.airflow_home_dir
        shown = {
            f"MWAA_{_word(name)}_DIR": str(folder if folder.is_dir() else home_dir / name)
            for name, folder in self.wanted.delivery.folders.items()
        }
        aws_dir = Path(self.wanted.env.get("HOME", "/")) / ".aws"
        is_shown = self.wanted.environment.local.aws is AwsMode.HOST and aws_dir.is_dir()
        mode = "ro" if "dags" in self.wanted.environment.local.read_only_folders else "rw"
        return {**shown, "MWAA_DAGS_MODE": mode, "MWAA_AWS_DIR": str(aws_dir if is_shown else self.files.dir / "aws")}

    def _commands(self) -> dict[str, str]:
        """Return the words after `airflow` of each component; nothing for one that the plan does not have."""
        first = {name: next(iter(self.plan.meant(name)), None) for name in COMPONENT_OF}
        return {
            f"MWAA_{_word(name)}_COMMAND": " ".join(component.airflow_argv) if component else ""
            for name, component in first.items()
        }

    def _limits(self) -> dict[str, str]:
        facts, is_enforced = (
            self.wanted.environment.environment_class_facts,
            self.wanted.environment.local.enforce_class,
        )
        limits: dict[str, str] = {}
        for name, size in (("SCHEDULER", facts.scheduler), ("WORKER", facts.worker), ("WEBSERVER", facts.webserver)):
            cpus, memory = (str(size.vcpus), f"{size.memory_gb}g") if is_enforced else NO_LIMIT
            limits |= {f"MWAA_{name}_CPUS": cpus, f"MWAA_{name}_MEMORY": memory}
        return limits

    def _of_services(self, services: Sequence[Service]) -> dict[str, str]:
        variables = {"COMPOSE_PROFILES": ",".join(item.name for item in services if item.is_wanted)}
        for service in services:
            component, own_image = self.plan.component(service.name), service.image(self.image.base)
            variables |= own_image.variables if own_image else {}
            variables |= service.compose_variables(self.files.empty_dir)
            variables[f"MWAA_{_word(service.name)}_KEY"] = component.reads if component else ""
        return variables

    def _reads(self) -> str:
        """Return what changes with anything that makes containers of Airflow outdated."""
        # The key of the packages stands for the startup script, too.
        started_from = _content(self.files.dir / "run", without=SETUP_SERVICES)
        plugins = tree_version(self.wanted.delivery.plugins_dir)
        versions = {name: importlib.metadata.version(name) for name in ("mwaa-local",)}
        folders = {name: asdict(item) for name, item in self.plan.folders.items()}
        reads = [folders, plugins, self.packages_key, started_from]
        return hashlib.sha256(json.dumps([reads, versions]).encode()).hexdigest()[:KEY_CHARACTERS]


def image_key(tag: str) -> str:
    """Return what the tag of an image ends with: it changes with the image."""
    return tag.rpartition(":")[2]


def env_files(services: Sequence[Service], plan: Plan) -> dict[str, Mapping[str, str]]:
    """Return the variables of each service beside Airflow; Compose reads the file of each, whichever are asked for."""
    components = {service.name: plan.component(service.name) for service in services}
    return {name: component.env if component else {} for name, component in components.items()}


def _word(name: str) -> str:
    return name.upper().replace("-", "_")


def _content(folder: Path, without: Sequence[str]) -> str:
    """Return what changes with any file of the folder but those of these services."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.stem not in without:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
