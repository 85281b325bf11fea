"""Dead letters over HTTP: seen, retried, let go, and written down who asked."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from bdp.app import App

AHEAD = '{"ts":"2099-01-01T00:00:00Z","service":"x"}'


def send(client: TestClient, *lines: str) -> None:
    assert client.post("/v1/events", content="\n".join(lines)).status_code == 200


def letters(client: TestClient, **parameters: Any) -> list[dict[str, Any]]:
    answer = client.get("/v1/dead-letters", params=parameters)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()
    return found


def total(client: TestClient) -> dict[str, int]:
    counts: dict[str, int] = client.get("/v1/ledger").json()["total"]
    ends = sum(counts[name] for name in ("stored", "dead_lettered", "dropped", "in_flight"))
    assert counts["accepted"] == ends
    return {name: count for name, count in counts.items() if count}


def test_letters_are_listed_counted_and_paged(client: TestClient) -> None:
    send(client, AHEAD, *["bad"] * 5)
    assert [letter["cause"] for letter in letters(client)] == ["schema"] * 5 + ["clock"]
    assert [letter["payload"] for letter in letters(client, cause="clock")] == [AHEAD]
    assert letters(client, source="nobody") == []
    first = letters(client, limit=4)
    rest = letters(client, limit=4, before=first[-1]["letter_id"])
    assert len({letter["letter_id"] for letter in first + rest}) == 6
    counts = client.get("/v1/dead-letters/counts").json()
    assert [(row["cause"], row["source"], row["count"]) for row in counts] == [
        ("schema", "http", 5),
        ("clock", "http", 1),
    ]
    assert all(row["meaning"] and row["advice"] for row in counts)


def test_one_letter_is_shown_whole(client: TestClient) -> None:
    text = '{"ts":"nope","message":"' + "x" * 5000 + '\\u001b"}'
    send(client, text)
    [row] = letters(client)
    assert len(row["payload"]) == 2000
    whole = client.get(f"/v1/dead-letters/{row['letter_id']}").json()
    assert whole["payload"] == text
    assert (whole["attempts"], whole["retry_may_help"], whole["cut"]) == (1, True, False)
    for unknown in ("0", "99999", "x", "-1", "%00", "9" * 60):
        assert client.get(f"/v1/dead-letters/{unknown}").status_code == 404


def test_a_retry_says_what_came_of_it_and_is_audited(app: App, client: TestClient) -> None:
    send(client, AHEAD, "bad")
    app.settings.intake.__dict__["max_ahead_hours"] = 24 * 365 * 100
    told = client.post("/v1/dead-letters/retry", json={"all": True, "by": "kim"}).json()
    assert (told["asked"], told["delivered"], told["failed"], told["never"]) == (2, 1, 1, 0)
    assert "not valid JSON" in told["failures"][0]["reason"]
    assert total(client) == {"accepted": 2, "dead_lettered": 1, "in_flight": 1}
    app.pipeline.drain()
    assert total(client) == {"accepted": 2, "dead_lettered": 1, "stored": 1}
    [entry] = app.state.audit.list()
    assert (entry.actor, entry.action, entry.object) == ("kim", "letters.retried", "all")
    assert entry.detail == {"all": True, "delivered": 1, "failed": 1}


def test_a_dry_run_is_not_audited_and_changes_nothing(app: App, client: TestClient) -> None:
    send(client, "bad")
    assert client.post("/v1/dead-letters/retry", json={"all": True, "dry_run": True}).json()["failed"] == 1
    assert letters(client)[0]["attempts"] == 1
    assert app.state.audit.list() == []


def test_discarding_by_filter(app: App, client: TestClient) -> None:
    send(client, AHEAD, *["bad"] * 3)
    told = client.post("/v1/dead-letters/discard", json={"cause": "schema", "source": "http"}).json()
    assert told == {"discarded": 3}
    assert [letter["cause"] for letter in letters(client)] == ["clock"]
    assert total(client) == {"accepted": 4, "dead_lettered": 1, "dropped": 3}
    assert app.state.audit.list()[0].object == "cause=schema source=http"
    assert client.post("/v1/dead-letters/discard", json={"cause": "schema"}).json() == {"discarded": 0}


@pytest.mark.parametrize("verb", ["retry", "discard"])
@pytest.mark.parametrize(
    ("choice", "status"),
    [
        ({}, 400),
        ({"all": False}, 400),
        ({"ids": []}, 400),
        ({"ids": ["1"], "all": True}, 400),
        ({"cause": "schema", "all": True}, 400),
        ({"cause": "weather"}, 422),
        ({"everything": True}, 422),
        ({"ids": [1]}, 422),
        (None, 422),
    ],
)
def test_what_is_meant_must_be_said(client: TestClient, verb: str, choice: Any, status: int) -> None:
    send(client, "bad")
    assert client.post(f"/v1/dead-letters/{verb}", json=choice).status_code == status
    assert len(letters(client)) == 1


def test_a_letter_that_is_gone_is_said(client: TestClient) -> None:
    assert client.post("/v1/dead-letters/retry", json={"ids": ["77"]}).status_code == 404


@pytest.mark.parametrize("before", ["x", "-5", "1" + "0" * 23, "1.5", "1 ", "\u0661"])
def test_a_place_that_is_none_is_no_first_page(client: TestClient, before: str) -> None:
    send(client, "bad")
    assert client.get("/v1/dead-letters", params={"before": before}).status_code == 422
    assert client.post("/v1/dead-letters/retry", json={"all": True, "before": before}).status_code == 422


def test_a_choice_that_says_two_things_is_told_so(client: TestClient) -> None:
    for verb in ("retry", "discard"):
        told = client.post(f"/v1/dead-letters/{verb}", json={"ids": ["1"], "all": True}).json()["error"]
        assert told["what"] == "Too much was said of which letters are meant."
