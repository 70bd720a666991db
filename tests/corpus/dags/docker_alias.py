import pendulum
from airflow.models.dag import DAG
from airflow.providers.docker.operators import docker as docker_operators
from airflow.providers.docker.operators.docker_swarm import DockerSwarmOperator as Swarm

with DAG("swarm", schedule=None, start_date=pendulum.datetime(2024, 1, 1, tz="UTC")):
    one = docker_operators.DockerOperator(task_id="one", image="a:1")  # expect: docker-operator
    two = Swarm(task_id="two", image="a:1")  # expect: docker-operator
    one >> two
