from datetime import datetime

from airflow.sdk import DAG, task
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.sftp.hooks.sftp import SFTPHook
from airflow.providers.sftp.operators.sftp import SFTPOperator
from airflow.providers.ssh.operators.ssh import SSHOperator

REMOTE_DIR = "/home/upload/in"
JAR = "/home/deploy/app.jar"

with DAG("machines", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    SSHOperator(task_id="a", ssh_conn_id="host", command="/home/deploy/run.sh")
    SSHOperator(task_id="b", ssh_conn_id="host", command=f"java -jar {JAR}", environment={"HOME": JAR})
    SFTPOperator(task_id="c", ssh_conn_id="host", local_filepath="/tmp/a", remote_filepath="/home/upload/a")
    KubernetesPodOperator(
        task_id="d",
        name="d",
        image="a:1",
        cmds=["/root/start.sh"],
        env_vars={"HOME": "/home/app"},
        kubernetes_conn_id="cluster",
    )

    @task
    def e():
        hook = SFTPHook("host")
        return hook.list_directory(REMOTE_DIR) + hook.list_directory("/home/upload/out")

    e()
