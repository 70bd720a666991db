"""Shows the DAGs of each team's folder as its own, as people do who keep their DAGs in folders of folders."""

from pathlib import Path

from airflow.models import DagBag

TEAMS_DIR = Path(__file__).resolve().parent / "teams"

for folder in sorted(TEAMS_DIR.iterdir()):
    for dag_id, dag in DagBag(str(folder), include_examples=False).dags.items():
        globals()[dag_id] = dag
