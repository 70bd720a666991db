"""What a startup script may add to MWAA's image, going by its commands."""

from __future__ import annotations

import pytest

from mwaa_local.requirements.script_commands import Brings, brought_by

PACKAGES = [
    "sudo dnf -y install openldap-devel\n",
    "if true; then sudo yum install -y 'open*'; fi\n",
    "rpm -i /usr/local/airflow/dags/a.rpm\n",
    "sudo amazon-linux-extras install -y epel && true\n",
    "microdnf install x\n",
]
ANYTHING = [
    "curl -sSf https://sh.rustup.rs | sh -s -- -y\n",
    "TOKEN=$(curl -s http://example.com)\n",
    "wget https://example.com/a.tar.gz\n",
    "python3 -m pip install cmake\n",
    "sudo pip3 install cmake >/dev/null 2>&1\n",
    "bash /usr/local/airflow/dags/other.sh\n",
    "source /usr/local/airflow/dags/other.sh\n",
    "cd x && . ./env.sh\n",
    "./install.sh\n",
    '"/usr/local/airflow/dags/install.sh"\n',
    '"$HOME/install.sh" --yes\n',
    "conda install -y gdal\n",
    "aws s3 cp s3://bucket/headers /usr/local/airflow/include --recursive\n",
    'eval "$(cat script)"\n',
    "if [ -f x ]; then\n    make install\nfi\n",
    "set_up() {\n    tar xf a.tar.gz\n}\nset_up\n",
    "echo \"it's $(date)\"; curl 'https://example.com'\n",
    "case $MWAA_AIRFLOW_COMPONENT in\nworker) brew install x ;;\nesac\n",
    "export CFLAGS=-I/usr/local/airflow/include\n",
    "PKG_CONFIG_PATH=/opt/lib/pkgconfig\nexport PKG_CONFIG_PATH\n",
    "cat <(curl x)\n",
]
NOTHING = [
    "",
    "#!/bin/sh\n# sudo dnf install x; curl y\nexport A=dnfx\n",
    "set -euo pipefail\nexport PATH=$PATH:/usr/local/airflow/.local/bin\n",
    "export STAGE='a b; c' && echo \"installing nothing; really\" >&2\n",
    'export TOKEN="$(aws codeartifact get-authorization-token --query x --output text)"\n',
    'if [[ "$MWAA_AIRFLOW_COMPONENT" == "worker" ]]; then\n  mkdir -p x 2>/dev/null || true\nfi\n',
    "case $MWAA_AIRFLOW_COMPONENT in\n  worker|scheduler) export A=1 ;;\n  *) export A=2 ;;\nesac\n",
    "f() {\n  echo a\n}\nf\nfor x in a b; do echo $x; done\n",
    "command -v curl && sudo chmod 755 /usr/local/airflow\nenv | sort\n",
    "/usr/bin/date\nexport A=1 \\\n  B=2\n",
]


@pytest.mark.parametrize("script", PACKAGES)
def test_script_that_installs_system_packages_is_known(script: str) -> None:
    assert brought_by(script) is Brings.PACKAGES


@pytest.mark.parametrize("script", ANYTHING)
def test_script_whose_commands_may_do_anything_is_not_taken_for_harmless(script: str) -> None:
    assert brought_by(script) is Brings.ANYTHING


@pytest.mark.parametrize("script", NOTHING)
def test_script_that_only_sets_and_looks_brings_nothing(script: str) -> None:
    assert brought_by(script) is Brings.NOTHING
