"""All that keeps something outside of projects. A test looks for declarations that are missing here."""

from __future__ import annotations

from mwaa_local import aws_local, image, packages, servers
from mwaa_local.check import known_options, provider_listing, trial
from mwaa_local.packaging import proof

KINDS = (
    packages.KEPT,
    servers.KEPT,
    known_options.KEPT,
    provider_listing.KEPT,
    aws_local.KEPT,
    packages.KEPT_FAILURES,
    trial.KEPT,
    proof.KEPT,
)
IMAGES = (image.KEPT, aws_local.KEPT_IMAGE)
VOLUMES = image.KEPT_VOLUMES
