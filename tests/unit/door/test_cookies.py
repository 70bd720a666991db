"""Airflow's cookies under names of the environment's own: in browsers alone, both ways."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from mwaa_local.door.cookies import as_airflows, is_browser, pairs, prefix_of, renamed, value_of, written

HERE, THERE = prefix_of("key of this environment"), prefix_of("key of another one")


def sent(cookie: str, from_browser: bool) -> str:
    return written(as_airflows(pairs(CIMultiDict({"Cookie": cookie})), HERE, from_browser))


def test_environments_have_names_of_their_own_that_tell_no_key() -> None:
    assert HERE != THERE
    assert prefix_of("key of this environment") == HERE
    assert "key" not in HERE


@pytest.mark.parametrize("name", ["session", "_token"])
def test_browser_that_is_signed_in_to_two_environments_is_so_to_each(name: str) -> None:
    cookie = f"{THERE}{name}=theirs; theme=dark; {HERE}{name}=ours; {name}=of-an-airflow-elsewhere"
    assert sent(cookie, from_browser=True) == f"{THERE}{name}=theirs; theme=dark; {name}=ours"


def test_program_sends_airflows_names_and_none_of_a_browsers() -> None:
    assert sent(f"session=abc; {HERE}session=other; a=b", from_browser=False) == "session=abc; a=b"


def test_values_stay_as_they_were_written() -> None:
    assert sent(f'{HERE}session=.eJw=="x"; empty=; bare', from_browser=True) == 'session=.eJw=="x"; empty=; bare='


def test_cookie_that_is_set_or_taken_away_is_so_under_our_name() -> None:
    assert renamed("session=x; Path=/; HttpOnly", HERE) == f"{HERE}session=x; Path=/; HttpOnly"
    assert renamed('_token=""; Max-Age=0; Path=/', HERE) == f'{HERE}_token=""; Max-Age=0; Path=/'
    assert renamed("theme=dark; Path=/", HERE) == "theme=dark; Path=/"
    assert renamed("sessions=x", HERE) == "sessions=x"


def test_browser_is_known_by_what_it_says_of_each_request() -> None:
    assert is_browser(CIMultiDict({"sec-fetch-mode": "cors"}))
    assert is_browser(CIMultiDict({"Sec-Fetch-Site": "none"}))
    assert not is_browser(CIMultiDict({"User-Agent": "Mozilla/5.0"}))


def test_several_cookie_headers_are_read_as_one() -> None:
    headers = CIMultiDict([("Cookie", "a=1"), ("Cookie", "b=2")])
    assert value_of(pairs(headers), "b") == "2"
    assert value_of(pairs(headers), "c") == ""
