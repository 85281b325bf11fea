"""The form that hashes are taken of never changes: kept ones rest on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from bdp.model.decision import AuditEntry
from bdp.store.chain import FIRST, as_stored, canonical, hash_of

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENTRY = AuditEntry(at=AT, actor="김", action="approval.approved", object="q1", detail={"b": 1.5, "a": ["x\n", None]})


def test_the_bytes_and_the_hash_are_those_of_ever() -> None:
    assert canonical(1, FIRST, AT, "김", "approval.approved", "q1", ENTRY.detail) == (
        b'{"action":"approval.approved","actor":"\\uae40","at":"2026-03-01T12:00:00.000000+00:00",'
        b'"detail":{"a":["x\\n",null],"b":1.5},"form":1,"number":1,"object":"q1","previous":"' + b"0" * 64 + b'"}'
    )
    assert hash_of(1, FIRST, ENTRY) == "11bdbc30a06adaab3a0df753580bc5824d8e5279516ad72a552fb158f87a8126"


def test_the_same_instant_in_another_zone_is_the_same_entry() -> None:
    seoul = ENTRY.model_copy(update={"at": AT.astimezone(timezone(timedelta(hours=9)))})
    assert hash_of(1, FIRST, seoul) == hash_of(1, FIRST, ENTRY)


def test_each_part_counts() -> None:
    changes = {"at": AT + timedelta(microseconds=1), "actor": "kim", "action": "x", "object": "q2", "detail": {}}
    seen = {hash_of(1, FIRST, ENTRY.model_copy(update={name: value})) for name, value in changes.items()}
    seen |= {hash_of(2, FIRST, ENTRY), hash_of(1, "1" * 64, ENTRY), hash_of(1, FIRST, ENTRY)}
    assert len(seen) == 8


def test_what_is_stored_is_plain_json() -> None:
    found = as_stored(ENTRY.model_copy(update={"actor": "a\x00", "detail": {"at": AT, "n": {1: "\ud800"}}}))
    assert (found.actor, found.detail) == ("a\ufffd", {"at": "2026-03-01T12:00:00Z", "n": {"1": "\ufffd"}})
    assert as_stored(found) == found
