"""How claims came out over time: counted where analyses are made, read by whoever watches BDP itself."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final, Literal

from bdp.model.analysis import Check, Grounding
from bdp.telemetry import CLAIMS, GROUNDING, HALLUCINATION

_LOCK: Final = threading.Lock()
_SEEN: Final[dict[str, Counter[Check]]] = {"rules": Counter(), "ai": Counter()}


def count(grounding: Grounding, source: Literal["rules", "ai"]) -> None:
    """Count one analysis' claims. Use from any thread.

    Args:
        source: who made the analysis.
    """
    found = {
        Check.SUPPORTED: grounding.supported,
        Check.CONTRADICTED: grounding.contradicted,
        Check.UNSUPPORTED: grounding.unsupported,
        Check.NOT_CHECKABLE: grounding.not_checkable,
    }
    with _LOCK:
        seen = _SEEN[source]
        for check, claims in found.items():
            CLAIMS.labels(source, check.value).inc(claims)
            seen[check] += claims
        checkable = seen.total() - seen[Check.NOT_CHECKABLE]
        if checkable:
            GROUNDING.labels(source).set(seen[Check.SUPPORTED] / checkable)
            HALLUCINATION.labels(source).set(seen[Check.CONTRADICTED] / checkable)
