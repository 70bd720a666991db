"""The environment of MWAA's container before anything is merged, and what comes from this machine. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mwaa_local.configuration.log_groups import ACCOUNT_ID, logging_variables
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.network import NETWORK_VARIABLES
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import MARK_VARIABLE, TEMPORARY_NAME, Project
from mwaa_local.release import Release

DEFAULT_REGION = "us-east-1"
# PYTHONPATH of MWAA's images (Dockerfile.base); set so that a startup script cannot change it, as on MWAA.
MWAA_PYTHONPATH = "/python"
# dags/ and plugins/ are the user's own folders here. The packages' bytecode is there already, and with
# PYTHONPYCACHEPREFIX would not be found: Airflow 3.3.1 was then imported in 5.5 s instead of 2.3 s.
NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}
# multiprocessing makes sockets below TMPDIR, /pymp-12345678/listener-12345678, and a socket's whole name has at most
# 103 bytes (macOS's sys/un.h; Linux: 107).
MAX_TEMPORARY_BYTES = 103 - 32
# Of the caller's shell, besides what reaches the network: what makes times and text come out as the user expects.
HOST_VARIABLES = (*NETWORK_VARIABLES, "TZ", "TERM")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
# Where components reach each other: tasks of Airflow 3 report to the web server by http. The names are Compose's.
OWN_HOSTS = ("localhost", "127.0.0.1", "postgres", "redis", "webserver")
LOCAL_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
# No metadata service of a machine in the cloud, and no file of a whole machine's (botocore, BotoProvider).
NO_STRAY_CREDENTIALS = {"AWS_EC2_METADATA_DISABLED": "true", "BOTO_CONFIG": os.devnull}
# By their key, a local AWS knows which environment's components call: guest/aws/calls/who.py.
COMPONENT_KEY = "task.{name}"
AWS_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")

# What runs beside Airflow -> the variables by which components of Airflow find it.
Services = Mapping[str, Mapping[str, str]]
NO_SERVICES: Services = {}


def container_env(
    project: Project,
    environment: Environment,
    release: Release,
    packages: PythonEnvironment,
    home_dir: str,
    env: Mapping[str, str],
    services: Services = NO_SERVICES,
) -> dict[str, str]:
    """Return the base environment of every Airflow component; `env` is the caller's shell.

    Source of the names: amazon-mwaa-docker-images, Dockerfile.base and docker-compose.yaml.
    """
    region = region_of(env)
    return {
        **{name: value for name, value in env.items() if name.upper() in HOST_VARIABLES},
        **_around_proxies(env, services),
        **_aws(environment, env),
        **{name: value for variables in services.values() for name, value in variables.items()},
        "PATH": f"{packages.bin_dir}{os.pathsep}{env.get('PATH', os.defpath)}",
        "HOME": home_dir,
        "LANG": env.get("LANG", "C.UTF-8"),
        "AIRFLOW_HOME": home_dir,
        "AIRFLOW_USER_HOME": home_dir,
        "AIRFLOW_VERSION": release.airflow_version,
        "PYTHON_VERSION": packages.python_version,
        "PYTHONPATH": MWAA_PYTHONPATH,
        "PYTHONUNBUFFERED": "1",
        **NO_BYTECODE,
        **_temporary(home_dir),
        "AIRFLOW_CONSTRAINTS_FILE": f"{home_dir}/.local/etc/airflow_constraints.txt",
        "MWAA_ESSENTIAL_CONSTRAINTS_FILE": f"{home_dir}/.local/etc/mwaa_essential_constraints.txt",
        "AIRFLOW_ENV_NAME": environment.name,
        "AIRFLOW_ENV_ID": project.id,
        "CUSTOMER_ACCOUNT_ID": ACCOUNT_ID,
        **logging_variables(environment, region),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        MARK_VARIABLE: str(project.run_dir),
    }


def _temporary(home_dir: str) -> dict[str, str]:
    """Return a place for temporary files that goes with the home; none where it would be of no use."""
    path = f"{home_dir}/{TEMPORARY_NAME}"
    return {"TMPDIR": path} if len(os.fsencode(path)) <= MAX_TEMPORARY_BYTES else {}


def region_of(env: Mapping[str, str]) -> str:
    """Return the environment's region, as the caller's shell has it."""
    return env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


def _aws(environment: Environment, env: Mapping[str, str]) -> dict[str, str]:
    """Return which AWS the SDKs find. Only `host` lets any credentials of the caller through."""
    choice = environment.local.aws
    if choice is AwsMode.HOST:
        return _host_aws(env)
    variables = dict(NO_STRAY_CREDENTIALS)
    if choice not in (AwsMode.NONE, AwsMode.PROFILE):
        # Where a client does not heed the endpoint, it takes these credentials to AWS, which does not know them.
        variables |= {**LOCAL_CREDENTIALS, "AWS_ACCESS_KEY_ID": COMPONENT_KEY.format(name=environment.name)}
    return variables


def _around_proxies(env: Mapping[str, str], services: Services) -> dict[str, str]:
    """Return what keeps components from looking for each other behind the caller's proxy."""
    if not any(name.upper() in PROXY_VARIABLES for name in env):
        return {}
    given = env.get("NO_PROXY") or env.get("no_proxy") or ""
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join([*filter(None, [given]), *OWN_HOSTS, *services]))


def _host_aws(env: Mapping[str, str]) -> dict[str, str]:
    """Return what makes the AWS SDKs find the caller's own configuration although HOME is another."""
    home = env.get("HOME", "/")
    return {
        **{name: env[name] for name in AWS_CREDENTIALS if name in env},
        "AWS_CONFIG_FILE": env.get("AWS_CONFIG_FILE", f"{home}/.aws/config"),
        "AWS_SHARED_CREDENTIALS_FILE": env.get("AWS_SHARED_CREDENTIALS_FILE", f"{home}/.aws/credentials"),
    }
