"""What the words of Docker and Compose mean. Pure.

Neither has codes for these: an engine that cannot start a container says why in a sentence, and so does Compose. They
are read here (those of a build in `image_build`, a full disk in `engine`, an engine that does not answer in
`program`) and nowhere else; from here on there are types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mwaa_local.errors import DockerUnavailable, ImageBuildFailed, MwaaLocalError
from mwaa_local.event import NOT_RUN
from mwaa_local.runtime.compose.program import disk_full
from mwaa_local.runtime.compose.state import Failure
from mwaa_local.runtime.ports import port_in_use
from mwaa_local.web_address import DOOR

SHOWN_LINES = 15
_PORT_TAKEN = re.compile(r"(?:\d+\.\d+\.\d+\.\d+|\]):(\d+).*?(?:already allocated|already in use)")
_NO_IMAGE = re.compile(r"pull access denied|manifest unknown|failed to resolve reference|No such image", re.IGNORECASE)
_IMAGE = re.compile(
    r"pull access denied for ([^\s,]+)|failed to resolve reference \"([^\s\"]+)\"|No such image: (\S+)", re.IGNORECASE
)
_STEP = re.compile(r"Container (\S+)\s+(\w+)")
_GOES_AWAY = ("Recreate", "Stopping", "Removing")
_STAYS = ("Running", "Created", "Exited")


@dataclass(frozen=True)
class DryRun:
    """What Compose would do."""

    replaced: frozenset[str] = frozenset()  # names of containers that would go away
    kept: frozenset[str] = frozenset()  # names of those that nothing would be done to


def read_dry_run(output: str) -> DryRun:
    """Return what a dry run of `docker compose up` announces. A word that is not known counts as something to do."""
    steps = _STEP.findall(output)
    touched = {name for name, word in steps if word not in _STAYS}
    return DryRun(
        replaced=frozenset(name for name, word in steps if word in _GOES_AWAY),
        kept=frozenset(name for name, _ in steps) - touched,
    )


def refusal(
    failure: Failure,
    ports: Mapping[str, int],
    publisher_of: Callable[[int], str],
    asked: Mapping[str, int] | None = None,
) -> MwaaLocalError | None:
    """Return why the engine could not start a container, when that is not the component's own fault."""
    # Any other failure is told in our words, which mean nothing here.
    return start_error(failure.detail, ports, publisher_of, asked) if failure.cause == NOT_RUN else None


def start_error(
    text: str, ports: Mapping[str, int], publisher_of: Callable[[int], str], asked: Mapping[str, int] | None = None
) -> MwaaLocalError | None:
    """Return why a container could not be started, when that is not the component's own fault.

    `asked` are the ports as the environment file has them.
    """
    if full := disk_full(text):
        return full
    match = _PORT_TAKEN.search(text)
    if match is None:
        return None
    port = int(match[1])
    holder = publisher_of(port)
    name = next((name for name, number in ports.items() if number == port), DOOR)
    return port_in_use(name, port, f"the container {holder}" if holder else "another program", asked or {})


def compose_error(output: str) -> MwaaLocalError:
    """Return why `docker compose` failed."""
    if full := disk_full(output):
        return full
    last = "\n".join([line for line in output.splitlines() if line.strip()][-SHOWN_LINES:])
    if _NO_IMAGE.search(output):
        named = _IMAGE.search(output)
        image = next(filter(None, named.groups()), "") if named else ""
        return ImageBuildFailed(
            f"cannot pull the image {image}" if image else "cannot pull an image that the environment needs",
            last,
            "check that the registry answers, or name images that are here: MWAA_POSTGRES_IMAGE, MWAA_REDIS_IMAGE",
        )
    return DockerUnavailable("`docker compose` failed", last or "It said nothing.", "see the Docker engine's own log")
