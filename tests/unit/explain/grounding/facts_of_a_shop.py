"""Evidence about a shop, and the verdict on one sentence about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from bdp.explain.grounding import check
from bdp.model.analysis import Check, Claim
from bdp.model.evidence import Evidence, EvidenceKind

START, END = datetime(2026, 3, 4, 11, 0, tzinfo=UTC), datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


def evidence(number: int, value: dict[str, Any], *samples: str) -> Evidence:
    return Evidence(
        id=f"E{number}",
        kind=EvidenceKind.COUNT,
        value=value,
        text="",
        source="events",
        start_time=START,
        end_time=END,
        samples=samples,
    )


def level(metric: str, unit: str, usual: float, extreme: float, at: str, **more: Any) -> dict[str, Any]:
    """A metric that was between its usual and its extreme value."""
    low, high = min(usual, extreme), max(usual, extreme)
    value = {"metric": metric, "entity": "payment", "unit": unit, "counter": False, "moved": True, "usual_points": 60}
    levels = {"usual": usual, "highest": high, "lowest": low, "extreme": extreme, "difference": extreme - usual}
    return value | levels | {"points": 12, "ratio": extreme / usual, "extreme_time": f"2026-03-04T{at}Z"} | more


FACTS: Final = [
    evidence(
        1,
        {
            "service": "payment",
            "abnormal_events": 120,
            "abnormal_events_before": 100,
            "stretch_seconds": 600,
            "first_time": "2026-03-04T12:00:03Z",
            "last_time": "2026-03-04T12:09:59Z",
        },
    ),
    evidence(2, level("cpu_utilization", "%", 40.0, 97.0, "12:05:00")),
    evidence(3, level("error_rate", "%", 1.0, 2.5, "12:07:00")),
    evidence(4, level("requests_per_sec", "", 50.0, 10.0, "12:06:00")),
    evidence(5, {"ref": "40465f5aa01bc", "change_kind": "deploy", "service": "payment", "time": "2026-03-04T11:55:00Z", "seconds_before": 303.0}),  # noqa: E501
    evidence(
        6,
        {
            "first_service": "bank",
            "traces": 20,
            "traces_first": 18,
            "services": [{"service": "bank", "traces_first": 18}, {"service": "payment", "traces_first": 2}],
        },
    ),
    evidence(7, {"client_ip": "10.1.2.3", "addresses": 22, "users": 74, "events": 286}),
    evidence(8, {"changes": 0, "looked_back_minutes": 120}),
    evidence(9, {"top": [{"client_ip": "10.1.2.3", "events": 286}, {"client_ip": "10.1.2.4", "events": 40}]}),
    evidence(10, {"cost_usd": 1250.0, "response_bytes": 2_500_000, "pages": 12_345}),
    evidence(11, level("packets", "", 100.0, 400.0, "12:06:30", counter=True)),
    evidence(12, {"metric": "disk_used", "entity": "payment", "moved": False, "usual": 30.0, "highest": 31.0}),
]  # fmt: skip


def judged(text: str, *cited: str) -> Claim:
    return check([Claim(text=text, evidence=cited)], FACTS)[0][0]


def verdict(text: str, *cited: str) -> Check | None:
    return judged(text, *cited).check
