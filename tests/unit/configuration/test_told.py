"""What the user is told of values without an effect, and how a value is explained."""

from __future__ import annotations

import pytest

from mwaa_local.configuration.explain import explain
from mwaa_local.configuration.layers import Layer
from mwaa_local.configuration.merge import (
    user_notes,
)
from tests.unit.configuration.merging import EXTRA, make_release, merged


def test_user_is_told_about_a_forced_option() -> None:
    (note,) = user_notes(merged({"core.executor": "LocalExecutor"}))
    assert (note.name, note.value, note.source) == ("AIRFLOW__CORE__EXECUTOR", "LocalExecutor", Layer.OPTION)
    assert note.winner.source is Layer.ESSENTIAL
    assert "MWAA forces this value" in note.reason


def test_user_is_not_told_when_the_forced_value_is_the_same() -> None:
    assert user_notes(merged({"core.executor": "CeleryExecutor"})) == []


def test_user_is_told_about_an_export_that_an_option_beats() -> None:
    (note,) = user_notes(merged({"app.x": "1"}, {"AIRFLOW__APP__X": "2"}))
    assert (note.source, note.winner.source) == (Layer.STARTUP_SCRIPT, Layer.OPTION)


def test_user_is_told_about_an_export_that_mwaa_reserves() -> None:
    (note,) = user_notes(merged({}, {"AIRFLOW__CORE__PARALLELISM": "1"}))
    assert "reserves" in note.reason


@pytest.mark.parametrize(
    "option", ["core.sql_alchemy_conn", "database.sql_alchemy_conn_cmd", "database.sql_alchemy_conn_secret"]
)
def test_user_is_told_about_another_spelling_of_a_forced_option(option: str) -> None:
    (note,) = user_notes(merged({option: "sqlite://"}))
    assert note.winner.name == "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
    assert "Airflow reads database.sql_alchemy_conn first" in note.reason


def test_spelling_of_an_option_that_the_release_lacks_is_no_older_one() -> None:
    # 2.10.3 knows scheduler.dag_dir_list_interval only; the Airflow 3 name beside it changes nothing.
    options = {"dag_processor.refresh_interval": "9", "scheduler.dag_dir_list_interval": "9"}
    assert user_notes(merged(options, release=make_release(local_default_options={}))) == []


def test_option_that_airflow_removed_has_a_remark() -> None:
    release = make_release(removed_options={"core.check_slas": "there are no SLAs any more"})
    result = merged({"core.check_slas": "True"}, release=release)
    assert result.remarks == {
        "AIRFLOW__CORE__CHECK_SLAS": "Airflow 2.10.3 has no core.check_slas: there are no SLAs any more"
    }
    assert merged(release=release).remarks == {}


# Explanations.


def test_explanation_names_every_layers_value_and_the_rule() -> None:
    explanation = explain(merged({"core.executor": "A"}, {"AIRFLOW__CORE__EXECUTOR": "B"}), "core.executor")
    assert [(step.variable.value, step.variable.source, step.won) for step in explanation.steps] == [
        ("B", Layer.STARTUP_SCRIPT, False),
        ("A", Layer.OPTION, False),
        ("CeleryExecutor", Layer.ESSENTIAL, True),
    ]
    assert explanation.winner is not None and explanation.winner.value == "CeleryExecutor"
    assert explanation.documentation == Layer.ESSENTIAL.rule


def test_explanation_takes_option_and_variable_names() -> None:
    result = merged()
    assert explain(result, "core.executor") == explain(result, "AIRFLOW__CORE__EXECUTOR")
    assert explain(result, "TZ").option is None


def test_explanation_of_what_nobody_sets_says_so() -> None:
    explanation = explain(merged(), "core.no_such_option")
    assert (explanation.winner, explanation.steps) == (None, ())
    assert "No layer sets it" in explanation.documentation


def test_explanation_of_an_older_spelling_names_the_option_that_airflow_reads() -> None:
    result = merged({"core.sql_alchemy_conn": "sqlite://"})
    assert "reads database.sql_alchemy_conn first" in explain(result, "core.sql_alchemy_conn").documentation
    assert "AIRFLOW__CORE__SQL_ALCHEMY_CONN" in explain(result, "database.sql_alchemy_conn").documentation


def test_explanation_of_merged_celery_settings_does_not_call_them_lost() -> None:
    result = merged({"celery.extra_celery_config": '{"a": 1}'}, release=EXTRA)
    first = explain(result, "celery.extra_celery_config").steps[0]
    assert (first.variable.source, first.outcome) == (Layer.OPTION, "taken into the winner's value")


def test_slots_of_a_worker_are_explained_by_the_option_that_is_followed() -> None:
    result = merged({"celery.worker_concurrency": "4"})
    [lost] = user_notes(result)
    assert (lost.name, lost.winner.name) == ("AIRFLOW__CELERY__WORKER_CONCURRENCY", "AIRFLOW__CELERY__WORKER_AUTOSCALE")
    assert "celery.worker_autoscale, which is 5,0" in explain(result, "celery.worker_concurrency").documentation


def test_arguments_without_a_secrets_backend_have_a_remark_until_there_is_one() -> None:
    kwargs = {"secrets.backend_kwargs": "{}"}
    assert "secrets.backend is not set" in merged(kwargs).remarks["AIRFLOW__SECRETS__BACKEND_KWARGS"]
    assert merged(kwargs, {"AIRFLOW__SECRETS__BACKEND": "a.B"}).remarks == {}
    assert merged({}).remarks == {}  # MWAA's own arguments, without a backend
