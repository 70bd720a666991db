"""What the page must not repeat, whoever wrote it: the secrets that an environment was given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.api.environments.record import Record
from mwaa_local.api.environments.served import Served
from mwaa_local.api.environments.status import Look
from mwaa_local.configuration.merge import COMPONENTS
from mwaa_local.configuration.shown import STARTUP_EXPORTS_FILE, read_startup_exports
from mwaa_local.errors import MwaaLocalError
from mwaa_local.masking import Mask, secrets_of_variables, without_secrets
from mwaa_local.secrets import SECRETS_NAME
from mwaa_local.smoke.report_mask import secrets_of

OPTIONS = "AirflowConfigurationOptions"
Stamps = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True)
class _Known:
    """The secrets of one environment, as they were found when it was looked at."""

    look: Look
    record: Record
    files: Stamps
    secrets: frozenset[str]
    mask: Mask


class Masks:
    """What masks the secrets of each environment, those that it had before among them: old lines of logs have these."""

    def __init__(self) -> None:
        self._known: dict[Path, _Known] = {}

    def of(self, served: Served) -> Mask:
        look, record, root = served.look, served.record, served.project.root_dir
        known, files = self._known.get(root), _stamps(served)
        if known is None or known.look is not look or known.record is not record or known.files != files:
            secrets = frozenset(_secrets(served)) | (known.secrets if known else frozenset())
            mask = known.mask if known and known.secrets == secrets else Mask(secrets)
            known = self._known[root] = _Known(look, record, files, secrets, mask)
        return known.mask


def shown(text: str, mask: Mask) -> str:
    """Return a text that may hold addresses with passwords, as it may be shown."""
    return without_secrets(mask.text(text))


def stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file does; None for no file."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


def _stamps(served: Served) -> Stamps:
    """Return what changes with files that hold secrets."""
    project = served.project
    return stamp(project.run_dir / STARTUP_EXPORTS_FILE), stamp(project.state_dir / SECRETS_NAME)


def _secrets(served: Served) -> Iterator[str]:
    yield from secrets_of(served.project, served.record.members.get(OPTIONS, {}), served.look.plan)
    for component in COMPONENTS:
        try:
            yield from secrets_of_variables(read_startup_exports(served.project, component) or {})
        except MwaaLocalError:  # damaged; then the options say so
            continue
