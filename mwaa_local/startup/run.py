"""Run the startup script as MWAA's containers do, and return the variables it exported.

MWAA has bash *source* `/usr/local/airflow/startup/startup.sh` (its `#!` line is ignored) inside a wrapper in which
`exit` is an alias that first writes the exported environment to a file. `outcome` judges the result.

Not for merging the variables (`configuration.merge` does that), nor for protected names. The same rules are used for
the releases up to 2.8.1, whose own image AWS has not published.

Source: aws/amazon-mwaa-docker-images, `python/mwaa/config/setup_environment.py` and
`bin/airflow-user/execute-user-startup-script`; MWAA user guide, "Using a startup script with Amazon MWAA".
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mwaa_local import command
from mwaa_local.errors import ToolMissing
from mwaa_local.scratch import scratch_folder
from mwaa_local.startup.outcome import StartupOutcome, judge
from mwaa_local.startup.script_run import (
    DEATH_NAME,
    ENVIRONMENT_NAME,
    FAILURES_NAME,
    STARTUP_SCRIPT_TIMEOUT_S,
    ScriptRun,
    read_environment,
    read_fields,
    read_script,
)

WRAPPER_PATH = Path(__file__).parents[1] / "guest" / "startup_wrapper.sh"


def run_startup_script(
    script_path: Path,
    component: str,
    env: Mapping[str, str],
    cwd: Path,
    log_path: Path,
    *,
    timeout_s: float = STARTUP_SCRIPT_TIMEOUT_S,
    wrap: Callable[[Sequence[str]], list[str]] = list,
) -> StartupOutcome:
    """Source the script with bash and return what it exported; its output goes to `log_path`, which starts empty.

    `env` is the complete environment of the component, `cwd` what stands for `/usr/local/airflow`. Safe to call from
    several threads for several components, each with its own log. Programs that the script left in the background
    keep running, except after a time-out. `wrap` makes of bash's command the one that runs it in a home of its own.

    Raises StartupScriptFailed where MWAA's container would not start, ToolMissing when there is no bash.
    """
    script_path = script_path.absolute()  # bash looks for a bare name on PATH
    script = read_script(script_path)
    with command.LineLog(log_path) as log, scratch_folder("mwaa-local-startup-") as private_dir:
        written = [private_dir / name for name in (ENVIRONMENT_NAME, DEATH_NAME, FAILURES_NAME)]
        for path in written:
            path.touch(mode=0o600)  # already here, so that no umask in the script makes it unreadable
        argv = ["bash", str(WRAPPER_PATH), str(script_path), *map(str, written)]
        if shutil.which(argv[0], path=env.get("PATH", os.defpath)) is None:
            raise ToolMissing(f"cannot run {argv[0]}", "It is not on PATH.", "install it or put it on PATH")
        completed = _logged(command.Request(wrap(argv), env, cwd, timeout_s), log)
        ran = ScriptRun(
            script_path=script_path,
            script=script,
            component=component,
            before=env,
            completed=completed,
            environment=read_environment(private_dir / ENVIRONMENT_NAME),
            death=read_fields(private_dir / DEATH_NAME),
            failures=read_fields(private_dir / FAILURES_NAME),
            log_path=log_path,
            timeout_s=timeout_s,
        )
    return judge(ran)


def _logged(request: command.Request, log: command.LineLog) -> command.Completed:
    """Run the wrapper with its output in the log, between the lines that MWAA writes there."""
    log.write("Executing customer startup script")
    completed = command.run(request, on_line=log.write)
    log.write("Exiting customer startup script")
    log.write(f"Startup script execution time: {completed.elapsed_s:.2f} seconds.")
    return completed
