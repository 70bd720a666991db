"""Rules on mwaa.yaml, the options, the startup script and the files that seed an environment here. Data."""

from __future__ import annotations

from mwaa_local.check import (
    environment,
    members,
    named_places,
    option_values,
    options,
    other_tools,
    python,
    release_signs,
    settings,
    startup,
)
from mwaa_local.check.explained.text import RuleText
from mwaa_local.finding import ERROR, NOTE, RELEASE_ASSUMED, WARNING

_MEANINGS = {
    **environment.RULES,
    **release_signs.RULES,
    **named_places.RULES,
    **other_tools.RULES,
    **python.RULES,
    **options.RULES,
    **startup.RULES,
    **settings.RULES,
}


def _text(rule: str, severities: tuple[str, ...], why: str, todo: str, bad: str = "", good: str = "") -> RuleText:
    return RuleText(rule, severities, _MEANINGS[rule], why, todo, bad, good)


OF_ENVIRONMENT = (
    _text(
        environment.INVALID,
        (ERROR,),
        "CreateEnvironment and UpdateEnvironment refuse a request with such a value.",
        "Write what the finding asks for.",
        "MinWorkers: none",
        "MinWorkers: 1",
    ),
    _text(
        environment.IGNORED,
        (NOTE,),
        "The member is right for MWAA. On one machine there is nothing that it could set.",
        "Nothing, if you know that it is not tried here.",
    ),
    _text(
        environment.RELEASE,
        (ERROR,),
        "MWAA refuses to create an environment of a version that it does not have.",
        "Take one of `mwaa-local releases`.",
    ),
    _text(
        members.S3_ADDRESS,
        (ERROR,),
        "MWAA takes a key in the source bucket, and would look for a key that begins with s3://.",
        "Write the path below the bucket.",
        "RequirementsS3Path: s3://my-bucket/requirements.txt",
        "RequirementsS3Path: requirements.txt",
    ),
    _text(
        members.NOT_TEXT,
        (WARNING,),
        "YAML makes a number or a truth value of it. AWS's API and its tools take options as text only.",
        "Put it between quotes.",
        "core.parallelism: 32",
        'core.parallelism: "32"',
    ),
    _text(
        RELEASE_ASSUMED,
        (WARNING,),
        "Without AirflowVersion everything is checked for MWAA's newest release, which may not be yours.",
        "Write your environment's AirflowVersion into mwaa.yaml.",
        "",
        'AirflowVersion: "2.10.3"',
    ),
    _text(
        named_places.NAMED,
        (WARNING,),
        "mwaa-local takes the requirements file and the startup script that mwaa.yaml names, as MWAA does, and reads "
        "DAGs and plugins from the folders dags/ and plugins/.",
        "Remove the file that MWAA does not get, or move what is named to the folder.",
        "PluginsS3Path: plugins.zip  # and no folder plugins/",
        "unzip plugins.zip -d plugins",
    ),
    _text(
        other_tools.ELSEWHERE,
        (WARNING, NOTE),
        "mwaa-local takes the file that RequirementsS3Path in mwaa.yaml names, as MWAA does, else "
        "requirements/requirements.txt.",
        "Name the file in mwaa.yaml, or move it to requirements/requirements.txt.",
        "",
        "RequirementsS3Path: requirements.txt",
    ),
    _text(
        other_tools.NOT_READ,
        (NOTE,),
        "The file belongs to AWS's local runner. MWAA does not read it either.",
        "Set what MWAA has to set as options, or export it in the startup script.",
    ),
    _text(
        python.STANDS_IN,
        (WARNING,),
        "Packages with wheels for one Python, and syntax, can be different on MWAA's.",
        "Install the Python that the finding names.",
    ),
    _text(
        options.UNKNOWN_SECTION,
        (WARNING,),
        "MWAA takes any option; Airflow then looks for it nowhere.",
        "Correct the section's name.",
        'dag_procesor.parsing_processes: "2"',
        'dag_processor.parsing_processes: "2"',
    ),
    _text(
        options.UNKNOWN_KEY,
        (WARNING,),
        "MWAA takes any option, and Airflow ignores one that it does not know, without a word.",
        "Correct the name, or remove the option.",
    ),
    _text(
        options.MOVED,
        (WARNING,),
        "Airflow moves options between sections; some old names are read for a while, others are ignored.",
        "Write the new name.",
        'core.sql_alchemy_pool_size: "5"',
        'database.sql_alchemy_pool_size: "5"',
    ),
    _text(options.REMOVED, (WARNING,), "Airflow ignores it, without a word.", "Remove it, or do what the hint says."),
    _text(options.DEPRECATED, (WARNING,), "A later release of MWAA will ignore it.", "Write what the hint gives."),
    _text(
        options.WITHOUT_EFFECT,
        (WARNING, NOTE),
        "MWAA lays its own values over some options, and Airflow follows some options only together with others.",
        "Remove the option, or set what the finding names.",
    ),
    _text(
        options.SECRET,
        (WARNING,),
        "Whoever may read the environment's description sees its options.",
        "Keep it in AWS Secrets Manager, and name that in a secrets backend.",
    ),
    _text(options.INVALID, (ERROR,), "MWAA's API refuses it.", "Write section.key, each option once."),
    _text(
        option_values.BEYOND_CLASS,
        (WARNING,),
        "More tasks at a time than the class is made for run out of memory, and MWAA replaces the worker.",
        "Take a lower number, or a larger environment class.",
        'celery.worker_autoscale: "50,5"  # on mw1.small',
        'celery.worker_autoscale: "5,5"',
    ),
    _text(
        option_values.VALUE,
        (ERROR, WARNING),
        "Airflow compares some values when it starts, and converts others when it reads them: it then raises "
        "AirflowConfigException. Arguments of a secrets backend that are no JSON are left out.",
        "Write a value of the kind that the finding names.",
        'logging.logging_level: "debug"',
        'logging.logging_level: "DEBUG"',
    ),
    _text(
        option_values.NO_USERS,
        (WARNING,),
        "On MWAA people log in by IAM, and the web server has no users with passwords: nobody gets in.",
        "Remove the option, and call MWAA's InvokeRestApi or take a web login token.",
    ),
)
OF_STARTUP = (
    _text(
        startup.FAILS,
        (ERROR, WARNING),
        "MWAA reads the variables when the script has ended. If the shell dies before, the container does not start, "
        "and the update of the environment rolls back.",
        "Remove `set -e`, `set -u` and `exec`, or end commands that may fail with `|| true`.",
        "set -e\ncp optional.cfg /tmp/",
        "cp optional.cfg /tmp/ || true",
    ),
    _text(
        startup.SYNTAX,
        (ERROR,),
        "bash runs the lines before the mistake and not those after it. MWAA starts the container anyway.",
        "Correct the line; `bash -n startup.sh` checks the script without running it.",
    ),
    _text(
        startup.REFUSED,
        (WARNING,),
        "MWAA protects some variables and puts its own values back after the script.",
        "Remove the export, or set the option for it if there is one.",
    ),
    _text(
        startup.FAILED_COMMAND,
        (WARNING, NOTE),
        "MWAA ignores exit codes: its container starts without what the command was to do.",
        "Correct the command; if it may fail, write `|| true` after it.",
    ),
    _text(
        startup.REACHES_PIP,
        (WARNING,),
        "Tasks that make virtual environments call pip, which reads every variable of its own.",
        "Unset it at the end of the script, or set it for one command only.",
        "export PIP_USER=true\npip install x",
        "PIP_USER=true pip install x",
    ),
    _text(
        startup.ODD,
        (WARNING,),
        "bash does what is written, and MWAA starts the container whatever it was.",
        "Do what the finding says.",
    ),
)
OF_SETTINGS = (
    _text(
        settings.INVALID,
        (ERROR,),
        "MWAA does not read the file; `mwaa-local up` does, and ends at the mistake.",
        "Correct the entry that the finding names.",
    ),
    _text(
        settings.ODD,
        (WARNING,),
        "MWAA does not read the file; here an entry would be passed over, or mean something else.",
        "Correct the entry that the finding names.",
    ),
)
