"""Splitting loses nothing, doubles nothing, keeps a service together, and gives the same parts for the same batch."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bdp.model.batch import Batch, Cause, DeadLetter, Drop, DropReason, Priority, RecordKind
from bdp.stream.shared.parts import MARGIN, Part, split

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MOST = MARGIN + 2000


def batch(services: list[str], size: int = 10, kind: RecordKind = RecordKind.EVENTS) -> Batch:
    lines = [
        b'{"n":%d,"service":"%s","pad":"%s"}' % (index, name.encode(), b"x" * size)
        for index, name in enumerate(services)
    ]
    return Batch(batch_id="b", source="http", kind=kind, count=len(lines), payload=b"\n".join(lines))


def letters(*sizes: int) -> tuple[DeadLetter, ...]:
    return tuple(
        DeadLetter(
            source="http", cause=Cause.SCHEMA, reason="no", payload=b"r" * size, index=index, first_seen=NOW
        )
        for index, size in enumerate(sizes)
    )  # fmt: skip


def lines(parts: list[Part]) -> list[bytes]:
    return [line for part in parts for line in part.batch.payload.split(b"\n") if line]


@settings(max_examples=100, deadline=None)
@given(
    services=st.lists(st.sampled_from(["", "a", "b", "한국", "c d"]), max_size=60),
    partitions=st.integers(1, 7),
    size=st.integers(0, 900),
)
def test_each_record_is_in_one_part_and_each_service_in_one_partition(
    services: list[str], partitions: int, size: int
) -> None:
    whole = batch(services, size)
    parts = split(whole, partitions, MOST)
    assert sorted(lines(parts)) == sorted(line for line in whole.payload.split(b"\n") if line)
    assert sum(part.batch.count for part in parts) == sum(part.accepted for part in parts) == whole.count
    assert len({part.batch.batch_id for part in parts}) == len(parts)
    places: dict[str, int] = {}
    for part in parts:
        assert 0 <= part.partition < partitions
        assert part.batch.count < 2 or len(part.batch.payload) <= MOST
        for line in part.batch.payload.split(b"\n"):
            if line:
                assert places.setdefault(msgspec.json.decode(line)["service"], part.partition) == part.partition
    assert parts == split(whole, partitions, MOST)


def test_a_batch_that_fits_stays_as_it_is() -> None:
    whole = batch(["a", "a"])
    assert [part.batch for part in split(whole, 1, MOST)] == [whole]
    assert next(part.batch for part in split(batch(["a"], kind=RecordKind.METRICS), 8, MOST)).batch_id == "b"


def test_an_entitys_metrics_and_its_changes_are_in_one_partition() -> None:
    """Each partition has a detector of its own: a series, or the five metrics of a fabric sample, must not scatter."""
    points = [
        b'{"ts":"2026-05-01T12:00:00Z","name":"%s","entity":"ib-%d","value":1}' % (name, number)
        for number in range(20)
        for name in (b"utilization", b"latency_p99")
    ]
    metrics = Batch(batch_id="m", source="http", kind=RecordKind.METRICS, count=40, payload=b"\n".join(points))
    places: dict[str, int] = {}
    for part in split(metrics, 5, MOST):
        for line in part.batch.payload.split(b"\n"):
            entity = msgspec.json.decode(line)["entity"]
            assert places.setdefault(entity, part.partition) == part.partition
    assert len(set(places.values())) > 1
    for entity, place in places.items():
        line = msgspec.json.encode({"kind": "maintenance", "service": entity})
        change = Batch(batch_id=f"c-{entity}", source="http", kind=RecordKind.CHANGES, count=1, payload=line)
        assert [part.partition for part in split(change, 5, MOST)] == [place]


def test_refused_records_and_drops_travel_once() -> None:
    gone = Drop(reason=DropReason.SAMPLED, priority=Priority.NORMAL, count=3)
    whole = msgspec.structs.replace(
        batch(["a", "b", "c", "d"]), refused=letters(10, 1500, 900, 20), drops=(gone,)
    )  # fmt: skip
    parts = split(whole, 4, MOST)
    assert sum(part.accepted for part in parts) == whole.accepted
    assert sorted(letter.index for part in parts for letter in part.batch.refused) == [0, 1, 2, 3]
    assert [part.batch.drops for part in parts if part.batch.drops] == [(gone,)]
    assert all(sum(len(letter.payload) for letter in part.batch.refused) <= MOST for part in parts)
    assert len({part.batch.batch_id for part in parts}) == len(parts)


def test_a_refused_record_over_the_limit_is_cut_and_says_so() -> None:
    (part,) = split(msgspec.structs.replace(batch([]), refused=letters(5000)), 1, MOST)
    (letter,) = part.batch.refused
    assert letter.cut
    assert len(letter.payload) == MOST - MARGIN


def test_letters_go_with_the_last_part_of_what_redelivers_them() -> None:
    parts = split(msgspec.structs.replace(batch(["a", "b", "c", "d"]), redelivers=("7",)), 4, MOST)
    assert [part.closes for part in parts] == [False] * (len(parts) - 1) + [True]
    assert [part.batch.redelivers for part in parts if part.batch.redelivers] == [("7",)]
    assert sum(part.accepted for part in parts) == 0
