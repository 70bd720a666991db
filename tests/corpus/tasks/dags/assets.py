"""Runs that assets trigger, which have no logical date. Of Airflow 3 alone."""

from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import Asset
except ImportError:
    from airflow.datasets import Dataset as Asset
    from airflow.operators.bash import BashOperator

with DAG("after_asset", start_date=datetime(2024, 1, 1), schedule=[Asset("s3://bucket/key")]):
    BashOperator(task_id="day", bash_command="echo {{ ds }}")  # expect-3: error template-name-undefined
    BashOperator(task_id="asked", bash_command="echo {{ ds | default('none') }} {{ run_id }}")
    BashOperator(task_id="key", bash_command="{{ task_instance_key_str }}")
    BashOperator(
        task_id="other_question",
        bash_command="{% if params.p %}{{ ds }}{% endif %}",  # expect-3: warning template-name-undefined
    )
    BashOperator(
        task_id="also_unasked",
        # expect-3: error template-name-undefined
        bash_command="{{ ds_nodash }} {% if dag_run.logical_date %}{{ ds_nodash }}{% endif %}",
    )
    BashOperator(
        task_id="events",
        # expect-2: error template-name-undefined
        bash_command="{% if triggering_asset_events %}none{% else %}{{ ds }}{% endif %}",
    )
    # Whoever asks for one date, or for the kind of run, asks for all dates.
    for number, text in enumerate(
        (
            "{% if logical_date is defined %}{{ ds }} {{ data_interval_end }}{% else %}none{% endif %}",
            "{% if logical_date is not defined %}none{% else %}{{ ds_nodash }}{% endif %}",
            "{% if dag_run.logical_date %}{{ ds }}{% endif %}",
            "{% if dag_run.run_type == 'scheduled' %}{{ ts }}{% endif %}",
            "{{ ds if dag_run.logical_date else dag_run.run_after }}",
            "{{ dag_run.logical_date and ts }}",
            "{% set is_dated = run_id.startswith('manual') %}{% if is_dated %}{{ ds }}{% endif %}",
        )
    ):
        BashOperator(task_id=f"kind_{number}", bash_command=text)
