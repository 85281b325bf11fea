"""Collectors of evidence, one a file, in the order in which they run; a later one may read what earlier ones found.

Each takes a `Case` and adds numbered facts to it. Adding one is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Callable

from bdp.explain.case import Case
from bdp.explain.evidence import (
    aftermath,
    attribute,
    callers,
    change,
    cost_change,
    cost_parts,
    cost_price,
    cost_rise,
    count,
    metric,
    origin,
    sign,
    template,
    trace_order,
)

COLLECTORS: dict[str, Callable[[Case], None]] = {
    "count": count.collect,
    "template": template.collect,
    "sign": sign.collect,
    "origin": origin.collect,
    "aftermath": aftermath.collect,
    "attribute": attribute.collect,
    "trace_order": trace_order.collect,
    "callers": callers.collect,
    "change": change.collect,
    "metric": metric.collect,
}

COST_COLLECTORS: dict[str, Callable[[Case], None]] = {
    "cost_rise": cost_rise.collect,
    "cost_parts": cost_parts.collect,
    "cost_price": cost_price.collect,
    "cost_change": cost_change.collect,
}
"""Those of incidents of costs: what is billed is no service that logs, so events and metrics tell nothing of it."""
