"""What comes around a start of containers: what is tried before any is touched, and what there is to say of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mwaa_local.cache.users import User
from mwaa_local.plan import Plan
from mwaa_local.remarks import Remark, save_remarks
from mwaa_local.requirements import install as requirements_install
from mwaa_local.runtime.compose.containers import OwnContainers, compose_name
from mwaa_local.runtime.compose.outcomes import ContainerOutcomes
from mwaa_local.runtime.protocol import Prepared
from mwaa_local.services.all import SERVICES
from mwaa_local.services.seeding import MIGRATE_DB, SEED_TIMEOUT_S
from mwaa_local.startup.script_run import STARTUP_SCRIPT_TIMEOUT_S
from mwaa_local.steps import Say, Steps

REQUIREMENTS_TIMEOUT_S = requirements_install.REQUIREMENTS_INSTALL_TIMEOUT_S + STARTUP_SCRIPT_TIMEOUT_S + 60.0


@dataclass(frozen=True)
class PreparedContainers(Prepared):
    """A plan of containers. `running` is the plan that ran before, if any."""

    running: Plan | None = field(kw_only=True)
    own: OwnContainers = field(kw_only=True)
    outcomes: ContainerOutcomes = field(kw_only=True)
    user: User = field(kw_only=True)
    steps: Steps = field(kw_only=True)
    packages_key: str = field(kw_only=True)  # changes with anything that is installed
    image_key: str = field(kw_only=True)  # what the image's tag ends with

    def set_up(self) -> None:
        """Where an environment runs, try script and requirements first, so that a failure leaves it running.

        Raises StartupScriptFailed where MWAA's containers would not start.
        """
        if self.running is None:
            return
        self._seed_again(self.running)
        self._remove_services()
        self.outcomes.files.forget_script("requirements")  # it does not run again where nothing is to be installed
        # What containers run with was installed before they started.
        if self.packages_key not in self.own.packages_in_use():
            self.steps.do("requirements", self._install)

    def judge(self) -> tuple[Remark, ...]:
        """Return what was learnt so far, and what the containers found. Raises StartupScriptFailed as `set_up`."""
        remarks = (*self.remarks, *self.outcomes.remarks())
        save_remarks(self.own.project.run_dir, remarks)
        return remarks

    def settle(self) -> None:
        """Remove the packages of earlier images. Those of earlier requirements went when containers were replaced."""
        packages_volume = f"{compose_name(self.own.project)}-packages-{self.image_key}"  # docker-compose.yml
        self.own.remove_unused_volumes("packages", packages_volume)
        self.user.settle()

    def _remove_services(self) -> None:
        """Remove services that are not asked for any more: Compose leaves those of other profiles alone."""
        present = {item.service for item in self.own.all()}
        gone = [kind.name for kind in SERVICES if kind.name in present and self.plan.component(kind.name) is None]
        for name in gone:
            self.own.engine.compose(self.own.compose, "--profile", name, "rm", "--stop", "--force", name)

    def _seed_again(self, running: Plan) -> None:
        """Put changed settings into the database that runs; a new container for the step would replace all others."""
        before, now = running.component(MIGRATE_DB), self.plan.component(MIGRATE_DB)
        same_release = running.airflow_version == self.plan.airflow_version
        if now and now.reads and before and same_release and before.reads != now.reads:
            self.own.run_once(MIGRATE_DB, SEED_TIMEOUT_S)

    def _install(self, say: Say) -> None:
        say("running the startup script, then pip, in a separate container")
        try:
            self.own.run_once("requirements", REQUIREMENTS_TIMEOUT_S)
        finally:  # where the startup script is the cause of a failure, that is what to say
            self.outcomes.startup_script("requirements", "scheduler")
