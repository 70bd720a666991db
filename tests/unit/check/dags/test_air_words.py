"""What is said of what ruff's rules find: `what`, `why` and `hint`, and whether the release has the names."""

from __future__ import annotations

import pytest

from mwaa_local.finding import NOTE, WARNING
from tests.environments import LATEST
from tests.unit.check.dags.dag_sources import OLD, FindAir


# `what` and `why` must agree, and `hint` must not send anybody to what the release does not have.
@pytest.mark.parametrize(
    ("text", "version", "rule", "what", "why", "hint"),
    [
        (
            "from airflow import Dataset\nDataset('s3://a')\n",
            LATEST,
            "ruff-AIR311",
            "deprecated",
            "still works",
            "airflow.sdk",
        ),
        (
            "from airflow.sdk import DAG\nDAG('a', sla_miss_callback=print, schedule=None)\n",
            LATEST,
            "ruff-AIR311",
            "`sla_miss_callback` has no effect since Airflow 3.0",
            "does nothing with it",
            "deadline alert",
        ),
        (
            "from airflow.utils.dates import days_ago\ndays_ago(1)\n",
            LATEST,
            "ruff-AIR301",
            "removed",
            "no longer has it",
            "write the date itself",
        ),
        (
            "from airflow.sdk import DAG\nDAG('a', default_view='x', schedule=None)\n",
            LATEST,
            "ruff-AIR301",
            "removed",
            "no longer has it",
            "remove it",
        ),
        (
            "from airflow.utils.task_group import TaskGroup\nTaskGroup('a')\n",
            LATEST,
            "ruff-AIR321",
            "moved",
            "Airflow 3.1 moved",
            "use `TaskGroup` from `airflow.sdk`",
        ),
        (
            "from airflow.utils.task_group import TaskGroup\nTaskGroup('a')\n",
            "3.0.6",
            "ruff-AIR321",
            "moved in Airflow 3.1",
            "right on this release",
            "with the upgrade to Airflow 3.1 or later: ",
        ),
        # The provider is in MWAA's image of Airflow 3.
        (
            "from airflow.operators.bash import BashOperator\nBashOperator(task_id='a', bash_command='')\n",
            LATEST,
            "ruff-AIR312",
            "deprecated and moved",
            "still works",
            "use `BashOperator` from `airflow.providers.standard.operators.bash`",
        ),
        (
            "from airflow.operators.bash_operator import BashOperator\nBashOperator(task_id='a')\n",
            OLD,
            "ruff-AIR302",
            "moved into `standard` provider",
            "works on this release",
            "with the upgrade to Airflow 3: use `BashOperator` from `airflow.providers.standard.operators.bash`",
        ),
        # The first can be done at once, the second when there is an Airflow that takes it.
        (
            "from airflow import DAG\nDAG('a', concurrency=1, schedule=None)\n",
            "2.2.2",
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: use `max_active_tasks` instead",
        ),
        (
            "from airflow import DAG\nDAG('a', schedule_interval=None)\n",
            "2.2.2",
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "with the upgrade to Airflow 3: use `schedule` instead",
        ),
        # The provider is in no image of MWAA, and in the constraints of both.
        (
            "from airflow.operators.papermill_operator import PapermillOperator\nPapermillOperator(task_id='a')\n",
            OLD,
            "ruff-AIR302",
            "moved into `papermill` provider",
            "works on this release",
            "before the upgrade to Airflow 3: add apache-airflow-providers-papermill>=1.0.0 to the requirements file",
        ),
        (
            "from airflow.operators.subdag import SubDagOperator\nSubDagOperator(task_id='a')\n",
            OLD,
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: use a TaskGroup",
        ),
        (
            "from airflow.contrib.operators.ecs_operator import ECSOperator\nECSOperator(task_id='a')\n",
            "2.2.2",
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: import it from the provider that has it now",
        ),
        (
            "from airflow.sdk import task\n@task\ndef a(**context):\n    context['execution_date']\n",
            LATEST,
            "ruff-AIR301",
            "`execution_date` is removed",
            "no longer has it",
            "use logical_date",
        ),
        (
            "from airflow.sdk import Asset\nAsset('s3://a/b', {'a': 1})\n",
            LATEST,
            "ruff-AIR303",
            "`Asset` signature is changed",
            "takes other arguments",
            "give extra= by its name",
        ),
        (
            "from airflow.hooks.base_hook import BaseHook\nBaseHook()\n",
            OLD,
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: import it from airflow.hooks.base",
        ),
    ],
)
def test_words_of_ruff_do_not_contradict_themselves(
    air: FindAir, text: str, version: str, rule: str, what: str, why: str, hint: str
) -> None:
    found = air(text, version=version)[rule]
    assert what in found.what
    assert why in found.why
    assert hint in found.hint
    assert found.is_for_later == ("the upgrade to Airflow 3: " in hint)


