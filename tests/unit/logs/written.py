"""Log files as Airflow 3.3.1, 2.10.3 and 2.2.2 write them, lines shortened."""

from __future__ import annotations

from pathlib import Path

RUN = "run_id=manual__2025-11-30T12:00:53.039+00:00"
TASK_3 = f"dag_id=two/{RUN}/task_id=each/map_index=1/attempt=1.log"
TRIGGER_3 = f"{TASK_3}.trigger.7.log"
PARSED_3 = "dag_processor/2025-11-30/dags-folder/two.py.log"
TASK_2 = f"dag_id=two/{RUN}/task_id=hello/attempt=1.log"
PARSED_2 = "scheduler/2025-11-30/two.py.log"
MANAGER_2 = "dag_processor_manager/dag_processor_manager.log"

AIRFLOW_3 = {
    TASK_3: """\
{"timestamp":"2025-11-30T12:00:56.340247Z","level":"info","event":"::group::Pre Execute","logger":"task"}
{"timestamp":"2025-11-30T12:00:56.371000Z","level":"warning","event":"a warning","logger":"two","task_id":"each"}
{"timestamp":"2025-11-30T12:00:56.402693Z","level":"error","event":"Task failed","error_detail":[{"exc_type":"E"}]}
""",
    TRIGGER_3: '{"timestamp":"2025-11-30T12:01:00.000000Z","event":"trigger fired","level":"info"}\n',
    PARSED_3: '{"timestamp":"2025-11-30T12:00:45.543666Z","level":"info","event":"Filling up the DagBag"}\n',
}
TRACEBACK = """\
Traceback (most recent call last):
  File "/usr/local/airflow/dags/two.py", line 20, in each
    raise ValueError("on purpose")
ValueError: on purpose"""
AIRFLOW_2 = {
    TASK_2: f"""\
[2025-11-30T12:03:18.698+0000] {{two.py:18}} INFO - each 2
[2025-11-30T12:03:18.699+0000] {{taskinstance.py:3311}} ERROR - Task failed with exception
{TRACEBACK}
[2025-11-30T12:03:18.781+0000] {{local_task_job_runner.py:266}} INFO - Task exited with return code 1
""",
    PARSED_2: "[2025-11-30T12:03:09.057+0000] {processor.py:186} INFO - Started process (PID=50)\n",
    MANAGER_2: "[2025-11-30T12:03:09.015+0000] {manager.py:483} INFO - Processing files\n",
}
LINE_2_2 = "[2025-11-30 12:03:18,699] {taskinstance.py:1157} WARNING - Dependencies not met"
# The launcher's own: components, requirements, startup script.
SCHEDULER = """\
2025-11-30T12:00:44.064681+00:00 out   ____________       _____________
2025-11-30T12:00:44.544107+00:00 out 2025-11-30T12:00:44.385394Z [info     ] Loaded executor: :CeleryExecutor: [airflow]
2025-11-30T12:00:54.380317+00:00 out 2025-11-30T12:00:54.379967Z [warning  ] 1 tasks up for execution:
2025-11-30T12:00:54.380369+00:00 out \t<TaskInstance: two.hello [scheduled]>
"""
WORKER = """\
2025-11-30T12:00:46.462563+00:00 out [2025-11-30 12:00:46,462: WARNING/MainProcess] Connected to redis
"""
REQUIREMENTS = """\
2025-11-30T12:00:39.186Z pip install -r requirements.txt
2025-11-30T12:00:40.718Z Requirements installation time: 1.53 seconds.
"""
STARTUP = """\
2025-11-30T12:00:39.092Z Executing customer startup script
2025-11-30T12:00:39.165Z from the startup script
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
