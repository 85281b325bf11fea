"""What is sent again when something did not get through: only what is not known to be safe, in the same messages."""

from __future__ import annotations

import json

from bdp.model.batch import Batch, RecordKind
from bdp.stream.shared.confirmed import Confirmed

LINES = [json.dumps({"service": f"s{number}", "message": "x" * 20_000}).encode() for number in range(8)]
LARGE = Batch(batch_id="a", source="http", kind=RecordKind.EVENTS, count=8, payload=b"\n".join(LINES))
SMALL = Batch(batch_id="b", source="http", kind=RecordKind.EVENTS, count=1, payload=LINES[0])


def test_only_the_rest_is_sent_again_however_the_bounds_have_changed() -> None:
    confirmed = Confirmed()
    first = confirmed.split(LARGE, 2, 60_000)
    assert len(first) > 2
    assert confirmed.missing("a", first) == first
    confirmed.add("a", first[1].batch.batch_id)

    again = confirmed.split(LARGE, 2, 1 << 20)
    assert again == first
    assert confirmed.missing("a", again) == [first[0], *first[2:]]
    assert confirmed.complete({"a": again}) == []
    assert (confirmed.halfway("a"), confirmed.halfway("b")) == (True, False)


def test_a_complete_batch_is_reported_and_forgotten() -> None:
    confirmed = Confirmed()
    parts = {batch.batch_id: confirmed.split(batch, 2, 60_000) for batch in (LARGE, SMALL)}
    for part in parts["a"]:
        confirmed.add("a", part.batch.batch_id)
    assert confirmed.complete(parts) == ["a"]
    assert not confirmed.halfway("a")
    assert confirmed.missing("a", parts["a"]) == parts["a"]


def test_a_batch_of_which_nothing_is_safe_follows_the_bounds_of_now() -> None:
    confirmed = Confirmed()
    before = confirmed.split(LARGE, 2, 60_000)
    after = confirmed.split(LARGE, 2, 1 << 20)
    assert len(after) < len(before)
    assert confirmed.complete({"a": after}) == []
