import json
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

for path in sorted((Path(__file__).parent / "configs").glob("*.json")):
    config = json.loads(path.read_text())
    with DAG(path.stem, schedule=config["schedule"], start_date=datetime.fromisoformat(config["start"])) as dag:
        BashOperator(task_id="a", bash_command=config["command"], queue=config.get("queue"))
    globals()[path.stem] = dag
