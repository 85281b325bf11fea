"""Who works on which partition of a shared stream, for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table

from bdp.cli import screen

_SILENT = timedelta(minutes=3)
"""Each process says every minute that it lives; see `work.tend_seconds`."""


def holder(lane: dict[str, Any], now: datetime) -> str:
    """Return host:pid of the process that has a lane; empty if it let go, or was silent for three minutes."""
    seen_at = lane["seen_at"] and datetime.fromisoformat(lane["seen_at"])
    return str(lane["reader"]) if seen_at and now - seen_at < _SILENT else ""


def number(lane: dict[str, Any]) -> str:
    """Return the partition's number."""
    return str(lane["lane"]).rpartition("/")[2]


def table(lanes: Sequence[dict[str, Any]], now: datetime) -> Table:
    """Return one row for each partition."""
    found = Table(box=None, pad_edge=False, header_style="bold", title="partitions", title_justify="left")
    for name in ("partition", "worker", "since (UTC)"):
        found.add_column(name)
    for name in ("stored up to", "taken"):
        found.add_column(name, justify="right")
    for lane in lanes:
        who = holder(lane, now)
        since = screen.when(lane["since"]) if who else ""
        who = who or (f"nobody; last {lane['reader']}" if lane["reader"] else "nobody")
        found.add_row(number(lane), screen.plain(who), since, f"{lane['committed']:,}", f"{lane['readers']:,} times")
    return found
