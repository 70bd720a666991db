"""The `mwaa.yaml` of an environment that the API made: written by us, so that every command works in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mwaa_local.api.environments.members import NAME, SOURCE_MEMBERS, TAGS
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.environment.local import LocalSettings
from mwaa_local.environment.members import LOCAL
from mwaa_local.files import write_private
from mwaa_local.project import Project
from mwaa_local.runtime.choice import remembered

HEADING = """\
# Written by CreateEnvironment and UpdateEnvironment, which write it anew; what you change under Local stays.
# Where the files came from is not named here, because they are in the folders beside this file.
"""
INHERITED = ("Runtime", "Intervals", "SystemPackages", "BaseImage", "Https", "SyncSeconds")  # how components run here
AWS = "Aws"
ANY_PORT = {"WebserverPort": 0}


def write(
    project: Project, name: str, members: Mapping[str, Any], tags: Mapping[str, str], local: LocalSettings
) -> None:
    """Write the file, whole; only this user can read it, since options can be secret."""
    import yaml

    shown = {key: value for key, value in members.items() if key not in SOURCE_MEMBERS}
    settings = local.model_dump(by_alias=True, exclude_unset=True, mode="json")
    document = {NAME: name, **shown, **({TAGS: dict(tags)} if tags else {}), LOCAL: settings}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    write_private(project.environment_path, HEADING + text)


def is_ours(project: Project) -> bool:
    """Return whether the file there is one that we wrote, and that nobody has taken over by removing its heading."""
    path = project.environment_path
    if path.is_symlink() or not path.is_file():
        return False
    return path.read_text(encoding="utf-8", errors="replace").startswith(HEADING)


def local_of(project: Project) -> LocalSettings:
    """Return the Local section of the project's file. Raises EnvironmentFileInvalid."""
    return Environment.load(project).local


def inherited(own: Project | None, aws_url: str | None) -> LocalSettings:
    """Return the Local section of an environment that is made for a project: how components run, on a free port.

    `aws_url`: where an AWS of this machine answers, which tasks then find.
    """
    plain = local_of(own).model_dump(by_alias=True, exclude_unset=True) if own else {}
    taken = {name: plain[name] for name in INHERITED if name in plain}
    if own is not None and remembered(own):
        taken["Runtime"] = remembered(own)
    if plain.get(AWS) is AwsMode.HOST:
        taken[AWS] = AwsMode.HOST
    settings = LocalSettings.model_validate({**taken, **ANY_PORT})
    return with_aws(settings, aws_url) if settings.aws is AwsMode.NONE else settings


def with_aws(local: LocalSettings, aws_url: str | None) -> LocalSettings:
    """Return the settings with that AWS for tasks; as they are without one, or for an address that cannot be theirs."""
    try:
        plain = local.model_dump(by_alias=True, exclude_unset=True)
        return LocalSettings.model_validate({**plain, AWS: aws_url}) if aws_url else local
    except ValidationError:  # one with a path, in a variable
        return local
