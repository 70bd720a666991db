"""What a smoke run's report must not repeat, whoever printed it: the secrets that the environment was given.

Airflow masks what it knows to be secret when a task logs it. It knows nothing of a variable that a task prints with the
rest of its environment, nor of what a component says when it cannot start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mwaa_local.configuration.option_names import translate
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import SettingsFileInvalid
from mwaa_local.finding import Finding
from mwaa_local.masking import Mask, secrets_of_connection, secrets_of_json, secrets_of_variables
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.remarks import Remark
from mwaa_local.secrets import SECRETS_NAME, derived_keys
from mwaa_local.seeding.airflow_settings import AirflowSettings
from mwaa_local.seeding.aws_fixtures import Fixtures
from mwaa_local.smoke.result import ImportProblem, Problem

SECURE_PARAMETER = "SecureString"  # a type of Systems Manager's parameters


@dataclass(frozen=True)
class ReportMask:
    """Masks what the user reads of one smoke run."""

    mask: Mask

    @classmethod
    def of(cls, project: Project, environment: Environment, plan: Plan | None) -> ReportMask:
        """Return what masks all secrets that are known; what the startup script exports is known with a plan."""
        return cls(Mask(secrets_of(project, environment.airflow_configuration_options, plan)))

    def import_problem(self, problem: ImportProblem) -> ImportProblem:
        return replace(problem, trace=self.mask(problem.trace))

    def problem(self, problem: Problem) -> Problem:
        return Problem(self.mask(problem.what), self.mask(problem.why), self.mask(problem.hint))

    def remark(self, remark: Remark) -> Remark:
        return replace(remark, what=self.mask(remark.what), why=self.mask(remark.why))

    def finding(self, finding: Finding) -> Finding:
        return replace(finding, what=self.mask(finding.what), why=self.mask(finding.why))


def secrets_of(project: Project, options: Mapping[str, str], plan: Plan | None) -> Iterator[str]:
    """Yield what is secret in an environment with these configuration options, and in the plan that runs."""
    yield from _made_here(project)
    yield from secrets_of_variables(translate(options))
    for component in plan.components if plan is not None else ():
        yield from secrets_of_variables(component.env)
    try:
        known = AirflowSettings.load(project).known()
        fixtures = Fixtures.load(project)
    except SettingsFileInvalid:  # then nothing of it gets anywhere
        return
    yield from secrets_of_variables(known.variables)
    for connection in known.connections.values():
        yield from secrets_of_connection(connection)
    for text in fixtures.secrets.values():
        yield text
        yield from secrets_of_json(text)
    yield from (item.value for item in fixtures.parameters if item.type == SECURE_PARAMETER)


def _made_here(project: Project) -> Iterator[str]:
    """Yield the keys and passwords that were made for this project."""
    try:
        plain = json.loads((project.state_dir / SECRETS_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    yield from _texts(plain)
    yield from derived_keys(plain)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
