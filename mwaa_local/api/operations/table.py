"""Which function does which operation of the service."""

from __future__ import annotations

from collections.abc import Mapping

from mwaa_local.api.face import Operation
from mwaa_local.api.operations import changing, metrics, reading, tokens
from mwaa_local.api.operations.rest import RestApi


def operations() -> Mapping[str, Operation]:
    """Return the function of each operation, by its name in the model."""
    return {
        "CreateCliToken": tokens.create_cli_token,
        "CreateEnvironment": changing.create_environment,
        "CreateWebLoginToken": tokens.create_web_login_token,
        "DeleteEnvironment": changing.delete_environment,
        "GetEnvironment": reading.get_environment,
        "InvokeRestApi": RestApi().invoke_rest_api,
        "ListEnvironments": reading.list_environments,
        "ListTagsForResource": reading.list_tags_for_resource,
        "PublishMetrics": metrics.publish_metrics,
        "TagResource": reading.tag_resource,
        "UntagResource": reading.untag_resource,
        "UpdateEnvironment": changing.update_environment,
    }
