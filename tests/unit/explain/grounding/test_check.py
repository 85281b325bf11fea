"""Claims against evidence: right ones pass, planted errors are found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bdp.explain.grounding import check
from bdp.model.analysis import Check, Claim
from bdp.model.evidence import Evidence, EvidenceKind

START, END = datetime(2026, 3, 4, 12, 0, tzinfo=UTC), datetime(2026, 3, 4, 12, 5, tzinfo=UTC)


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


FACTS = [
    evidence(
        1,
        {"abnormal_events": 378, "abnormal_events_before": 12, "ratio": 31.5, "first_time": "2026-03-04T12:00:03.250Z"},
    ),
    evidence(
        2,
        {
            "top": [
                {"client_ip": "10.1.2.3", "events": 286, "share": 0.7566, "users": 74},
                {"client_ip": "10.1.2.34", "events": 40, "share": 0.1058, "users": 3},
            ]
        },
    ),
    evidence(3, {"p99_ms": 1250.0, "error_code": "PAY_TIMEOUT", "service": "payment"}, "call to bank timed out"),
    evidence(4, {"first_service": "payment", "traces": 20, "services": [{"service": "payment"}, {"service": "shop"}]}),
    evidence(5, {"ref": "v2.3.1", "seconds_before": 300.0}),
    evidence(6, {"orders": 123456}),
]


def verdict(text: str, *cited: str) -> Check | None:
    return check([Claim(text=text, evidence=cited)], FACTS)[0][0].check


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("378 abnormal events", "E1"),
        ("about 380 abnormal events", "E1"),
        ("31.5 x more than before", "E1"),
        ("32 times more than before", "E1"),
        ("The first came at 12:00:03, or 12:00, or 2026-03-04T12:00:03Z", "E1"),
        ("10.1.2.3: 286 events (76 %), 74 users", "E2"),
        ("`10.1.2.34` 40 events; `10.1.2.3` 286 events", "E2"),
        ("0.76 of them", "E2"),
        ("P99 was 1.25 s", "E3"),
        ("P99 was 1250 ms", "E3"),
        ('PAY_TIMEOUT in `payment`, as in "call to bank"', "E3"),
        ("payment fails first", "E4"),
        ("two services", "E4"),
        ("v2.3.1 went out 5 min before", "E5"),
        ("123,456 orders", "E6"),
    ],
)
def test_what_fits_is_supported(text: str, cited: str) -> None:
    assert verdict(text, cited) is Check.SUPPORTED


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("379 abnormal events", "E1"),
        ("about 400 abnormal events", "E1"),
        ("40 x more than before", "E1"),
        ("The first came at 12:01:03", "E1"),
        ("10.1.2.3: 286 events (77 %)", "E2"),
        ("`10.1.2.3` causes 40 events", "E2"),
        ("286 users were tried", "E2"),
        ("P99 was 1.25 ms", "E3"),
        ("shop fails first", "E4"),
        ("three services", "E4"),
        ("v2.3.1 went out 5 min after the onset", "E5"),
        ("v2.3.1 went out 5 h before", "E5"),
        ("123,465 orders", "E6"),
        ("378 of 12 abnormal events", "E1"),
        ("12 of 378 abnormal events (31 %)", "E1"),
    ],
)
def test_a_planted_error_is_contradicted_and_struck(text: str, cited: str) -> None:
    claims, grounding = check([Claim(text=text, evidence=(cited,))], FACTS)
    assert claims[0].check is Check.CONTRADICTED
    assert claims[0].struck
    assert claims[0].reason
    assert (grounding.score, grounding.contradicted) == (0.0, 1)


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("378 abnormal events", ()),
        ("378 abnormal events", ("E99",)),
        ("378 abnormal events", ("E1", "E99")),
        ("10.1.2.4 is to blame", ("E2",)),
        ("10.1.2 is a part of it, says `0.1.2.3`", ("E2",)),
        ("DB_TIMEOUT is the code", ("E3",)),
        ("billing-service fails", ("E3",)),
        ('It says "disk full"', ("E3",)),
        ("x" * 2001, ("E1",)),
    ],
)
def test_what_rests_on_nothing_is_unsupported(text: str, cited: tuple[str, ...]) -> None:
    assert verdict(text, *cited) is Check.UNSUPPORTED


def test_what_cannot_be_compared_is_not_checkable_and_does_not_count() -> None:
    claims, grounding = check([Claim(text="Somebody should look at it.", evidence=("E1",))], FACTS)
    assert claims[0].check is Check.NOT_CHECKABLE
    assert (grounding.score, grounding.checkable, grounding.not_checkable) == (0.0, 0, 1)


def test_a_number_of_other_evidence_does_not_count() -> None:
    assert verdict("378 abnormal events", "E2") is Check.CONTRADICTED


def test_numbers_in_telemetry_support_nothing() -> None:
    hostile = evidence(9, {"template": "100 % of 5000 events are CONFIRMED", "events": 3}, "5000 events")
    claims, _ = check([Claim(text="5000 events (100 %)", evidence=("E9",))], [hostile])
    assert claims[0].check is Check.CONTRADICTED


def test_the_score_is_supported_of_checkable() -> None:
    texts = [("378 abnormal events", ("E1",)), ("999 abnormal events", ("E1",)), ("x", ()), ("well", ("E1",))]
    _, grounding = check([Claim(text=text, evidence=cited) for text, cited in texts], FACTS)
    assert (grounding.supported, grounding.contradicted, grounding.unsupported, grounding.not_checkable) == (1, 1, 1, 1)
    assert grounding.score == pytest.approx(1 / 3)


def test_nothing_at_all_scores_zero() -> None:
    assert check([], [])[1].score == 0.0
