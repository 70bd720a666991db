"""`airflow_settings.yaml`: what it means, and what is said about mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.errors import SettingsFileInvalid
from mwaa_local.seeding.airflow_settings import AirflowSettings, Connection
from mwaa_local.services.seeding import seed_values

# What `astro dev init` writes.
TEMPLATE = """
airflow:
  connections:
    - conn_id:
      conn_type:
      conn_host:
      conn_schema:
      conn_login:
      conn_password:
      conn_port:
      conn_extra:
        example_extra_field: example-value
  pools:
    - pool_name:
      pool_slot:
      pool_description:
  variables:
    - variable_name:
      variable_value:
"""
CONNECTIONS = "airflow:\n  connections:\n    - "


def read(folder: Path, text: str) -> AirflowSettings:
    path = folder / "airflow_settings.yaml"
    path.write_text(text)
    return AirflowSettings.read(path)


def variables(folder: Path, *values: str) -> AirflowSettings:
    entries = [f"    - {{variable_name: v{number}, variable_value: {value}}}" for number, value in enumerate(values)]
    return read(folder, "\n".join(["airflow:", "  variables:", *entries]))


def connection(folder: Path, *fields: str) -> AirflowSettings:
    lines = ["airflow:", "  connections:", "    - conn_id: c", *(f"      {field}" for field in fields)]
    return read(folder, "\n".join(lines))


def problems(folder: Path, text: str) -> str:
    with pytest.raises(SettingsFileInvalid) as caught:
        read(folder, text)
    return f"{caught.value.why}\n{caught.value.hint}"


def test_template_of_the_astro_cli_holds_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, TEMPLATE).is_empty


@pytest.mark.parametrize("text", ["", "# nothing\n", "airflow:\n", "airflow:\n  variables:\n"])
def test_file_without_entries_holds_nothing(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).is_empty


def test_missing_file_holds_nothing(tmp_path: Path) -> None:
    assert AirflowSettings.read(tmp_path / "airflow_settings.yaml").is_empty


def test_values_without_quotes_are_those_of_the_astro_cli(tmp_path: Path) -> None:
    values = ("true", "False", "yes", "12", "2.10", "1.0", "1e3", "12:30", "2026-01-01", '"007"')
    settings = variables(tmp_path, *values)
    read_as = [variable.value for variable in settings.variables]
    assert read_as == ["1", "0", "yes", "12", "2.1", "1", "1e3", "12:30", "2026-01-01", "007"]


def test_value_that_comes_out_otherwise_than_written_is_reported(tmp_path: Path) -> None:
    settings = variables(tmp_path, "true", "12", '"2.10"', "2.10")
    assert [remark.what for remark in settings.remarks] == [
        "airflow_settings.yaml:3: variable_value becomes '1' without quotes",
        "airflow_settings.yaml:6: variable_value becomes '2.1' without quotes",
    ]
    assert {remark.subject for remark in settings.remarks} == {"airflow_settings.yaml"}


def test_variable_without_a_value_is_left_out_and_told(tmp_path: Path) -> None:
    settings = read(tmp_path, "airflow:\n  variables:\n    - variable_name: empty\n")
    assert settings.variables == ()
    assert "the variable empty has no value" in settings.remarks[0].what


def test_extra_may_be_a_mapping_or_text(tmp_path: Path) -> None:
    as_mapping = connection(tmp_path, "conn_type: http", "conn_extra: {timeout: 3, deep: {on: true}}")
    as_text = connection(tmp_path, "conn_type: http", 'conn_extra: \'{"timeout": 3, "deep": {"on": true}}\'')
    assert as_mapping.connections[0].extra == as_text.connections[0].extra


def test_uri_beside_other_fields_has_no_effect_and_is_reported(tmp_path: Path) -> None:
    settings = connection(tmp_path, "conn_type: http", "conn_uri: https://other")
    assert settings.connections[0] == Connection("c", 3, conn_type="http")
    assert "conn_uri of c has no effect beside conn_type" in settings.remarks[0].what


@pytest.mark.parametrize(
    ("fields", "uri"),
    [
        (("conn_type: postgres", "conn_host: db", "conn_port: 5432", "conn_schema: s"), "postgres://db:5432/s"),
        (("conn_type: my_sql", "conn_login: me", "conn_password: 'a/b@c'"), "my-sql://me:a%2Fb%40c@"),
        (("conn_type: http", "conn_host: https://api.example"), "http://https://api.example"),
        (("conn_type: aws", "conn_extra: {region_name: eu-west-1}"), "aws:///?region_name=eu-west-1"),
        (("conn_type: aws", "conn_extra: {retries: 3}"), "aws:///?__extra__=%7B%22retries%22%3A+3%7D"),
        (("conn_type: x", "conn_port: 1"), "x://@:1"),
        (("conn_uri: redis://:pw@host/1",), "redis://:pw@host/1"),
    ],
)
def test_known_has_each_connection_as_airflow_writes_it_into_a_uri(
    tmp_path: Path, fields: tuple[str, ...], uri: str
) -> None:
    assert connection(tmp_path, *fields).known().connections == {"c": uri}


def test_known_has_variables_by_name(tmp_path: Path) -> None:
    assert variables(tmp_path, "a", "b").known().variables == {"v0": "a", "v1": "b"}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("airflow:\n  variable: []\n", 2, "write variables instead of variable"),
        ("airflow:\n  pools:\n    - {pool_name: p, pool_slots: 1}\n", 3, "write pool_slot instead of pool_slots"),
        ("connections: []\n", 1, "remove connections; known here: airflow"),
        ("airflow:\n  variables:\n    a: 1\n", 2, "airflow.variables: must be a list"),
        ("airflow:\n  pools:\n    - text\n", 3, "airflow.pools[0]: must be a mapping"),
        ("airflow:\n  pools:\n    - pool_name: p\n", 3, "the pool p has no pool_slot"),
        ("airflow:\n  pools:\n    - {pool_name: p, pool_slot: many}\n", 3, "must be a whole number"),
        ("airflow:\n  pools:\n    - {pool_name: p, pool_slot: -2}\n", 3, "must be from -1"),
        ("airflow:\n  variables:\n    - variable_value: x\n", 3, "has no variable_name"),
        ("airflow:\n  variables:\n    - {variable_name: v, variable_value: [1]}\n", 3, "must be text"),
        (CONNECTIONS + "conn_id: c\n", 3, "c has neither conn_type nor conn_uri"),
        (CONNECTIONS + "{conn_id: a b, conn_type: x}\n", 3, "choose a name that Airflow takes"),
        (
            "airflow:\n  connections:\n    - {conn_id: c, conn_type: x, conn_port: 70000}\n",
            3,
            "must be from 0 to 65535",
        ),
        (
            "airflow:\n  connections:\n    - {conn_id: c, conn_type: x, conn_extra: a=b}\n",
            3,
            "the text of a JSON object",
        ),
        (CONNECTIONS + "{conn_id: c, conn_uri: nowhere}\n", 3, "must be a URI"),
        (
            "airflow:\n  connections:\n    - {conn_id: c, conn_uri: 'x://', conn_extra: {a: b}}\n",
            3,
            "cannot stand beside",
        ),
        ("airflow: {variables: [}\n", 1, "not valid YAML"),
    ],
)
def test_mistake_is_reported_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    told = problems(tmp_path, text)
    assert f"airflow_settings.yaml:{line}:" in told
    assert said in told


def test_name_given_twice_is_reported_with_both_lines(tmp_path: Path) -> None:
    text = "airflow:\n  variables:\n" + "    - {variable_name: a, variable_value: x}\n" * 2
    assert "airflow_settings.yaml:4: airflow.variables[1]: the variable a is given twice; first on line 3" in problems(
        tmp_path, text
    )


def test_no_message_shows_a_value(tmp_path: Path) -> None:
    fields = "conn_password: [tell-nobody], conn_extra: tell-nobody, conn_uri: tell-nobody, conn_port: tell-nobody"
    assert "tell-nobody" not in problems(tmp_path, f"airflow:\n  connections:\n    - {{conn_id: c, {fields}}}\n")


def test_repr_shows_no_secret(tmp_path: Path) -> None:
    settings = connection(tmp_path, "conn_type: http", "conn_password: tell-nobody")
    assert "tell-nobody" not in repr(settings) + repr(settings.known())


def test_mark_changes_with_a_value_and_with_the_key_alone(tmp_path: Path) -> None:
    one, other = variables(tmp_path, "a"), variables(tmp_path, "b")
    marks = {seed_values(settings, key)["mark"] for settings in (one, other) for key in ("key", "other key")}
    assert len(marks) == 4
    assert seed_values(one, "key") == seed_values(variables(tmp_path, "a"), "key")
