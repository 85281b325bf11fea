"""What the longer prompts hold besides the item: the reference table, and worked examples in each language.

The bounds are those of the fabric's written risk table; the examples are made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

Language = Literal["en", "ko"]
LANGUAGES: Final[Mapping[Language, str]] = {"en": "English", "ko": "Korean (한국어, polite plain style)"}

MEANINGS: Final = """\
What the types mean:
latency_spike: P99 latency far above its own mean, the link neither full nor lossy
resource_saturation: the link is nearly full; latency may follow
packet_loss_detected: packets are lost or arrive damaged
qp_error_rate_high: queue pairs fail more than they do here
bandwidth_throttling: less is moved than the utilisation should move
connection_instability: the link goes down and up again, or stays down
performance_degradation: latency crept up over hours, or the link errs and retrains
memory_registration_failure, rdma_timeout: as port counters say
anomaly_detected: unusual, and none of these
If one explains another (a full link its latency, a falling link its loss), name the cause."""

TABLE: Final = """\
How risky (between two entries take what lies between):
utilization %: 80 -> 40, 85 -> 55, 90 -> 65, 95 -> 80, 100 -> 90
latency_p99 ratio: 1.5 -> 40, 2 -> 55, 3 -> 70, 4 -> 80, 6 -> 90, 10 -> 100
error_rate %: 1 -> 40, 5 -> 60, 10 -> 75, 20 -> 85, 50 -> 95
qp_errors: 5 -> 40, 10 -> 55, 20 -> 65, 50 -> 80, 100 -> 90
bandwidth_missing %: 20 -> 45, 40 -> 60, 60 -> 75, 80 -> 85 (under 70 % utilisation: information)
link_falls: 1 -> 45, 2 -> 65, 3 -> 80, 5 -> 90; link_down s: 120 -> 65, 300 -> 80, 900 -> 90
latency_p99_15min ratio: 1.5 -> 40, 2 -> 55, 3 -> 70, 5 -> 85
Each further trouble of another kind adds 5, at most 15. Usual everywhere: P99 under 5 µs, 40-70 % utilised, errors under 0.1 %."""  # noqa: E501

_SATURATED: Final[dict[str, Any]] = {
    "id": "1",
    "stream": "example-a",
    "measures": {
        "latency_p99": {"value": 11.8, "unit": "µs", "baseline": 3.6, "ratio": 3.278, "reference": "< 5"},
        "utilization": {"value": 96.2, "unit": "%", "baseline": 58.4, "ratio": 1.647, "reference": "40-70"},
        "error_rate": {"value": 0.03, "unit": "%", "baseline": 0.02, "reference": "< 0.1"},
    },
}
_FALLING: Final[dict[str, Any]] = {
    "id": "1",
    "stream": "example-b",
    "measures": {
        "utilization": {"value": 0, "unit": "%", "baseline": 52.3, "reference": "40-70"},
        "error_rate": {"value": 41.5, "unit": "%", "baseline": 0.02, "reference": "< 0.1"},
        "link_falls_10min": {"value": 3},
    },
}
_CALM: Final[dict[str, Any]] = {
    "id": "1",
    "stream": "example-c",
    "measures": {
        "latency_p99": {"value": 3.1, "unit": "µs", "baseline": 2.9, "ratio": 1.069, "reference": "< 5"},
        "utilization": {"value": 22.5, "unit": "%", "baseline": 29.8, "ratio": 0.755, "reference": "40-70"},
    },
}
_SAID: Final[Mapping[Language, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "en": (
        (
            "Utilisation is 96.2 %, 1.65 times its mean of 58.4 %, and P99 latency rose to 11.8 µs: the link is full.",
            (
                "Find the jobs that send most over this link and move or throttle the largest.",
                "Check that adaptive routing spreads the load over the parallel links.",
            ),
        ),
        (
            "The link fell to zero 3 times in 10 minutes and 41.5 % of its packets err: it does not hold.",
            (
                "Take the link out of routing so that jobs do not stall on it.",
                "Reseat or swap cable and transceiver, then watch link_downed at both ends.",
            ),
        ),
        (
            "P99 latency is 3.1 µs, as usual here; the load fell to 22.5 %, which is no fault.",
            ("Nothing is to be done.", "Watch the next samples."),
        ),
    ),
    "ko": (
        (
            "사용률 96.2%로 15분 평균 58.4%의 1.65배이고 P99 지연도 11.8µs로 함께 늘었습니다. 링크가 포화 상태입니다.",
            (
                "이 링크로 가장 많이 보내는 작업을 찾아 가장 큰 것을 옮기거나 제한하세요.",
                "적응형 라우팅이 병렬 링크에 부하를 고르게 나누는지 확인하세요.",
            ),
        ),
        (
            "10분 동안 링크가 3회 0으로 떨어졌고 오류율이 41.5%입니다. 연결이 유지되지 않습니다.",
            (
                "작업이 멈추지 않도록 링크를 라우팅에서 제외하세요.",
                "케이블과 트랜시버를 다시 꽂거나 교체한 뒤 양쪽 link_downed를 지켜보세요.",
            ),
        ),
        (
            "P99 지연은 3.1µs로 평소와 같고, 부하가 22.5%로 줄었을 뿐 이상이 아닙니다.",
            ("조치할 것이 없습니다.", "다음 표본을 지켜보세요."),
        ),
    ),
}
_ITEMS: Final = (_SATURATED, _FALLING, _CALM)
_JUDGED: Final = (("resource_saturation", 88, 0.9), ("connection_instability", 90, 0.9), ("normal", 5, 0.85))


def examples(language: Language, most: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return items with their right answers, at most so many."""
    found = []
    for item, (kind, risk, sure), (explanation, steps) in zip(_ITEMS, _JUDGED, _SAID[language], strict=True):
        answer = {
            "id": item["id"],
            "prediction_type": kind,
            "risk_score": risk,
            "explanation": explanation,
            "recommendations": list(steps),
            "confidence": sure,
        }
        found.append((item, answer))
    return found[:most]
