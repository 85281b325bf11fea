"""Events that belong to no customer's call: debug lines, the mailer that always errs a little, a batch job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from bdp.demo.columns import DAY_US, MINUTE_US, Ints, Row, rfc3339, ulids
from bdp.demo.company import attributes_of

DEBUG_FROM_MINUTE = 12
_DEBUG_LINES = (
    "cache {verb} key=q:{hex} shard={small}",
    "plan for query {hex}: {small} terms, {n} candidates, rescoring top 200",
    "segment merge skipped, {small} segments, {n} docs deleted",
)
_SLOW = ("slow statement ({n} ms): SELECT * FROM stock WHERE sku = $1", "GC pause of {n} ms (G1 Evacuation Pause)")


def background(day: date, rng: np.random.Generator, searches: Sequence[Row], search_at: Ints) -> list[tuple[int, Row]]:
    """Return the events of a day that are not calls, with their microsecond, unsorted.

    Args:
        searches, search_at: the events of the search service, and when they happened.
    """
    return [*_debug(day, rng, searches, search_at), *_mailer(day, rng), *_batch(day, rng), *_warnings(day, rng)]


def _debug(day: date, rng: np.random.Generator, searches: Sequence[Row], at: Ints) -> list[tuple[int, Row]]:
    rows = np.repeat(np.flatnonzero(at >= DEBUG_FROM_MINUTE * MINUTE_US), 3)
    times = at[rows] - rng.integers(200, 2_000, len(rows))
    attributes = {**attributes_of("search")[0][0], "log.logger": "search.engine"}
    events = _events(day, rng, times, "search", _DEBUG_LINES, "DEBUG", attributes)
    for (_, event), row in zip(events, rows.tolist(), strict=True):
        search = searches[row]
        event.update(route="/query", trace_id=search["trace_id"], span_id=search["span_id"])
    return events


def _mailer(day: date, rng: np.random.Generator) -> list[tuple[int, Row]]:
    """The mailer sends steadily and is put off by one receiving server about once a minute, all day."""
    attributes = attributes_of("mailer")[0][0]
    sent = np.sort(rng.integers(0, DAY_US, 4_300))
    put_off = np.arange(0, DAY_US, MINUTE_US) + rng.integers(5_000_000, 55_000_000, 1440)
    good = _events(day, rng, sent, "mailer", ("250 2.0.0 Ok: queued as {hex}",), "INFO", attributes)
    lines = ("451 4.7.1 <u{n}@mail.example>: Recipient address rejected: greylisted, try again in {small} s",)
    bad = _events(day, rng, put_off, "mailer", lines, "ERROR", attributes)
    for _, event in bad:
        event.update(error_code="SMTP_451", status=451)
    for _, event in good + bad:
        event["route"] = "/send"
    return good + bad


def _batch(day: date, rng: np.random.Generator) -> list[tuple[int, Row]]:
    """Settlement runs each hour: 60 chunks in ten minutes, now and then one is tried again."""
    hours = np.repeat(np.arange(24, dtype=np.int64) * 60 + 5, 60)
    at = hours * MINUTE_US + np.tile(np.arange(60) * 10_000_000, 24) + rng.integers(0, 4_000_000, 1440)
    attributes = {**attributes_of("settlement-batch")[0][0], "job.name": "settlement"}
    lines = ("settled chunk of {n} lines in {small} s, checksum {hex}",)
    events = _events(day, rng, at, "settlement-batch", lines, "INFO", attributes)
    for row in np.flatnonzero(rng.random(len(events)) < 0.012).tolist():
        events[row][1].update(
            level="WARN", message=f"chunk {rng.bytes(3).hex()} locked by another session, trying again"
        )
    return events


def _warnings(day: date, rng: np.random.Generator) -> list[tuple[int, Row]]:
    events: list[tuple[int, Row]] = []
    for service in ("inventory", "payment", "cart", "auth"):
        at = np.sort(rng.integers(0, DAY_US, 60))
        events += _events(day, rng, at, service, _SLOW, "WARN", attributes_of(service)[0][0])
    return events


def _events(
    day: date,
    rng: np.random.Generator,
    at: Ints,
    service: str,
    lines: Sequence[str],
    level: str,
    attributes: dict[str, str],
) -> list[tuple[int, Row]]:
    count = len(at)
    chance = rng.bytes(5 * count).hex()
    keys = zip(
        at.tolist(), ulids(rng, day, at), rfc3339(day, at), rng.integers(0, len(lines), count).tolist(),
        rng.integers(100, 9_999, count).tolist(), rng.integers(2, 60, count).tolist(), strict=True,
    )  # fmt: skip
    return [
        (
            us,
            {
                "event_id": key,
                "ts": ts,
                "service": service,
                "level": level,
                "message": lines[line].format(
                    hex=chance[10 * row : 10 * row + 10], n=n, small=small, verb="hit" if small > 20 else "miss"
                ),
                "attributes": attributes,
            },
        )
        for row, (us, key, ts, line, n, small) in enumerate(keys)
    ]
