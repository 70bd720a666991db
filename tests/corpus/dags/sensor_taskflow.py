from datetime import datetime

from airflow.sdk import PokeReturnValue, dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def watch():
    @task.sensor(poke_interval=30, timeout=7200, mode="poke")  # expect: sensor-holds-slot
    def ready() -> PokeReturnValue:
        return PokeReturnValue(is_done=True)

    ready()


watch()
