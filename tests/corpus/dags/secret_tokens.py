import os
from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

os.environ["SNOWFLAKE_TOKEN"] = "s8Kd92mZpQ41xTy7"  # expect: secret-in-code
# expect: secret-in-code
PRIVATE_KEY = """-----BEGIN RSA PRIVATE KEY-----
MIIEpAIBAAKCAQEAx5pW7Qm2Zr8tYv3Lk9Nd4Hs6Jf1Gc0BaUoXeIiRtVwPq
-----END RSA PRIVATE KEY-----"""
# expect: secret-in-code
headers = {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"}

with DAG("tokens", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(
        task_id="push",
        bash_command="git push",
        env={"GIT_TOKEN": "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"},  # expect: secret-in-code
    )
