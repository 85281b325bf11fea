"""Malformed cost lines and metric points, each among good ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.corpus.entry import COSTS, IN, METRICS, MOMENT, Entry, Good, outcome, whole

START, END = "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"
MIB = 1 << 20
IDEA = "costs and metric points"


def _cost(**fields: Any) -> bytes:
    usual = {"ChargePeriodStart": START, "ChargePeriodEnd": END, "ServiceName": "odd", "BilledCost": 1.5}
    return json.dumps(usual | fields).encode()


def _point(**fields: Any) -> bytes:
    return json.dumps({"ts": MOMENT, "name": "odd", "value": 1} | fields).encode()


def _bare(value: str) -> bytes:
    return b'{"ts":"%b","name":"odd","value":%b}' % (MOMENT.encode(), value.encode())


Bad = dict[str, tuple[bytes, str, str]]
"""Name -> (record, cause, what the reason says)."""

_BAD_COSTS: Bad = {
    "nothing": (b"{}", "schema", "charge_period_start: missing"),
    "no-service": (_cost(ServiceName=None), "schema", "service_name: missing"),
    "no-cost": (_cost(BilledCost=None), "schema", "billed_cost: missing"),
    "no-end": (_cost(ChargePeriodEnd=None), "schema", "charge_period_end: missing"),
    "cost-word": (_cost(BilledCost="free"), "schema", "billed_cost: expected a number"),
    "cost-list": (_cost(BilledCost=[1]), "schema", "billed_cost: expected a number"),
    "cost-boolean": (_cost(BilledCost=True), "schema", "billed_cost"),
    "cost-text-of-a-number": (_cost(BilledCost="1.25"), IN, ""),
    "cost-text-of-nan": (_cost(BilledCost="nan"), "schema", "billed_cost"),
    "cost-text-of-infinity": (_cost(EffectiveCost="-inf"), "schema", "effective_cost"),
    "cost-negative": (_cost(BilledCost=-3), IN, ""),
    "cost-1e400": (_cost(BilledCost=0).replace(b": 0", b": 1e400"), "schema", "billed_cost"),
    "cost-5000-digits": (_cost(BilledCost=0).replace(b": 0", b": " + b"9" * 5000), "schema", ""),
    "start-nonsense": (_cost(ChargePeriodStart="January"), "schema", "charge_period_start: expected"),
    "start-boolean": (_cost(ChargePeriodStart=True), "schema", "charge_period_start: expected"),
    "start-year-0": (_cost(ChargePeriodStart="0000-01-01"), "schema", "charge_period_start"),
    "start-1950": (_cost(ChargePeriodStart="1950-01-01"), "schema", "charge_period_start"),
    "end-9999": (_cost(ChargePeriodEnd="9999-12-31T23:59:59Z"), "schema", "charge_period_end"),
    "end-2105": (_cost(ChargePeriodEnd="2105-12-31T23:59:59Z"), IN, ""),
    "end-before-start": (_cost(ChargePeriodEnd="2026-01-01"), IN, ""),
    "service-number": (_cost(ServiceName=7), "schema", "service_name: expected text, got 7"),
    "service-nul": (_cost(ServiceName="a\0b"), IN, ""),
    "service-surrogate": (_cost(ServiceName="\ud800"), IN, ""),
    "tags-text": (_cost(Tags="a=b"), "schema", "tags: expected an object"),
    "tags-list": (_cost(Tags=["a"]), "schema", "tags: expected an object"),
    "tags-deep": (_cost(Tags={"a": {"b": [1, None]}, "": None}), IN, ""),
    "column-unknown": (_cost(PricingCategory="Standard", **{"x_\x1b[31m": 1}), IN, ""),
    "both-names": (_cost(billed_cost=2, BilledCost=3), IN, ""),
    "2-mib": (_cost(RegionId="x" * (2 * MIB)), "too_large", "1048576"),
    "utf8": (_cost(RegionId="?").replace(b"?", b"\xff"), "encoding", "utf-8"),
    "deep": (_cost(Tags=0).replace(b": 0", b": " + b"[" * 5000 + b"]" * 5000), "schema", ""),
    "not-json": (b"S3,1.25", "schema", "json"),
    "array": (b"[]", "schema", "object"),
    "null": (b"null", "schema", "object"),
}

_BAD_POINTS: Bad = {
    "nothing": (b"{}", "schema", "ts: missing"),
    "no-ts": (b'{"name":"odd","value":1}', "schema", "ts: missing"),
    "no-name": (_point(name=None), "schema", "name: missing"),
    "no-value": (_point(value=None), "schema", "value: missing"),
    "value-word": (_point(value="many"), "schema", "value: expected a number, got 'many'"),
    "value-object": (_point(value={"sum": 1}), "schema", "value: expected a number"),
    "value-boolean": (_point(value=True), "schema", "value"),
    "value-nan": (_bare("NaN"), "schema", "value"),
    "value-infinity": (_bare("-Infinity"), "schema", "value"),
    "value-1e400": (_bare("1e400"), "schema", "value"),
    "value-uint64-overflow": (_bare("18446744073709551616"), IN, ""),
    "value-5000-digits": (_bare("9" * 5000), "schema", ""),
    "value-hexadecimal": (_bare("0x1f"), "schema", "json"),
    "name-number": (_point(name=7), "schema", "name: expected text, got 7"),
    "name-hostile": (_point(name="'; DROP TABLE metrics; --\x1b[2J"), IN, ""),
    "name-nul": (_point(name="a\0b"), IN, ""),
    "labels-text": (_point(labels="a=b"), "schema", "labels: expected an object"),
    "labels-10k": (_point(labels={f"k{n}": n for n in range(10_000)}), IN, ""),
    "labels-surrogate": (_point(labels={"\ud800": "\udfff"}), IN, ""),
    "field-unknown": (_point(colour="red"), "schema", "colour"),
    "field-unknown-odd": (_point(**{"\x1b[31m\n": 1}), "schema", "unknown"),
    "ts-nonsense": (_point(ts="soon"), "schema", "ts: expected"),
    "ts-before-1970": (_point(ts="1950-01-01T00:00:00Z"), "schema", "1970"),
    "ts-ahead": (_point(ts="9999-01-01T00:00:00Z"), "clock", "latest"),
    "ts-5000-digits": (b'{"name":"odd","value":1,"ts":' + b"9" * 5000 + b"}", "schema", ""),
    "2-mib": (_point(unit="x" * (2 * MIB)), "too_large", "1048576"),
    "utf8": (_point(unit="?").replace(b"?", b"\xff"), "encoding", "utf-8"),
    "deep": (_point(labels=0).replace(b": 0", b": " + b"[" * 5000 + b"]" * 5000), "schema", ""),
    "prometheus-text": (b'odd{a="b"} 17', "schema", "json"),
    "array": (b"[]", "schema", "object"),
    "null": (b"null", "schema", "object"),
}


def _of(way: str, path: str, kind: str, made: Callable[[Good, int], bytes], bad: Bad) -> Iterator[Entry]:
    for name, (raw, cause, says) in bad.items():
        yield Entry(
            f"{way}-{name}",
            IDEA,
            lambda good, raw=raw: b"\n".join((made(good, 1), raw, made(good, 2))),
            path=path,
            good=2,
            kind=kind,
            says=says,
            **outcome(cause),
        )

    def array(good: Good) -> bytes:
        return b"[%b]" % b",".join((made(good, 1), b"{}", b"7", made(good, 2)))

    def packed(good: Good) -> bytes:
        return gzip.compress(array(good))

    two: dict[str, Any] = {"path": path, "good": 2, "kind": kind, "refused": ("schema",) * 2}
    gzipped = {"Content-Encoding": "gzip"}
    yield Entry(f"{way}-mixed-array", IDEA, array, **two)
    yield Entry(f"{way}-gzip", IDEA, packed, headers=gzipped, **two)
    yield whole(f"{way}-array-cut", IDEA, lambda good: b"[" + made(good, 1), 400, "JSON array", path=path)
    yield whole(f"{way}-100001", IDEA, b"{}\n" * 100_001, 413, "100000", path=path)
    yield whole(f"{way}-cut-gzip", IDEA, lambda good: packed(good)[:-9], 400, path=path, headers=gzipped)
    yield whole(f"{way}-encoding-br", IDEA, b"{}", 415, path=path, headers={"Content-Encoding": "br"})
    yield whole(f"{way}-no-token", IDEA, lambda good: made(good, 1), 401, "token", path=path, token="")
    yield whole(f"{way}-wrong-password", IDEA, b"{}", 401, "token", path=path, token="Basic dXNlcjpwYXNz")
    yield whole(f"{way}-get", IDEA, b"", 405, path=path, method="GET")


def entries() -> Iterator[Entry]:
    yield from _of("cost", "/v1/costs", COSTS, Good.cost, _BAD_COSTS)
    yield from _of("point", "/metrics/ingest", METRICS, Good.point, _BAD_POINTS)
