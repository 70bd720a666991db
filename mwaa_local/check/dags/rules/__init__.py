"""The rules on DAG files, one per module."""

from mwaa_local.check.dags.rule import DagRule
from mwaa_local.check.dags.rules import (
    dag_argument_in_default_args,
    docker_operator,
    ecs_argument_in_camel_case,
    hard_coded_local_path,
    pod_operator_config,
    queue_not_of_mwaa,
    secret_in_code,
    sensor_holds_slot,
    start_date_at_parse_time,
    task_longer_than_12h,
    variable_at_top_level,
    write_below_dags,
)

RULES: tuple[DagRule, ...] = (
    dag_argument_in_default_args.RULE,
    docker_operator.RULE,
    ecs_argument_in_camel_case.RULE,
    hard_coded_local_path.RULE,
    pod_operator_config.RULE,
    queue_not_of_mwaa.RULE,
    secret_in_code.RULE,
    sensor_holds_slot.RULE,
    start_date_at_parse_time.RULE,
    task_longer_than_12h.RULE,
    variable_at_top_level.RULE,
    write_below_dags.RULE,
)
