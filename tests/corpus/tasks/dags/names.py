"""Names in templates: each kind that fails, beside its neighbours that do not."""

from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator

COMMAND = "echo {{ FROM_A_CONSTANT }}"  # expect: error template-name-undefined
START = datetime(2024, 1, 1)

with DAG("names", start_date=START, schedule="@daily", catchup=False, params={"p": 1}):
    BashOperator(
        task_id="placeholder",
        bash_command="aws s3 ls s3://{{ BUCKET_NAME }}/"  # expect: error template-name-undefined
        " --region {{ ds }}",
    )
    BashOperator(task_id="constant", bash_command=COMMAND)
    BashOperator(
        task_id="nested",
        bash_command="true",
        env={"A": "{{ IN_ENV }}"},  # expect: error template-name-undefined
    )
    for number in range(3):
        BashOperator(
            task_id=f"loop_{number}",
            bash_command="echo {{ LOOPED }}",  # expect: error template-name-undefined
        )
    BashOperator.partial(
        task_id="mapped",
        bash_command="echo {{ PARTIAL }}",  # expect: error template-name-undefined
    ).expand(env=[{"A": "{{ not_rendered }}"}])
    # Only where the loop or the branch is taken.
    BashOperator(
        task_id="loop",
        bash_command="{% for a in [] %}{{ a }} {{ B }}{% endfor %}",  # expect: warning template-name-undefined
    )
    BashOperator(
        task_id="branch",
        bash_command="{{ C if params.p else ds }}",  # expect: warning template-name-undefined
    )
    BashOperator(task_id="brace", bash_command="echo {{ ds }")  # expect: error template-syntax
    BashOperator(task_id="filter", bash_command="echo {{ ds | no_such_filter }}")  # expect: error template-syntax
    # Known to other places, or to other releases.
    BashOperator(task_id="attempt", bash_command="echo {{ try_number }}")  # expect: error template-name-undefined
    BashOperator(task_id="failed", bash_command="echo {{ exception }}")  # expect: error template-name-undefined
    BashOperator(task_id="dictionary", bash_command="{{ templates_dict.a }}")  # expect: error template-name-undefined
    # Members of what has known ones.
    BashOperator(task_id="typo", bash_command="{{ macros.ds_ad(ds, 1) }}")  # expect: error template-name-undefined
    BashOperator(task_id="no_plugin", bash_command="{{ macros.nope.f(1) }}")  # expect: error template-name-undefined
    BashOperator(task_id="no_macro", bash_command="{{ macros.acme.week(1) }}")  # expect: error template-name-undefined
    BashOperator(task_id="of_var", bash_command="{{ var.valu.x }}")  # expect: error template-name-undefined
    BashOperator(task_id="of_text", bash_command="{{ ds.add(days=1) }}")  # expect: error template-name-undefined
    BashOperator(task_id="text", bash_command="{{ ds.replace('-', '') }} {{ ts[:10] }} {{ ts.split('T')[0] }}")
    BashOperator(
        task_id="members",
        bash_command="{{ macros.acme.month(1) }} {{ macros.datetime.now() }} {{ macros.dateutil.unknown }} "
        "{{ var.json.a.b }} {{ var.get('value') }} {% if macros.other is defined %}{{ macros.other.x }}{% endif %}",
    )
    # What only hands a name on, or asks for it.
    BashOperator(
        task_id="handed_on",
        bash_command="{{ dag_run.conf.get('d', HANDED_ON) }}",  # expect: warning template-name-undefined
    )
    BashOperator(
        task_id="no_none",
        bash_command="{% if IS_NONE is none %}a{% endif %}",  # expect: warning template-name-undefined
    )
    BashOperator(
        task_id="asked_too_late",
        bash_command="{{ G.h | default('x') }}",  # expect: warning template-name-undefined
    )
    # All of these are well.
    BashOperator(
        task_id="known",
        bash_command="{{ ds }} {{ ts }} {{ run_id }} {{ params.p }} {{ dag_run.conf }} {{ var.value.a }} "
        "{{ conn.b.host }}"
        "{{ macros.ds_add(ds, 1) }} {{ ti.xcom_pull('x') }} {{ task.task_id }} {{ data_interval_end | ds }}",
    )
    BashOperator(task_id="set", bash_command="{% set a = 1 %}{{ a }} {% if a %}{% set b = 2 %}{% endif %}{{ b }}")
    BashOperator(
        task_id="set_to", bash_command="{% set d = H %}{{ d | default('x') }} {% set H = H | default(1) %}{{ H }}"
    )
    BashOperator(task_id="asked", bash_command="{{ D | default('x') }} {% if E is defined %}{{ E }}{% endif %}")
    BashOperator(task_id="raw", bash_command="{% raw %}{{ F }}{% endraw %} docker ps --format '{{ '{{ .Names }}' }}'")
    BashOperator(task_id="jinjas_own", bash_command="{% for i in range(3) %}{{ loop.index }}{{ i }}{% endfor %}")
    BashOperator(task_id="macro", bash_command="{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1) }}")
    BashOperator(task_id="braces_of_shell", bash_command="echo ${A} {a,b} $((1 + 1))")

with DAG("own_macros", start_date=START, schedule="@daily", catchup=False, user_defined_macros={"mine": 1}):
    BashOperator(task_id="mine", bash_command="echo {{ mine }}")
    BashOperator(task_id="nothing_of_mine", bash_command="{{ mine if mine is defined else 1 }} {{ ds }}")
    BashOperator(task_id="not_mine", bash_command="echo {{ other }}")  # expect: warning template-name-undefined


class OwnRendering(BashOperator):
    """Renders its fields itself."""

    def render_template_fields(self, context, jinja_env=None):
        pass


with DAG("own_rendering", start_date=START, schedule="@daily", catchup=False):
    OwnRendering(task_id="own", bash_command="echo {{ ANYTHING }}")
