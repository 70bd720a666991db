"""What Environment and its sections have in common: how their members are named, and that they never change."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_pascal

LOCAL = "Local"  # the section that MWAA does not have


class Members(BaseModel):
    """Members by MWAA's names in files and by Python's in code; values never change and never show in errors."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_pascal, populate_by_name=True, extra="forbid", hide_input_in_errors=True
    )
