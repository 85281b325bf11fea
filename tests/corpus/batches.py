"""Malformed changes, and malformed batches as `bdp ingest` sends them (msgpack)."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind
from tests.corpus.entry import CHANGES, IN, MOMENT, Body, Entry, Good, outcome, whole

PATH = "/v1/batches"


def _change(**fields: Any) -> bytes:
    return json.dumps({"ts": MOMENT, "kind": "deploy", "service": "odd", **fields}).encode()


_BAD_CHANGES: dict[str, tuple[bytes, str]] = {
    "no-kind": (json.dumps({"ts": MOMENT}).encode(), "schema"),
    "no-ts": (b'{"kind":"deploy"}', IN),
    "ts-null": (_change(ts=None), IN),
    "ts-alias-null": (b'{"kind":"deploy","time":null}', IN),
    "kind-unknown": (_change(kind="party"), "schema"),
    "kind-number": (_change(kind=7), "schema"),
    "kind-list": (_change(kind=["deploy"]), "schema"),
    "kind-wrong-case": (_change(kind="DEPLOY"), "schema"),
    "field-unknown": (_change(colour="red"), "schema"),
    "field-unknown-odd": (_change(**{"\x1b[31m\n": 1}), "schema"),
    "ts-nonsense": (_change(ts="soon"), "schema"),
    "ts-before-1970": (_change(ts="1950-01-01T00:00:00Z"), "schema"),
    "ts-ahead": (_change(ts="9999-01-01T00:00:00Z"), "clock"),
    "ts-5000-digits": (b'{"kind":"deploy","ts":' + b"9" * 5000 + b"}", "schema"),
    "summary-number": (_change(summary=5), "schema"),
    "summary-object": (_change(summary={"a": 1}), "schema"),
    "summary-surrogate": (_change(summary="\ud800"), IN),
    "summary-nul": (_change(summary="a\0b"), IN),
    "diff-list": (_change(diff=["-a", "+b"]), "schema"),
    "diff-2-mib": (_change(diff="x" * (2 << 20)), "too_large"),
    "utf8": (_change(summary="?").replace(b"?", b"\xff"), "encoding"),
    "deep": (_change(summary=0).replace(b": 0", b": " + b"[" * 5000 + b"]" * 5000), "schema"),
    "not-json": (b"deploy v2", "schema"),
    "array": (b"[]", "schema"),
    "null": (b"null", "schema"),
}


def _changes() -> Iterator[Entry]:
    for name, (bad, cause) in _BAD_CHANGES.items():
        yield Entry(
            f"change-{name}",
            "changes",
            lambda good, bad=bad: b"\n".join((good.change(1), bad, good.change(2))),
            path="/v1/changes",
            good=2,
            kind=CHANGES,
            **outcome(cause),
        )
    yield Entry(
        "change-mixed-array",
        "changes",
        lambda good: (
            b"[%b]" % b",".join((good.change(1), b"{}", b"7", good.change(2), _change(kind="x"), good.change(3)))
        ),
        path="/v1/changes",
        good=3,
        kind=CHANGES,
        refused=("schema",) * 3,
    )
    yield Entry(
        "change-single-object-bad",
        "changes",
        lambda good: b'{"service":"shop"}',
        path="/v1/changes",
        kind=CHANGES,
        refused=("schema",),
    )
    yield whole(
        "change-array-cut", "changes", lambda good: b"[" + good.change(1), 400, "JSON array", path="/v1/changes"
    )
    yield whole("change-100001", "changes", b"{}\n" * 100_001, 413, "100000", path="/v1/changes")


def _batch(good: Good, **changed: Any) -> dict[str, Any]:
    fields = {"batch_id": good.tag, "source": "file", "kind": "events", "count": 1, "payload": good.line(1)}
    return fields | changed


def _letter(**changed: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "source": "file",
        "cause": Cause.SCHEMA,
        "reason": "bad",
        "payload": b"x",
        "index": 1,
        "first_seen": datetime(2026, 3, 1, tzinfo=UTC),
    }
    return DeadLetter(**fields | changed)


_CHANGED: dict[str, dict[str, Any]] = {
    "count-too-high": {"count": 7},
    "count-zero": {"count": 0},
    "count-negative": {"count": -1},
    "count-text": {"count": "1"},
    "count-uint64": {"count": 2**64 - 1},
    "count-float": {"count": 1.5},
    "kind-unknown": {"kind": "songs"},
    "kind-nil": {"kind": None},
    "kind-other": {"kind": "costs"},
    "source-empty": {"source": ""},
    "source-injection": {"source": 'x"} 1\nevil'},
    "source-korean": {"source": "한글"},
    "source-long": {"source": "s" * 100_000},
    "id-empty": {"batch_id": ""},
    "id-long": {"batch_id": "x" * 300},
    "id-nul": {"batch_id": "a\0b"},
    "id-bytes": {"batch_id": b"\xff\xfe"},
    "payload-text": {"payload": 17},
    "payload-nil": {"payload": None},
    "payload-no-json": {"payload": b"not json"},
    "payload-broken-utf8": {"payload": b'{"message":"\xff"}'},
    "payload-deep": {"payload": b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}"},
    "payload-ahead": {"payload": b'{"ts":"2999-01-01T00:00:00Z"}'},
    "payload-array-cut": {"payload": b"[{},"},
    "refused-of-another-source": {"refused": (_letter(source="other"),)},
    "refused-of-another-kind": {"refused": (_letter(kind=RecordKind.COSTS),)},
    "refused-not-a-list": {"refused": 7},
    "refused-incomplete": {"refused": [{"source": "file"}]},
    "refused-cause-unknown": {"refused": [msgspec.to_builtins(_letter()) | {"cause": "whim", "payload": b"x"}]},
    "refused-index-negative-huge": {"refused": [msgspec.to_builtins(_letter()) | {"index": 2**63, "payload": b"x"}]},
    "drops-negative": {"drops": [{"reason": "sampled", "priority": "normal", "count": -5}]},
    "drops-unknown": {"drops": [{"reason": "whim", "priority": "normal", "count": 5}]},
    "redelivers-what-is-not-there": {"redelivers": ["no-such-letter"]},
}


def _raw() -> Iterator[tuple[str, Body]]:
    yield "nothing", lambda good: b""
    yield "reserved-byte", lambda good: b"\xc1"
    yield "nil", lambda good: b"\xc0"
    yield "json", lambda good: json.dumps({"batch_id": "b"}).encode()
    yield "no-fields", lambda good: b"\x80"
    yield "rubbish-behind", lambda good: msgspec.msgpack.encode(_batch(good)) + b"x"
    yield "array-says-4-billion", lambda good: b"\xdd\xff\xff\xff\xff"
    yield "map-says-4-billion", lambda good: b"\xdf\xff\xff\xff\xff"
    yield "bytes-say-4-billion", lambda good: b"\x81\xa7payload\xc6\xff\xff\xff\xff" + b"x" * 100
    yield "deep", lambda good: b"\x91" * 100_000
    yield "deep-in-unknown-field", lambda good: b"\x81\xa1x" + b"\x91" * 100_000 + b"\xc0"
    yield "keys-are-numbers", lambda good: msgspec.msgpack.encode({1: 2})
    yield "broken-utf8-key", lambda good: b"\x81\xa2\xc3\x28\xc0"
    for share in (0.2, 0.6, 0.95):
        yield (
            f"cut-at-{share}",
            lambda good, share=share: (raw := msgspec.msgpack.encode(_batch(good)))[: int(len(raw) * share)],
        )
    for seed in range(3):
        yield f"noise-{seed}", lambda good, seed=seed: random.Random(seed).randbytes(2000)


def _batches() -> Iterator[Entry]:
    for name, made in _raw():
        yield whole(f"batch-{name}", "batches", made, 400, path=PATH)
    for name, changed in _CHANGED.items():
        yield whole(
            f"batch-{name}",
            "batches",
            lambda good, changed=changed: msgspec.msgpack.encode(_batch(good, **changed)),
            400,
            path=PATH,
        )
    yield Entry(
        "batch-with-letters",
        "batches",
        lambda good: msgspec.msgpack.encode(_whole_batch(good)),
        path=PATH,
        good=2,
        refused=("schema", "encoding"),
    )


def _whole_batch(good: Good) -> Batch:
    letters = (_letter(index=2), _letter(index=3, cause=Cause.ENCODING))
    return Batch(
        batch_id=good.tag, source="file", kind=RecordKind.EVENTS, count=2, payload=good.lines(1, 2), refused=letters
    )


def entries() -> Iterator[Entry]:
    yield from _changes()
    yield from _batches()
