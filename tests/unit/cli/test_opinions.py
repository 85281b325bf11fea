"""`bdp insights` and `bdp compare --ai` where a model spoke: who decided, and what the other says, in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bdp.cli import screen
from bdp.model.inquiry import Advice, Inquiry
from bdp.model.insight import InsightSource
from bdp.store.state import open_state
from tests.contract.test_inquiries import START, advice, asked, keep, opinion, rules
from tests.integration.serving import Served
from tests.unit.cli.conftest import HOSTILE, Bdp

SHIFT = datetime.now(UTC).replace(microsecond=0) - START
RANGE = (
    "--from",
    (START + SHIFT - timedelta(hours=1)).isoformat(),
    "--to",
    (START + SHIFT + timedelta(hours=1)).isoformat(),
)


def lately(name: str, minute: int) -> Inquiry:
    """A question of a moment ago: what is older than 30 days goes."""
    one = asked(name, 50, 60 * minute)
    assert one.insight is not None
    times = {"timestamp": one.timestamp + SHIFT, "ttl": one.insight.ttl + SHIFT}
    return one.model_copy(update={"timestamp": times["timestamp"], "insight": one.insight.model_copy(update=times)})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with an insight of each kind: a model's, the rules' beside an unsure and beside a calm model, and bare."""
    home = tmp_path_factory.mktemp("opinions")
    state = open_state(f"sqlite:///{home / 'state.db'}")
    sure, unsure, calm, bare = (lately(name, n) for n, name in enumerate(("ib-01", "ib-02", "ib-03", "ib-04")))
    keep(state, sure, unsure, calm, bare, seconds=SHIFT.total_seconds())
    state.inquiries.close_all({sure.inquiry_id: advice(sure, 72)}, START + SHIFT)
    for one, said in (
        (unsure, opinion(31, confidence=0.55, explanation=HOSTILE)),
        (calm, opinion(3, prediction_type=None, explanation="All as usual")),
    ):
        assert one.insight is not None
        stands = one.insight.model_copy(update={"beside": said})
        closing = Advice(source=InsightSource.RULES, reason="unsure", opinion=said, insight=stands)
        state.inquiries.close_all({one.inquiry_id: closing}, START + SHIFT)
    state.inquiries.close_all({bare.inquiry_id: rules(bare, "away")}, START + SHIFT)
    state.close()
    started = Served(home)
    assert started.ready(), started.told()
    yield home
    assert started.stop() == 0, started.told()


@pytest.mark.parametrize("width", [80, 160])
def test_the_list_says_who_decided_and_what_the_other_says(
    bdp: Bdp, home: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen.out, "width", width)
    told = bdp("insights", "--home", home).out
    assert "by ai; rules: latency spike, risk 50, confidence 0.87" in told
    said = " ".join(told.split())
    assert "by rules; ai: resource saturation, risk 31, confidence 0.55" in said
    assert "by rules; ai: nothing wrong, risk 3, confidence 0.90" in said
    assert told.count("by rules") == 2  # where the rules alone spoke, nothing is to be said
    assert max(map(len, told.splitlines())) <= width


def test_one_shows_both_opinions(bdp: Bdp, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen.out, "width", 80)
    told = " ".join(bdp("insight", asked("ib-01").inquiry_id, "--home", home).out.replace("│", " ").split())
    assert "By ai (m-1), confidence 0.90" in told
    assert "Rules say latency spike, risk 50, confidence 0.87. P99 latency 14.2 µs" in told
    hostile = bdp("insight", asked("ib-02", 50, 60).inquiry_id, "--home", home).out
    assert "m-1 says" in hostile
    assert not set(hostile) & set("\x1b\x07\x9b\u202e\u2028")
    row = bdp("insight", asked("ib-02", 50, 60).inquiry_id, "--json", "--home", home).object
    assert (row["source"], row["beside"]["source"]) == ("rules", "ai")


@pytest.mark.parametrize("width", [80, 160])
def test_models_and_rules_are_compared(bdp: Bdp, home: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen.out, "width", width)
    told = bdp("compare", *RANGE, "--ai", "--home", home).out
    said = " ".join(told.split())
    assert "4 insights: 1 by a model, 3 by rules." in said
    assert "In 1 of them a model saw nothing wrong." in said
    assert "4 questions closed since then, 75.0 % left to the rules (away 1, unsure 2)." in said
    assert "first: rules; second: model" in said
    assert "latency spike" in said
    assert max(map(len, told.splitlines())) <= width
    if width == 80:
        assert "2 inputs, same type 0.0 %, risk +1.5 on average, 22 at most in 95 %" in said
    only = bdp("compare", *RANGE, "--ai", "--service", "ib-04", "--home", home).out
    assert "Of no insight both are known" in only


def test_as_json_and_what_cannot_be_meant(bdp: Bdp, home: Path) -> None:
    told = bdp("compare", *RANGE, "--ai", "--json", "--home", home).object
    assert (told["comparison"]["total"]["inputs"], told["fallback_percent"], told["calm"]) == (2, 75.0, 1)
    tried = bdp("compare", *RANGE, "--ai", "--set", "series.enabled=false", "--home", home)
    assert (tried.code, "there are no settings to try" in tried.err) == (3, True)
    empty = bdp("compare", "--from", "2026-01-01", "--to", "2026-01-02", "--ai", "--home", home)
    assert empty.out == "No insight in this range.\n"
