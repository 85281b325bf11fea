"""Claims over time, as metrics."""

from __future__ import annotations

from bdp.explain.grounding import count
from bdp.model.analysis import Grounding
from bdp.telemetry import REGISTRY


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"source": "ai"} | labels) or 0.0


def test_grounding_and_hallucination_are_shares_of_what_was_checkable() -> None:
    before = {check: told("bdp_claims_total", check=check) for check in ("supported", "contradicted", "not_checkable")}
    count(Grounding(score=0.5, supported=3, contradicted=2, unsupported=1, not_checkable=4), "ai")
    assert told("bdp_claims_total", check="supported") == before["supported"] + 3
    assert told("bdp_claims_total", check="not_checkable") == before["not_checkable"] + 4
    every = sum(told("bdp_claims_total", check=check) for check in ("supported", "contradicted", "unsupported"))
    assert told("bdp_grounding_ratio") == told("bdp_claims_total", check="supported") / every
    assert told("bdp_hallucination_ratio") == told("bdp_claims_total", check="contradicted") / every
