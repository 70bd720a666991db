"""`POST /aws_mwaa/cli`, with a small program in the place of Airflow: who may, which words, what comes back."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mwaa_local.door.cli import MAX_COMMAND_BYTES, refusal
from mwaa_local.door.tokens import CLI, WEB, mint
from tests.unit.door.doors import ENVIRONMENT, KEY, Answer, RunningDoor, WebServer, all_of, running_door, until
from tests.unit.door.programs import lives, waiting, write_commands

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def running(started_server: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    folder = tmp_path_factory.mktemp("door")
    write_commands(folder)
    with running_door(folder, started_server.port) as door:
        yield door
        assert door.log == ""


@pytest.fixture
def door(running: RunningDoor, server: WebServer) -> Iterator[RunningDoor]:
    yield running
    assert server.asked == []  # Airflow itself sees nothing of these


def said(answer: Answer) -> tuple[str, str]:
    """Return what the command wrote to stdout and stderr, as AWS's samples read it."""
    assert answer.status == 200, answer.text
    plain = json.loads(answer.body)
    assert sorted(plain) == ["stderr", "stdout"]
    return tuple(base64.b64decode(plain[name]).decode(errors="replace") for name in ("stdout", "stderr"))  # type: ignore[return-value]


def test_command_comes_back_as_base64_in_json(door: RunningDoor) -> None:
    answer = door.run("dags list")
    assert said(answer) == ("dag_id | owner\n", "a warning\n")
    assert answer.values("Content-Type") == ["application/json; charset=utf-8"]


def test_curl_as_the_guide_of_aws_writes_it(door: RunningDoor, tmp_path: Path) -> None:
    """MWAA user guide, "Creating an Apache Airflow CLI token"."""
    header = tmp_path / "header"  # a token in a command line could be seen by others
    header.write_text(f"Authorization: Bearer {mint(KEY, CLI, ENVIRONMENT)}")
    url = f"http://localhost:{door.port}/aws_mwaa/cli"
    argv = ["curl", "-sS", "--request", "POST", url, "-H", f"@{header}", "-H", "Content-Type: text/plain"]
    done = subprocess.run([*argv, "--data-raw", "version"], capture_output=True, check=True, timeout=60)
    assert base64.b64decode(json.loads(done.stdout)["stdout"]) == b"3.3.1\n"


def test_words_are_parted_as_by_a_shell_that_does_nothing_else(door: RunningDoor, tmp_path: Path) -> None:
    line = f"""variables set x '{{"k": "v w"}}' "two words" $HOME `id` $(id) a;b > {tmp_path}/made * # no comment\n"""
    out, _ = said(door.run(line))
    words = ["x", '{"k": "v w"}', "two words", "$HOME", "`id`", "$(id)", "a;b", ">", f"{tmp_path}/made", "*"]
    assert out.startswith(repr([*words, "#", "no", "comment"]))
    assert list(tmp_path.iterdir()) == []


def test_output_that_is_no_text_comes_back_as_it_was(door: RunningDoor) -> None:
    plain = json.loads(door.run("variables set é").body)
    assert base64.b64decode(plain["stdout"]) == "['é']\n".encode() + b"\xff\xfe"


def test_command_has_what_the_web_server_has_and_no_input(door: RunningDoor) -> None:
    assert said(door.run("variables get A"))[0] == f"of the web server {door.folder} True True\n"
    assert said(door.run("variables get HOME"))[0].startswith("none ")


def test_command_that_fails_says_so_in_its_output_alone(door: RunningDoor) -> None:
    out, err = said(door.run("dags trigger fail"))
    assert out == "said before\n"
    assert err.endswith("ValueError: no such DAG\n")
    assert said(door.run("dags trigger exit 3")) == ("", "")


def test_megabytes_of_output_come_back_whole(door: RunningDoor) -> None:
    out, err = said(door.run("dags trigger much 5"))
    assert (out, err) == ("a" * 5 * MEGABYTE, "b" * 5 * MEGABYTE)


def test_output_beyond_what_an_answer_takes_is_cut_and_that_is_said(door: RunningDoor) -> None:
    out, err = said(door.run("dags trigger much 17"))
    assert len(out) >= 16 * MEGABYTE
    assert err.endswith("b\nmwaa-local: the command wrote more than 16 MB; what follows them is left out\n")


def test_command_ended_by_a_signal_is_told(door: RunningDoor) -> None:
    assert said(door.run("dags trigger kill")) == ("said before\n", "\nmwaa-local: ended by signal 9\n")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        mint(KEY, WEB, ENVIRONMENT),
        mint(KEY, CLI, "there"),
        mint("another-key", CLI, ENVIRONMENT),
        mint(KEY, CLI, ENVIRONMENT, now=time.time() - 61),
        mint(KEY, CLI, ENVIRONMENT) + "a",
        "é",
    ],
)
def test_whoever_has_no_good_token_is_refused(door: RunningDoor, token: str) -> None:
    answer = door.run("version", token.encode().decode("latin-1"))
    assert answer.status == 403
    assert answer.text == ("The CLI token is missing, expired or of another environment; create-cli-token makes one.\n")


@pytest.mark.parametrize("value", [None, "Basic YTpi", "Bearer", "bearer", mint(KEY, CLI, ENVIRONMENT)])
def test_whoever_says_it_another_way_is_refused(door: RunningDoor, value: str | None) -> None:
    headers = {"Authorization": value} if value else {}
    assert door.get("/aws_mwaa/cli", "POST", body=b"version", headers=headers).status == 403


def test_token_is_good_for_many_commands(door: RunningDoor) -> None:
    token = mint(KEY, CLI, ENVIRONMENT)
    assert [door.run("version", token).status for _ in range(3)] == [200, 200, 200]


