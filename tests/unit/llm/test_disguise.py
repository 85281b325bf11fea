from __future__ import annotations

import json
import time

import pytest

from bdp.llm.disguise import MOST, Disguise

PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow" + "A" * 200 + "\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password=hunter2 for db", "hunter2"),
        ('{"password": "two words"}', "two words"),
        ('{\\"passwd\\": \\"two words\\"}', "two words"),
        ("비밀번호: 가나다123", "가나다123"),
        ("Authorization: Bearer abcdef.ghijkl-123", "abcdef.ghijkl-123"),
        ("curl -u x https://svc:s3cr3t@internal/api", "s3cr3t"),
        ("postgresql://bdp:p%40ss@db:5432/app", "p%40ss"),
        ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
        ("api_key=abc123 rejected", "abc123"),
        ("token: 0f9d8e7c6b5a4f3e2d1c", "0f9d8e7c6b5a4f3e2d1c"),
        ("ghp_abcdefghijklmnopqrstuvwx pushed", "ghp_abcdefghijklmnopqrstuvwx"),
        ("sk-ant-REDACTED", "api03-abcdefghijkl"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "eyJhbGciOiJIUzI1NiJ9"),
        (PRIVATE, "MIIEow"),
    ],
)
def test_a_secret_never_leaves_and_never_comes_back(text: str, secret: str) -> None:
    disguise = Disguise()
    hidden = disguise.hide(text)
    assert secret not in hidden
    assert secret not in disguise.restore(hidden)


@pytest.mark.parametrize(
    "value",
    [
        "kim@example.com",
        "first.last+tag@mail.example.co.kr",
        "10.20.30.40",
        "2001:db8:0:1:1:1:1:1",
        "fe80::1ff:fe23:4567:890a",
        "900101-1234567",
        "123-45-6789",
        "010-1234-5678",
        "+82 10-1234-5678",
        "4111 1111 1111 1111",
        "378282246310005",
    ],
)
def test_personal_data_is_hidden_and_put_back(value: str) -> None:
    disguise = Disguise()
    text = f"login of {value} failed, then {value}."
    hidden = disguise.hide(text)
    assert value not in hidden
    assert disguise.restore(hidden) == text


@pytest.mark.parametrize(
    "text",
    [
        "P99 latency is 12.345 µs, 2.4 times 5.1 µs at 2026-11-21T10:00:00.123456Z",
        "version 1.2.3.4.5 of build 20261121123456",
        "auth: failed; token: expired; secret manager is down",
        "999.1.1.1 is no address, and 3.14 is no card",
        "job 12345678901234 took 1234567890123 ns",  # fails the check of card numbers
        "rack-12/leaf-3/port-7",
    ],
)
def test_figures_and_plain_words_stay(text: str) -> None:
    assert Disguise().hide(text) == text


def test_one_value_has_one_stand_in_and_two_have_two() -> None:
    disguise = Disguise()
    assert disguise.hide("a@x.io b@x.io") == "<EMAIL_1> <EMAIL_2>"
    assert disguise.hide("b@x.io again") == "<EMAIL_2> again"


def test_telemetry_cannot_make_an_answer_quote_what_stands_elsewhere() -> None:
    disguise = Disguise()
    hidden = disguise.hide("admin is root@corp.example; log says <EMAIL_1> and <SECRET_1>")
    assert "<EMAIL_1> and" not in hidden.replace("admin is <EMAIL_1>", "")
    assert disguise.restore(hidden) == "admin is root@corp.example; log says <EMAIL_1> and <SECRET_1>"


def test_json_stays_json() -> None:
    record = {"user": "kim@example.com", "password": 'quo"ted', "n": 1.5, "list": ["10.0.0.1", {"token": "abc123def"}]}
    disguise = Disguise()
    assert json.loads(disguise.hide(json.dumps({**record, "password": "plain"})))["n"] == 1.5
    hidden = disguise.hidden(record)
    assert hidden["user"] == "<EMAIL_1>"
    assert hidden["list"][0] == "<IP_1>"
    assert disguise.restored(hidden)["user"] == "kim@example.com"


def test_memory_is_bounded_and_nothing_leaks_beyond_it() -> None:
    disguise = Disguise()
    text = " ".join(f"u{n}@x.io" for n in range(MOST + 50))
    hidden = disguise.hide(text)
    assert "@" not in hidden
    assert hidden.count("<HIDDEN>") == 50


@pytest.mark.parametrize(
    "piece", ["a@", "password=", "1:", "1 ", "-----BEGIN ", "eyJa.", "http://a:", "10.", "+1 2", "a.b@c.", '"token":"']
)
def test_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        return min(_timed(text) for _ in range(3))

    assert seconds(80_000) < 40 * seconds(8_000) + 0.05


def _timed(text: str) -> float:
    begun = time.process_time()
    Disguise().hide(text)
    return time.process_time() - begun
