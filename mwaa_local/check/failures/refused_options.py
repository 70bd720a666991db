"""What Airflow says when it does not start because of an option's value."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Source: `_validate_enums` of AirflowConfigParser, alike from 2.2 to 3.3.
_REFUSED = re.compile(r"AirflowConfigException: (`\[(\w+)\] (\w+)` should not be .*)")


@dataclass(frozen=True)
class RefusedOption:
    """An option `section.key`, and Airflow's sentence on it."""

    name: str
    said: str

    @property
    def hint(self) -> str:
        return f"correct {self.name} in AirflowConfigurationOptions or in the startup script"


def refused_option(output: str) -> RefusedOption | None:
    """Return the option whose value ended Airflow with that output; None if it ended otherwise."""
    found = _REFUSED.search(output)
    return RefusedOption(f"{found[2]}.{found[3]}".lower(), found[1].strip()) if found else None
