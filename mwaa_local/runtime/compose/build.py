"""Build the images that a start needs and the engine does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from mwaa_local.files import write_private
from mwaa_local.masking import Mask, secrets_of_variables
from mwaa_local.runtime.compose.containers import OwnContainers
from mwaa_local.runtime.compose.image_build import BUILD_LOG_NAME, PYPI_HOST, build_error, step_of
from mwaa_local.steps import Say, Steps


def build_missing(own: OwnContainers, tags: Sequence[str], env: Mapping[str, str], steps: Steps) -> None:
    """Build those that are missing. `env` is the caller's shell. Raises ImageBuildFailed."""
    missing = [tag for tag in tags if not own.engine.has_image(tag)]
    if missing:
        steps.do("image", lambda say: _build(own, missing, env, say))


def _build(own: OwnContainers, tags: Sequence[str], env: Mapping[str, str], say: Say) -> None:
    say(f"building {' and '.join(tags)}, once for this release")
    told, output = "", list[str]()
    mask = Mask(secrets_of_variables(env))  # an address of an index or a proxy may have a password in it

    def follow(line: str) -> None:
        nonlocal told
        output.append(line)
        step = step_of(line)
        if step and step != told:
            told = step
            say(f"installing: {step}")

    log_path = own.project.logs_dir / BUILD_LOG_NAME
    try:
        done = own.build(follow)
    finally:  # also of a build that was interrupted
        write_private(log_path, mask.text("".join(f"{line}\n" for line in output)))
    if done.returncode != 0 or not all(map(own.engine.has_image, tags)):
        index_host = urlsplit(env.get("PIP_INDEX_URL", "")).hostname or PYPI_HOST
        raise build_error(mask.text(done.stdout), log_path, index_host)