# What the release has, it says itself: ruff knows 3.0 alone, and not what MWAA's image of a release holds.
@pytest.mark.parametrize(
    ("text", "version", "has", "severity", "what", "why", "hint"),
    [
        (  # gone from 3.2 on
            "from airflow.datasets import Dataset\nDataset('s3://a')\n",
            LATEST,
            {"airflow.datasets.Dataset": False, "airflow.sdk.Asset": True},
            WARNING,
            f"Airflow {LATEST} does not have `airflow.datasets.Dataset`",
            "fails where it imports it",
            "use `Asset` from `airflow.sdk`",
        ),
        (
            "from airflow.datasets import Dataset\nDataset('s3://a')\n",
            "3.0.6",
            {"airflow.datasets.Dataset": True, "airflow.sdk.Asset": True},
            NOTE,
            "`airflow.datasets.Dataset` is deprecated since Airflow 3.0",
            "still works",
            "use `Asset` from `airflow.sdk`",
        ),
        (
            "from airflow.operators.python import get_current_context\nget_current_context()\n",
            LATEST,
            {"airflow.operators.python.get_current_context": True, "airflow.sdk.get_current_context": True},
            NOTE,
            "`airflow.operators.python.get_current_context` is deprecated since Airflow 3.0",
            "still works",
            "use `get_current_context` from `airflow.sdk`",
        ),
        (
            "from airflow.utils.dates import days_ago\ndays_ago(1)\n",
            LATEST,
            {"airflow.utils.dates.days_ago": False},
            WARNING,
            "`airflow.utils.dates.days_ago` is removed in Airflow 3.0",
            "no longer has it",
            "write the date itself",
        ),
        (  # the place that Airflow's own warning names
            "from airflow.models.param import Param\nParam(1)\n",
            LATEST,
            {
                "airflow.models.param.Param": True,
                "airflow.sdk.definitions.param.Param": True,
                "airflow.sdk.Param": True,
            },
            NOTE,
            "deprecated",
            "still works",
            "use `Param` from `airflow.sdk`",
        ),
        (
            "import airflow.utils.log.secrets_masker as m\nm()\n",
            LATEST,
            {"airflow.utils.log.secrets_masker": False, "airflow.sdk.execution_time.secrets_masker": False},
            WARNING,
            "removed in Airflow 3.0",
            "no longer has it",
            "see the upgrade guide of Airflow 3",
        ),
        (  # what is elsewhere from 3.1 on may be there already
            "from airflow.utils.task_group import TaskGroup\nTaskGroup('a')\n",
            "3.0.6",
            {"airflow.utils.task_group.TaskGroup": True, "airflow.sdk.TaskGroup": True},
            NOTE,
            "moved in Airflow 3.1",
            "right on this release",
            "use `TaskGroup` from `airflow.sdk`",
        ),
        (
            "from airflow.utils.timezone import utcnow\nutcnow()\n",
            "3.0.6",
            {"airflow.utils.timezone.utcnow": True, "airflow.sdk.timezone.utcnow": False},
            NOTE,
            "moved in Airflow 3.1",
            "right on this release",
            "with the upgrade to Airflow 3.1 or later: use `utcnow` from `airflow.sdk.timezone`",
        ),
        (
            "from airflow.contrib.operators.ecs_operator import ECSOperator\nECSOperator(task_id='a')\n",
            OLD,
            {"airflow.contrib.operators.ecs_operator.ECSOperator": False},
            WARNING,
            f"Airflow {OLD} does not have `airflow.contrib.operators.ecs_operator.ECSOperator`",
            "fails where it imports it",
            "import it from the provider that has it now",
        ),
        (
            "from airflow.utils.helpers import chain\nchain()\n",
            OLD,
            {"airflow.utils.helpers.chain": False, "airflow.sdk.chain": False},
            WARNING,
            f"Airflow {OLD} does not have `airflow.utils.helpers.chain`",
            "fails where it imports it",
            "remove it: this release has no replacement",
        ),
        (  # the project's requirements may bring it
            "from airflow.operators.bash_operator import BashOperator\nBashOperator(task_id='a')\n",
            OLD,
            {
                "airflow.operators.bash_operator.BashOperator": True,
                "airflow.providers.standard.operators.bash.BashOperator": True,
            },
            NOTE,
            "moved into `standard` provider in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: use `BashOperator` from `airflow.providers.standard.operators.bash`",
        ),
    ],
)
def test_release_itself_says_which_names_it_has(
    air: FindAir, text: str, version: str, has: dict[str, bool], severity: str, what: str, why: str, hint: str
) -> None:
    [found] = air(text, version=version, has=has).values()
    assert found.severity == severity
    assert what in found.what
    assert why in found.why
    assert found.hint.startswith(hint)
