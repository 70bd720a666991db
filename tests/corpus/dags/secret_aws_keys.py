from datetime import datetime

import boto3
from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def copy():
    @task
    def run():
        return boto3.client(
            "s3",
            aws_access_key_id="AKIAQ3EGRIVJ5LKZT2XA",  # expect: secret-in-code
            aws_secret_access_key="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",  # expect: secret-in-code
        ).list_buckets()

    run()


copy()
