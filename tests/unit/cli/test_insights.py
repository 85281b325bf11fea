"""`bdp insights` and `bdp insight`: what an operator sees; nothing that telemetry says acts in the terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bdp.cli import screen
from bdp.cli.options import ago
from bdp.errors import BadRequest
from bdp.model.insight import TTL, Insight, InsightSource, PredictionType
from bdp.store.state import open_state
from tests.integration.serving import Served
from tests.unit.cli.conftest import HOSTILE, Bdp

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
NOW = datetime.now(UTC).replace(microsecond=0)
ID = f"alert_leaf1/port3_{NOW.timestamp():.0f}"


def insight(stream: str, risk: int, minutes: float = 0, text: str = "P99 14.2 µs, baseline 4.6 µs") -> Insight:
    at = NOW - timedelta(minutes=minutes)
    return Insight(
        entity_id=f"alert_{stream}_{at.timestamp():.0f}",
        timestamp=at,
        prediction_type=PredictionType.LATENCY_SPIKE,
        risk_score=risk,
        explanation=text,
        recommendations=("Look at the congestion counters", "Move large transfers"),
        confidence=0.87,
        model_used="rules",
        source=InsightSource.RULES,
        related_entity=stream,
        ttl=at + TTL,
    )


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("insights")
    state = open_state(f"sqlite:///{home / 'state.db'}")
    rows = [insight("leaf1/port3", 92), insight(HOSTILE, 65, 30, HOSTILE), insight("leaf2/port1", 12, 600)]
    state.insights.add_all(rows, NOW)
    state.close()
    started = Served(home, {"BDP_ALERTING__PASS_SECONDS": "0.05"})
    assert started.ready(), started.told()
    limit = time.monotonic() + 30
    while not started.get(f"/v1/insights/{ID}")["alert"]["told_at"] and time.monotonic() < limit:
        pass
    yield started
    assert started.stop() == 0, started.told()


def test_the_list_reads_well(bdp: Bdp, life: Served) -> None:
    told = bdp("insights", "--home", life.home)
    lines = told.out.splitlines()
    assert lines[0].split() == ["risk", "time", "(UTC)", "type", "stream", "what"]
    assert lines[1].split()[:2] == ["92", "critical"]
    assert f"{NOW:%Y-%m-%d %H:%M:%S}" in lines[1]
    assert "latency spike" in lines[1]
    assert "P99 14.2" in lines[1]
    assert ID in lines[2]
    assert re.search(r"^ *12 +low ", told.out, re.MULTILINE)
    assert lines[-1] == "One whole, with what to do: bdp insight ID"
    assert not FORBIDDEN.search(told.out)
    assert "there are more" in bdp("insights", "--limit", "1", "--home", life.home).out


def test_a_narrow_terminal_gets_lines(bdp: Bdp, life: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen.out, "width", 70)
    told = bdp("insights", "--min-risk", "80", "--home", life.home).out
    assert told.splitlines()[0] == "92 critical  latency spike  leaf1/port3"
    assert max(map(len, told.splitlines())) <= 70


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--min-risk", "60"], 2),
        (["--since", "2h"], 2),
        (["--since", f"{NOW.isoformat()}"], 1),
        (["--stream", "leaf1/port3"], 1),
        (["--type", "rdma_timeout"], 0),
        (["--type", "latency_spike", "--source", "rules", "--limit", "2"], 2),
    ],
)
def test_the_list_can_be_narrowed(bdp: Bdp, life: Served, words: list[str], count: int) -> None:
    told = bdp("insights", *words, "--json", "--home", life.home).object
    assert len(told["insights"]) == count
    if not count:
        assert bdp("insights", *words, "--home", life.home).out == "No insights fit. See all: bdp insights\n"


def test_what_cannot_be_meant_is_told(bdp: Bdp, life: Served) -> None:
    told = bdp("insights", "--since", "yesterday", "--home", life.home)
    assert (told.code, told.err.splitlines()[0]) == (3, "error: 'yesterday' is not a time.")
    assert bdp("insights", "--type", "rain", "--home", life.home).code == 2
    assert bdp("insights", "--min-risk", "101", "--home", life.home).code == 2


def test_one_is_shown_with_what_to_do_and_whether_people_know(bdp: Bdp, life: Served) -> None:
    deadline = time.monotonic() + 20
    while "Alert told" not in (told := bdp("insight", ID, "--home", life.home)).out and time.monotonic() < deadline:
        time.sleep(0.2)
    assert told.code == 0
    for said in ("92 CRITICAL", "latency spike at leaf1/port3", "P99 14.2 µs", "1. Look at the congestion counters"):
        assert said in told.out
    assert "By rules, confidence 0.87" in told.out
    assert re.search(r"Alert told at .* UTC, [\d,]+ s after detection", told.out)
    assert f"bdp insight {ID}" in life.told()  # the console channel had the message
    assert bdp("insight", ID, "--json", "--home", life.home).object["alert"]["state"] == "told"


def test_a_hostile_one_is_harmless(bdp: Bdp, life: Served) -> None:
    row = bdp("insights", "--min-risk", "60", "--json", "--home", life.home).object["insights"][1]
    told = bdp("insight", row["entity_id"], "--home", life.home)
    assert told.code == 0
    assert "65 HIGH" in told.out
    assert "in the hourly digest" in told.out
    assert not FORBIDDEN.search(told.out)
    for unknown in ("nope", "../../x", "a?b#c", HOSTILE):
        missing = bdp("insight", unknown, "--home", life.home)
        assert missing.code == 3
        assert not FORBIDDEN.search(missing.err)


def test_an_empty_home_says_what_to_do(bdp: Bdp, served: Served) -> None:
    told = bdp("insights", "--home", served.home).out
    assert told.startswith("No insights. Send fabric samples with POST /metrics")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("90s", "2026-03-01T11:58:30+00:00"),
        ("15m", "2026-03-01T11:45:00+00:00"),
        ("2d", "2026-02-27T12:00:00+00:00"),
        ("2026-01-01", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T09:00:00+09:00", "2026-01-01T09:00:00+09:00"),
    ],
)
def test_since_is_a_time_or_how_long_ago(text: str, wanted: str) -> None:
    assert ago(text, datetime(2026, 3, 1, 12, tzinfo=UTC)) == wanted


@pytest.mark.parametrize("text", ["", "2", "h", "2y", "-2h", "999999d", "2026-13-01"])
def test_another_since_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="not a time"):
        ago(text, datetime(2026, 3, 1, 12, tzinfo=UTC))