def test_command_that_comes_in_pieces_is_run_whole(door: RunningDoor) -> None:
    body = b"variables set name value"
    head = f"POST /aws_mwaa/cli HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {mint(KEY, CLI, ENVIRONMENT)}\r\n"
    with door.raw(f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()) as connection:
        for letter in body:
            connection.sendall(bytes([letter]))
            time.sleep(0.002)
        plain = json.loads(all_of(connection).partition(b"\r\n\r\n")[2])
    assert base64.b64decode(plain["stdout"]).startswith(b"['name', 'value']")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("users list", "users list is not among the commands that MWAA runs for Airflow 3.3.1."),
        ("db reset", "db reset is not among"),
        ("dags", "dags is not among"),
        ("dags listen", "dags listen is not among"),
        ("DAGS LIST", "DAGS LIST is not among"),
        ("airflow dags list", "Leave out the word airflow: dags list"),
        ("", "A command begins with its name, as in: dags list"),
        ("--verbose dags list", "A command begins with its name"),
        ("dags --help users list", "A command begins with its name"),
        ("dags trigger 'open quote", "This is no Airflow command: No closing quotation."),
        ("-h", "-h is not among"),
        ('{"command": "dags list"}', "The body must be the command line itself as plain text, not JSON"),
        ('"dags list"', "The body must be the command line itself as plain text, not JSON"),
        ("variables set x " + "a" * MAX_COMMAND_BYTES, "This is no Airflow command: it is too long."),
    ],
)
def test_other_words_are_refused_before_anything_starts(door: RunningDoor, line: str, words: str) -> None:
    answer = door.run(line)
    assert answer.status == 400
    assert answer.text.startswith(words)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_other_methods_are_told_how_a_command_is_sent(door: RunningDoor, method: str) -> None:
    answer = door.get("/aws_mwaa/cli", method)
    assert (answer.status, answer.values("Allow")) == (405, ["POST"])
    assert method == "HEAD" or "/aws_mwaa/cli takes POST alone: the command line as plain text" in answer.text


def test_bytes_that_are_no_text_are_refused(door: RunningDoor) -> None:
    headers = {"Authorization": f"Bearer {mint(KEY, CLI, ENVIRONMENT)}"}
    answer = door.get("/aws_mwaa/cli", "POST", body=b"dags list \xff", headers=headers)
    assert (answer.status, "no Airflow command" in answer.text) == (400, True)


def test_options_may_follow_the_name() -> None:
    for words in (["dags", "list", "-o", "json"], ["version", "-h"], ["version"]):
        assert refusal(words, ["dags list", "version"], "3.3.1") == ""


def test_commands_of_one_word_take_options_before_other_words() -> None:
    """Airflow 1 reads and sets variables by options: `variables -g NAME`, `variables -s NAME VALUE`."""
    commands = ["list_dags", "trigger_dag", "variables", "version"]
    for line in ("variables -g a", "variables -s a b", "trigger_dag -r run dag", "list_dags", "version"):
        assert refusal(line.split(), commands, "1.10.12") == "", line
    for line in ("connections -l", "create_user -r Admin -u me", "initdb", "dags list"):
        name = line.split()[0]
        refused = f"{name} is not among the commands that MWAA runs for Airflow 1.10.12."
        assert refusal(line.split(), commands, "1.10.12") == refused
    for line in ("", "-s variables a b"):
        assert refusal(line.split(), commands, "1.10.12") == "A command begins with its name, as in: list_dags"
    assert refusal(["airflow"], commands, "1.10.12") == "Leave out the word airflow: list_dags"


def test_fifth_command_at_once_is_asked_to_come_again(door: RunningDoor, tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(4)]
    with ThreadPoolExecutor() as threads:
        running = [threads.submit(door.run, f"dags trigger wait {path}") for path in paths]
        until(lambda: all(path.exists() for path in paths), "four commands run")
        fifth = door.run("version")
        for path in paths:
            path.with_name(path.name + ".go").touch()
        assert [said(one.result())[0] for one in running] == ["waiting\nwent on\n"] * 4
    assert (fifth.status, fifth.text, fifth.values("Retry-After")) == (503, "Too many commands at once.\n", ["1"])
    assert said(door.run("version"))[0] == "3.3.1\n"


def test_command_whose_client_went_away_goes_on_and_counts(door: RunningDoor, tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(4)]
    token = mint(KEY, CLI, ENVIRONMENT)
    head = f"POST /aws_mwaa/cli HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    for path in paths:
        body = f"dags trigger wait {path}"
        with door.raw(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()):
            until(path.exists, "the command runs")
    assert door.run("version").status == 503
    processes = [waiting(path)[0] for path in paths]
    assert all(lives(process) for process in processes)
    for path in paths:
        path.with_name(path.name + ".go").touch()
    until(lambda: door.run("version").status == 200, "the commands have ended")


@pytest.mark.parametrize("path", ["/aws_mwaa/cli/", "/aws_mwaa/cli/a", "/aws_mwaa", "/AWS_MWAA/cli"])
def test_paths_beside_it_are_airflows(running: RunningDoor, server: WebServer, path: str) -> None:
    assert running.get(path, "POST", body=b"version").status == 200
    assert server.asked[0].line == f"POST {path} HTTP/1.1"


def test_no_token_and_no_command_is_in_a_log(door: RunningDoor) -> None:
    token = mint(KEY, CLI, ENVIRONMENT)
    door.run("variables set name hidden-value", token)
    door.run("users create hidden-value", token)
    door.exchange(f"POST /aws_mwaa/cli HTTP/1.1\r\nAuthorization: Bearer {token}\r\n bad\r\n\r\n".encode())
    assert door.log == ""
