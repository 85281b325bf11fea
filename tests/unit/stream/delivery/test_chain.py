"""The delivery chain: what was acknowledged is durable in one sink, or counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from bdp.breaker import BreakerSettings, BreakerState
from bdp.errors import BadRecord, StreamUnavailable
from bdp.model.batch import Batch, Cause, Drop, DropReason, Priority
from bdp.stream.delivery.buffer import BufferSettings
from bdp.stream.delivery.chain import DeliverySettings
from bdp.stream.delivery.drops import DropFile
from bdp.stream.delivery.room import Room, RoomSettings, share
from tests.unit.stream.chain_bench import FREE, Bench, Primary, batch


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_each_sink_is_used_only_while_those_before_it_are_away(bench: Bench) -> None:
    bench.chain.append([batch("a", "INFO")])
    bench.primary.trouble = "away"
    bench.chain.append([batch("b", "INFO")])
    bench.behind[0].away = True
    bench.chain.append([batch("c", "INFO")])
    bench.behind[0].away = False
    assert bench.stored() == ["a"]
    assert bench.held() == [["b"], ["c"]]
    assert bench.total()["accepted"] == 3
    assert bench.balanced()


def test_nothing_is_acknowledged_when_no_sink_takes_it(bench: Bench) -> None:
    bench.primary.trouble = "away"
    for sink in bench.behind:
        sink.away = True
    with pytest.raises(StreamUnavailable, match=r"the primary is away.*table is away.*files is away"):
        bench.chain.append([batch("a", "FATAL")])
    for sink in bench.behind:
        sink.away = False
    assert bench.chain.ledger() == {}


def test_an_absence_is_told_when_it_begins_when_the_sink_counts_as_away_and_when_it_ends(bench: Bench) -> None:
    bench.primary.trouble = "away"
    with capture_logs() as told:
        for number in range(50):
            bench.chain.append([batch(f"b{number}", "INFO")])
            bench.clock.advance(timedelta(seconds=1))
        bench.primary.trouble = ""
        bench.clock.advance(timedelta(seconds=20))
        bench.chain.append([batch("back", "INFO")])
    assert [(entry["event"], entry.get("state")) for entry in told] == [
        ("sink.failed", "closed"),
        ("sink.failed", "open"),
        ("sink.back", None),
    ]


def test_a_reason_holds_no_step_that_another_part_has_to_say(bench: Bench) -> None:
    bench.primary.trouble = "away"
    for sink in bench.behind:
        sink.away = True
    with pytest.raises(StreamUnavailable) as error:
        bench.chain.append([batch("a", "INFO")])
    reasons = "journal: the primary is away; table: table is away; files: files is away"
    assert error.value.what == f"No sink takes records now ({reasons})."
    assert bench.chain.states()[1].reason == "table is away."


def test_an_absent_backlog_is_told_once_a_minute_and_so_is_its_return(bench: Bench) -> None:
    bench.behind[0].away = True
    with capture_logs() as told:
        for _ in range(120):
            bench.recovery.step()
            bench.clock.advance(timedelta(seconds=1))
        bench.behind[0].away = False
        bench.recovery.step()
    assert [(entry["event"], entry.get("times", 1)) for entry in told] == [
        ("recovery.waiting", 1),
        ("recovery.waiting", 60),
        ("recovery.moving", 1),
    ]


def test_an_absent_primary_is_not_waited_for_again_and_again(bench: Bench) -> None:
    bench.primary.trouble = "away"
    for number in range(5):
        bench.chain.append([batch(f"b{number}", "INFO")])
    assert bench.chain.primary.breaker.state is BreakerState.OPEN
    bench.primary.trouble = ""
    bench.chain.append([batch("still open", "INFO")])
    assert bench.stored() == []
    bench.clock.advance(timedelta(seconds=2))
    bench.chain.append([batch("found again", "INFO")])
    assert bench.stored() == ["found again"]


def test_a_blip_of_the_primary_is_waited_out_in_memory(tmp_path: Path) -> None:
    settings = DeliverySettings(
        breaker=BreakerSettings(failures=5),
        buffer=BufferSettings(patience_seconds=60, pause_seconds=0.01, least_free_mib=0),
    )
    bench = Bench(tmp_path, settings)
    bench.primary.__class__ = Blip
    bench.chain.append([batch("a", "INFO")])
    assert bench.stored() == ["a"]
    assert bench.held() == [[], []]
    assert bench.chain.buffer.size == 0


class Blip(Primary):
    """Fails twice, then is there again."""

    failures = 2

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        self.trouble = "away" if self.failures else ""
        self.failures -= 1 if self.failures else 0
        return super().append(batches)


def test_a_full_buffer_does_not_wait(tmp_path: Path) -> None:
    bench = Bench(tmp_path, DeliverySettings(buffer=BufferSettings(max_mib=0, patience_seconds=3600)))
    bench.primary.trouble = "away"
    bench.chain.append([batch("a", "INFO")])
    assert bench.held() == [["a"], []]


def test_what_waited_flows_back_oldest_first_and_once(bench: Bench) -> None:
    bench.primary.trouble = "away"
    for name in ("t1", "t2"):
        bench.chain.append([batch(name, *["INFO"] * 7)])
    bench.behind[0].away = True
    bench.chain.append([batch("f1", "INFO")])
    bench.behind[0].away = False
    assert bench.recovery.step() == 0
    bench.primary.trouble = ""
    bench.clock.advance(timedelta(seconds=60))
    moved = [bench.recovery.step() for _ in range(4)]
    assert moved == [7, 7, 1, 0]
    assert bench.stored() == ["t1", "t2", "f1"]
    assert bench.held() == [[], []]
    assert bench.balanced()


def test_an_unknown_outcome_counts_once_however_many_ids_pass_in_between(bench: Bench) -> None:
    bench.primary.trouble = "silent"
    bench.chain.append([batch("in doubt", "INFO")])
    assert bench.held()[0] == ["in doubt"]
    assert bench.stored() == ["in doubt"]
    bench.primary.trouble = ""
    bench.chain.append([batch(f"later {number}", "INFO") for number in range(1500)])
    bench.clock.advance(timedelta(seconds=60))
    while bench.recovery.step():
        pass
    assert bench.stored().count("in doubt") == 1
    assert bench.total()["accepted"] == 1501
    assert bench.primary.forgets


def test_no_id_is_forgotten_while_it_is_not_known_what_waits(bench: Bench) -> None:
    bench.behind[1].away = True
    bench.recovery.step()
    assert not bench.primary.forgets
    bench.behind[1].away = False
    bench.recovery.step()
    assert bench.primary.forgets


def test_a_primary_that_comes_and_goes_loses_and_doubles_nothing(bench: Bench) -> None:
    names = [f"b{number}" for number in range(40)]
    for number, name in enumerate(names):
        bench.primary.trouble = ("", "away", "silent", "full")[number % 4]
        bench.behind[0].away = number % 3 == 0
        bench.chain.append([batch(name, "INFO", "ERROR")])
        bench.clock.advance(timedelta(seconds=number % 7))
        bench.recovery.step()
    bench.primary.trouble, bench.behind[0].away = "", False
    for _ in range(80):
        bench.clock.advance(timedelta(seconds=20))
        bench.recovery.step()
    assert sorted(bench.stored()) == sorted(names)
    assert bench.total() == {"accepted": 80, "stored": 0, "dead_lettered": 0, "dropped": 0, "in_flight": 80}


LEVELS = ("INFO", "WARN", "ERROR", "FATAL")


@pytest.mark.parametrize(("short", "kept"), [("normal", 3), ("warn", 2), ("error", 1), ("fatal", 0)])
def test_a_short_disk_drops_by_class_and_counts(tmp_path: Path, short: str, kept: int) -> None:
    order = ("normal", "warn", "error", "fatal")
    limits: dict[str, Any] = dict(FREE)
    for name in order[: order.index(short) + 1]:
        limits[f"{name}_free_mib"] = 1 << 40
    percents: dict[str, Any] = {f"{name}_free_percent": 100.0 for name in order}
    bench = Bench(tmp_path, room=RoomSettings(**limits, **percents))
    [(taken, new)] = bench.chain.deliver([batch("a", *LEVELS)])
    assert new
    assert taken.count == kept
    assert {drop.priority: drop.count for drop in taken.drops} == dict.fromkeys(list(Priority)[: 4 - kept], 1)
    found = bench.total()
    assert (found["accepted"], found["dropped"], found["in_flight"]) == (4, 4 - kept, kept)
    assert [drop.reason for drop in bench.chain.drops()["http"]] == [DropReason.DISK_FULL] * (4 - kept)


def test_a_quota_that_the_disk_does_not_tell_of_lets_normal_records_go_and_keeps_asking_for_the_rest(
    bench: Bench,
) -> None:
    bench.primary.trouble = "full"
    for sink in bench.behind:
        sink.full = True
    [(taken, _)] = bench.chain.deliver([batch("a", "INFO", "DEBUG")])
    assert (taken.count, taken.drops[0].count) == (0, 2)
    with pytest.raises(StreamUnavailable):
        bench.chain.deliver([batch("b", "INFO", "ERROR")])
    bench.primary.trouble = ""
    for sink in bench.behind:
        sink.full = False
    bench.clock.advance(timedelta(seconds=2))
    bench.chain.append([batch("b", "INFO", "ERROR")])
    assert bench.total() == {"accepted": 4, "stored": 0, "dead_lettered": 0, "dropped": 2, "in_flight": 2}


def test_drops_that_only_the_drop_file_could_count_survive_and_a_torn_slot_costs_one_count_at_most(
    tmp_path: Path,
) -> None:
    path = tmp_path / "drops"
    gone = msgspec.structs.replace(batch("a", "INFO"), count=0, payload=b"")
    file = DropFile(path)
    for number in range(3):
        assert file.take([_dropped(msgspec.structs.replace(gone, batch_id=f"b{number}"), 5)]) == [True]
    assert file.take([_dropped(msgspec.structs.replace(gone, batch_id="b1"), 5)]) == [False]
    assert DropFile(path).drops()["http"][0].count == 15
    whole = bytearray(path.read_bytes())
    whole[32 * 1024 + 20] ^= 0xFF  # the slot of the third write
    path.write_bytes(bytes(whole))
    assert DropFile(path).drops()["http"][0].count == 10


def _dropped(gone: Batch, count: int) -> Batch:
    return msgspec.structs.replace(
        gone, drops=(Drop(reason=DropReason.DISK_FULL, priority=Priority.NORMAL, count=count),)
    )


class Picky(Primary):
    """Never takes a batch with a certain record."""

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        if any(b'"bad-1"' in item.payload for item in batches):
            raise BadRecord("the record is over the broker's limit")
        return super().append(batches)


def test_a_record_that_the_primary_refuses_is_a_dead_letter_and_its_neighbours_pass(bench: Bench) -> None:
    bench.primary.__class__ = Picky
    bench.chain.append([batch("bad", "INFO", "INFO", "ERROR"), batch("good", "INFO")])
    assert sum(item.batch.count for item in bench.primary.read(0, 100, 1 << 20)) == 3
    [letter] = bench.primary.dead_letters()
    assert (letter.cause, letter.reason) == (Cause.SINK_REFUSED, "the record is over the broker's limit")
    assert b"bad-1" in letter.payload
    assert bench.total() == {"accepted": 4, "stored": 0, "dead_lettered": 1, "dropped": 0, "in_flight": 3}


def test_a_letter_that_comes_again_is_not_let_go(tmp_path: Path) -> None:
    limits: dict[str, Any] = dict(FREE) | {"normal_free_mib": 1 << 40}
    bench = Bench(tmp_path, room=RoomSettings(**limits, normal_free_percent=100.0))
    again = msgspec.structs.replace(batch("a", "INFO"), redelivers=("7",))
    with pytest.raises(StreamUnavailable):
        bench.chain.deliver([again])
    assert bench.chain.ledger() == {}


def test_a_batch_that_a_failing_sink_may_have_is_never_made_lighter(tmp_path: Path) -> None:
    """A primary that did not answer may have all of it; a part of it under the same id would be another batch."""
    limits: dict[str, Any] = dict(FREE) | {"normal_free_mib": 1 << 40}
    bench = Bench(tmp_path, room=RoomSettings(**limits, normal_free_percent=100.0), remote=True)
    bench.primary.trouble = "away"
    mixed = batch("a", "INFO", "ERROR")
    for _ in range(3):
        with pytest.raises(StreamUnavailable):
            bench.chain.deliver([mixed])
    assert bench.chain.drops() == {}

    # The primary counts as away now, so a batch that comes later has not been given to it.
    [(taken, _)] = bench.chain.deliver([batch("b", "INFO", "ERROR")])
    assert (taken.count, [drop.count for drop in taken.drops]) == (1, [1])
    with pytest.raises(StreamUnavailable):
        bench.chain.deliver([mixed])

    bench.primary.trouble = ""
    bench.clock.advance(timedelta(minutes=1))
    [(taken, new)] = bench.chain.deliver([mixed])
    assert (taken.count, new) == (2, True)


def test_a_backlog_that_cannot_be_asked_counts_with_what_it_last_said(bench: Bench) -> None:
    bench.primary.trouble = "away"
    bench.chain.append([batch("a", "INFO", "INFO")])
    table = bench.behind[0]
    table.away = True
    assert bench.chain.ledger() == {}  # nobody asked it before
    assert [state.waiting for state in bench.chain.states()] == [0, None, 0]
    table.away = False
    bench.clock.advance(timedelta(seconds=6))
    assert bench.total()["in_flight"] == 2
    table.away = True
    assert bench.total()["in_flight"] == 2
    assert bench.chain.states()[1].waiting is None
    assert bench.chain.held.troubles() == {"table": "table is away."}


def test_a_backlog_that_does_not_answer_is_not_asked_by_each_who_counts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def waiting() -> dict[str, int]:
        asked.append(bench.clock.monotonic())
        raise StreamUnavailable("table is away.")

    monkeypatch.setattr(bench.behind[0], "waiting", waiting)
    for _ in range(5):
        bench.chain.ledger()
        bench.chain.states()
    assert len(asked) == 1
    bench.clock.advance(timedelta(seconds=6))
    bench.chain.ledger()
    assert len(asked) == 2


def test_sinks_in_one_folder_tell_once_that_its_disk_is_short(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    short = RoomSettings(normal_free_mib=1 << 40, normal_free_percent=100.0)
    clock = Bench(tmp_path).clock
    rooms = [Room(folder, clock, short) for folder in (tmp_path, tmp_path, tmp_path / "elsewhere")]
    share([*rooms, None])
    with capture_logs() as told:
        assert {room.lowest() for room in rooms} == {Priority.WARN}
    assert [(entry["event"], entry["folder"]) for entry in told] == [
        ("disk.room", str(tmp_path)),
        ("disk.room", str(tmp_path / "elsewhere")),
    ]
    # What one of them finds out by writing is its own.
    wide = [Room(tmp_path, clock, RoomSettings(**FREE)) for _ in range(2)]
    share(wide)
    wide[0].full()
    assert [room.lowest() for room in wide] == [Priority.WARN, Priority.NORMAL]
