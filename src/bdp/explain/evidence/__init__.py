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
