"""What commands that check or try something out begin with, once they know the release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mwaa_local.cli.session import Session

if TYPE_CHECKING:
    from mwaa_local.check.context import CheckContext
    from mwaa_local.environment.environment import Environment
    from mwaa_local.release import Release
    from mwaa_local.steps import Steps


def check_context(session: Session, environment: Environment, release: Release, steps: Steps) -> CheckContext:
    """Return the context of the session's project; the release's packages are installed first if missing.

    Raises PackagesUnavailable, PythonUnavailable or DiskFull.
    """
    from mwaa_local.check.context import CheckContext

    base = steps.do("packages", lambda say: session.packages().base(release, say))
    return CheckContext(session.project, environment, release, session.env, session.cache_dir, base)
