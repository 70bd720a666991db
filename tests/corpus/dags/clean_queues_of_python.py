import queue
from datetime import datetime
from multiprocessing import Process, Queue

from airflow.sdk import dag, task


def work(queue):
    queue.put(1)


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def parallel():
    @task
    def run():
        results = Queue()
        process = Process(target=work, kwargs=dict(queue="results"))
        process.start()
        waiting = queue.Queue(maxsize=3)
        return results.get(), waiting.qsize()

    run()


parallel()
