"""Every declaration of what is kept outside of projects. A test finds those that are missing here."""

from __future__ import annotations

from mwaa_local import packages
from mwaa_local.check import known_options
from mwaa_local.check.requirements import install_trial as trial
from mwaa_local.check.requirements import pip_plan, provider_listing
from mwaa_local.packaging import proof
from mwaa_local.runtime.compose import image
from mwaa_local.runtime.process import servers
from mwaa_local.services import aws as aws_local
from mwaa_local.services import aws_cli, door, iam_data

KINDS = (
    packages.KEPT,
    servers.KEPT,
    known_options.KEPT,
    provider_listing.KEPT,
    pip_plan.KEPT,
    pip_plan.KEPT_PIPS,
    aws_local.KEPT,
    aws_cli.KEPT,
    iam_data.KEPT,
    packages.KEPT_FAILURES,
    trial.KEPT,
    proof.KEPT,
)
IMAGES = (image.KEPT, aws_local.KEPT_IMAGE, door.KEPT_IMAGE)
VOLUMES = image.KEPT_VOLUMES
