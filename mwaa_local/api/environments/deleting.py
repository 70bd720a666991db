"""DeleteEnvironment, carried out: all stopped, and what was made for the environment removed, nothing else.

An environment that `up` made stands in its user's folder: of that only what the launcher keeps as data goes, and the
record. One that the API made goes with its folder, unless there are files in it that were not copied there by the API.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.creating import error_of
from mwaa_local.api.environments.delivered import Delivered
from mwaa_local.api.environments.environment_file import is_ours
from mwaa_local.api.environments.job import OTHERS_TIMEOUT_S, Failure, Job
from mwaa_local.api.environments.record import REMOVED, last_update, record_path
from mwaa_local.files import remove_tree
from mwaa_local.local_aws import owner_of
from mwaa_local.project import STATE_DIR, Project
from mwaa_local.services.calls import note_role

STOPPING, REMOVING = "stopping", "removing"


def delete(job: Job) -> None:
    """Stop and remove the environment. Each step leaves alone what an earlier try has removed."""
    made_by = job.record.made_by
    job.phase(STOPPING)
    with job.workspace.exclusive(OTHERS_TIMEOUT_S):
        job.lifecycle().down()
        job.workspace.remove_data()
        job.phase(REMOVING)
        if (owner := owner_of(job.project)) != job.project:
            note_role(owner, job.record.name, None)
        if made_by == records.BY_API:
            _remove_project(job.project)
        else:
            Delivered(job.project).forget_kept()
            record_path(job.project).unlink(missing_ok=True)


def _remove_project(project: Project) -> None:
    Delivered(project).remove()
    if is_ours(project):
        project.environment_path.unlink()
    # The record goes with its folder in one step: there is an environment, or there is none.
    gone = project.root_dir.with_name(f"{REMOVED}{uuid4().hex}")
    is_empty = [each.name for each in project.root_dir.iterdir()] == [STATE_DIR]
    if is_empty:
        project.root_dir.rename(gone)
    else:
        gone.mkdir(mode=0o700)
        project.state_dir.rename(gone / STATE_DIR)
    remove_tree(gone, ignore_errors=True)


def fail_delete(job: Job, failure: Failure) -> None:
    """Leave the environment as it is; MWAA has no status for that, so what is seen of it says it."""
    operation, record = job.operation, job.record
    update = last_update(records.FAILED, at=operation.began, error=error_of(failure))
    job.settle(record.settled, lambda record: replace(record, last_update=update))
