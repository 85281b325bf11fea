"""Seeded runs of everything that can go wrong, judged by an oracle. See `__main__.py` for more runs."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults import campaign, shim
from tests.faults.campaign import Report
from tests.faults.events import FIELDS, Line, Maker, Outcome, Request, digest
from tests.faults.oracle import Found, Verdict, judge
from tests.faults.schedule import plan
from tests.faults.tear import tear

SHORT = (14, 103, 104, 115, 219, 245)
"""Seeds that are quick and together have every kind of fault."""
LONG = int(os.environ.get("FAULT_RUNS", "500"))
FIRST = int(os.environ.get("FAULT_SEED", "1000"))


@pytest.fixture(scope="module")
def means(tmp_path_factory: pytest.TempPathFactory) -> campaign.Means:
    try:
        shim.build(tmp_path_factory.mktemp("shim"))
    except shim.NoCompiler as error:
        pytest.skip(str(error))
    found = campaign.means()
    for reason in found.missing:
        print(f"left out: {reason}")
    return found


@pytest.mark.timeout(240)
def test_a_few_runs(means: campaign.Means) -> None:
    check(list(campaign.runs(SHORT, means.names, jobs=2)))


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_many_runs(means: campaign.Means) -> None:
    check(list(campaign.runs(range(FIRST, FIRST + LONG), means.names, jobs=2)))


def check(reports: list[Report]) -> None:
    summary = campaign.summarise(reports)
    campaign.show(summary)
    failed = [f"seed {report.seed} ({report.folder}): {report.problems}" for report in reports if report.problems]
    assert not failed, "\n".join(failed)
    assert summary["acknowledged"] > 0
    assert summary["losses"] == summary["duplicates"] == summary["damaged"] == 0


def test_the_short_seeds_have_every_kind_of_fault() -> None:
    everything = {kind for seed in range(500) for kind in plan(seed, {"disks", "postgresql"}).kinds}
    short = {kind for seed in SHORT for kind in plan(seed, {"disks", "postgresql"}).kinds}
    assert short == everything


def test_a_seed_gives_the_same_plan_again() -> None:
    assert plan(7, {"disks"}) == plan(7, {"disks"})
    assert plan(7, {"disks"}) != plan(8, {"disks"})


def at_the_end(requests: list[Request]) -> Found:
    """Return a world in which all went well."""
    lines = [line for request in requests for line in request.lines]
    stored = {line.event_id: [line.digest] for line in lines if line.digest}
    letters = Counter(line.event_id for line in lines if not line.digest)
    dead = sum(letters.values())
    total = {"accepted": len(lines), "stored": len(stored), "dead_lettered": dead, "dropped": 0, "in_flight": 0}
    return Found(stored, letters, dead, Counter(), total)


@pytest.fixture
def sent() -> list[Request]:
    found = Maker(1, "test").request(50, bad=0.1)
    found.outcome = Outcome.ACKNOWLEDGED
    return [found]


def good_line(sent: list[Request]) -> Line:
    return next(line for line in sent[0].lines if line.digest)


def test_the_oracle_is_content_when_all_is_well(sent: list[Request]) -> None:
    assert judge(sent, at_the_end(sent), Verdict()).problems == []


def test_the_oracle_sees_a_loss(sent: list[Request]) -> None:
    found = at_the_end(sent)
    del found.stored[good_line(sent).event_id]
    assert judge(sent, found, Verdict()).figures["losses"] == 1


def test_the_oracle_sees_a_double(sent: list[Request]) -> None:
    found = at_the_end(sent)
    found.stored[good_line(sent).event_id] *= 2
    assert any("2 times" in problem for problem in judge(sent, found, Verdict()).problems)


def test_the_oracle_sees_damage(sent: list[Request]) -> None:
    found = at_the_end(sent)
    found.stored[good_line(sent).event_id] = [b"other"]
    assert judge(sent, found, Verdict()).figures["damaged"] == 1


def test_the_oracle_takes_a_counted_drop_of_the_right_class_only(sent: list[Request]) -> None:
    line = good_line(sent)
    found = at_the_end(sent)
    del found.stored[line.event_id]
    found.total |= {"stored": found.total["stored"] - 1, "dropped": 1}
    found.dropped[line.priority] = 1
    assert judge(sent, found, Verdict()).problems == []
    found.dropped = Counter({"fatal" if line.priority != "fatal" else "normal": 1})
    assert judge(sent, found, Verdict()).problems


def test_the_oracle_sees_a_ledger_out_of_balance(sent: list[Request]) -> None:
    found = at_the_end(sent)
    found.total["accepted"] += 1
    assert judge(sent, found, Verdict()).problems


def test_an_unanswered_request_may_be_there_or_not(sent: list[Request]) -> None:
    sent[0].outcome = Outcome.UNKNOWN
    assert judge(sent, at_the_end(sent), Verdict()).problems == []
    nothing = Found({}, Counter(), 0, Counter(), dict.fromkeys(at_the_end(sent).total, 0))
    assert judge(sent, nothing, Verdict()).problems == []


def test_a_digest_sees_every_field() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    row = dict.fromkeys(FIELDS, "x") | {"ts": at, "status": 1, "duration_ms": 1.0, "attributes": {"a": "1"}}
    changes = {"ts": at + timedelta(microseconds=1), "status": 2, "duration_ms": 1.5, "attributes": {"a": "2"}}
    for name in FIELDS:
        assert digest(row) != digest(row | {name: changes.get(name, "y")}), name


def test_only_what_no_sync_has_covered_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal.db-wal"
    path.write_bytes(b"s" * 1000 + b"u" * 1000)
    for seed in range(20):
        tear({path: [(1000, 1000)]}, random.Random(seed))
        assert path.read_bytes()[:1000] == b"s" * 1000
    assert path.read_bytes() != b"s" * 1000 + b"u" * 1000
