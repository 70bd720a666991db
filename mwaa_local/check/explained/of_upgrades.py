"""Rules on a move to another Airflow version. Data."""

from __future__ import annotations

from mwaa_local.check.explained.text import RuleText
from mwaa_local.finding import ERROR, NOTE, WARNING
from mwaa_local.upgrade import changes, comparison, image_changes, rehearsal, wanted_runs

OF_UPGRADES = (
    RuleText(
        comparison.REFUSED,
        (ERROR,),
        comparison.RULES[comparison.REFUSED],
        "UpdateEnvironment refuses the new AirflowVersion, and the environment stays as it is.",
        "Go the way that the finding names, one update after the other, or create a new environment.",
        "2.7.2 to 3.3.1",
        "2.7.2 to 2.11.2, then 2.11.2 to 3.3.1",
    ),
    RuleText(
        rehearsal.NOT_COMPARED,
        (WARNING,),
        rehearsal.RULES[rehearsal.NOT_COMPARED],
        "What fails today already is then among the findings of the move.",
        "Do what the finding says, so that today's release can be installed here.",
    ),
    RuleText(
        wanted_runs.UNKNOWN_RUN,
        (ERROR, WARNING),
        wanted_runs.RULES[wanted_runs.UNKNOWN_RUN],
        "The run fails, which rolls the whole upgrade back.",
        "Name a DAG that the new release has, or leave `--run` out.",
    ),
    RuleText(
        changes.MEMBER,
        (WARNING,),
        changes.RULES[changes.MEMBER],
        "The environment would be another one than the file says.",
        "Remove the member, or stay with a release that has it.",
    ),
    RuleText(
        changes.DEFAULT,
        (WARNING, NOTE),
        changes.RULES[changes.DEFAULT],
        "Nothing fails, and DAGs run at other times, or do other things, than before.",
        "Say in the DAG, or by the option, what you want.",
    ),
    RuleText(
        changes.BEHAVIOUR,
        (WARNING, NOTE),
        changes.RULES[changes.BEHAVIOUR],
        "Files import as before. What changed shows when tasks run, or when somebody calls.",
        "Do what the hint of the finding says.",
    ),
    RuleText(
        image_changes.PYTHON,
        (WARNING, NOTE),
        image_changes.RULES[image_changes.PYTHON],
        "A wheel, or a path with the version in it, fits one Python alone.",
        "Build or name what fits the new one.",
    ),
    RuleText(
        image_changes.SYSTEM,
        (WARNING, NOTE),
        image_changes.RULES[image_changes.SYSTEM],
        "The startup script finds other system packages and commands.",
        "Install what the new system has; `dnf` is its command.",
    ),
    RuleText(
        image_changes.IMAGE,
        (WARNING, NOTE),
        image_changes.RULES[image_changes.IMAGE],
        "What the image no longer brings has to come from the requirements file.",
        "Add what you use to the requirements file, and change scripts that call what is gone.",
    ),
)
