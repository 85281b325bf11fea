"""Claims held against their evidence, by code alone: numbers, times, orders, directions, names."""

from __future__ import annotations

from bdp.explain.grounding.check import check, tally
from bdp.explain.grounding.statistics import count

__all__ = ["check", "count", "tally"]
