"""A task that takes more memory than any worker of a small environment has."""

from __future__ import annotations

from airflow.sdk import DAG, task

CHUNK_BYTES = 64 * 1024 * 1024
CHUNKS = 96

with DAG("fills_memory", schedule=None):

    @task(retries=0)
    def fill() -> None:
        print("about to fill the memory", flush=True)
        held = []
        for _ in range(CHUNKS):
            held.append(b"x" * CHUNK_BYTES)  # written to, so that the kernel has to give it
        print(f"{len(held)} chunks were had", flush=True)

    fill()
