from datetime import datetime

from airflow.sdk import DAG

SLACK_TOKEN: str
API_KEY: str = "b7Gq1xW8nZ0pL5rT"  # expect: secret-in-code
PASSPHRASE: str = "say it to the keeper of the vault"
WEBHOOK = "https://hooks.slack.com/services/T01ABCDEF/B02GHIJKL/aB3dE5fG7hJ9kL1mN3pQ5rS7"  # expect: secret-in-code


class Client:
    def __init__(self, *, token="c4Yh8Zk2LmQ0xT7v"):  # expect: secret-in-code
        self.secret_key = "Q9wE4rT7yU2iO5pA"  # expect: secret-in-code
        self.token = token


with DAG("keys", schedule=None, start_date=datetime(2024, 1, 1)):
    pass
