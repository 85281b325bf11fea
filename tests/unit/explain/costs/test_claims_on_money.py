"""Claims on costs are held against their evidence: another amount, date, direction or name does not pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bdp.explain.grounding import check
from bdp.model.analysis import Analysis, Check, Claim
from bdp.model.change import ChangeKind
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.costs.bill import change, explain, fill, since, usual

GPU: dict[str, Any] = {"resource_id": "i-0abc", "sku_meter": "BoxUsage:p4d.24xlarge", "tags": {"service": "train"}}
DEPLOY = change(20, "start training on p4d.24xlarge", service="train", ref="train@7", kind=ChangeKind.DEPLOY)
_MONEY = re.compile(r"([\d,]+\.\d\d)( USD)")
_TIMES = re.compile(r"([\d.]+)( times|배)")
_SHARE = re.compile(r"(\d+)( %)")


def more(found: re.Match[str]) -> str:
    value = 1.3 * float(found[1].replace(",", ""))
    return f"{value or 13:,.2f}{found[2]}"


def each(pattern: re.Pattern[str], text: str, other: Callable[[re.Match[str]], str]) -> Iterator[str]:
    """The text with one place of a pattern changed, for each of them."""
    for found in pattern.finditer(text):
        yield text[: found.start()] + other(found) + text[found.end() :]


def corrupted(text: str) -> Iterator[tuple[str, str]]:
    yield from (("amount", one) for one in each(_MONEY, text, more))
    yield from (("times", one) for one in each(_TIMES, text, lambda m: f"{1.3 * float(m[1]):.1f}{m[2]}"))
    yield from (("share", one) for one in each(_SHARE, text, lambda m: f"{0.7 * float(m[1]):.0f}{m[2]}"))
    yield from (("date", one) for one in each(re.compile(r"2026-11-0(\d)"), text, lambda m: f"2026-10-1{m[1]}"))
    yield from (("account", one) for one in each(re.compile("hanok-(prod|dev)"), text, lambda m: "hanok-test"))
    yield from (("currency", one) for one in each(re.compile(r"(?<=\d )USD"), text, lambda m: "EUR"))
    for way, other in (("fell by", "rose by"), ("증가.", "감소."), ("감소;", "증가;")):
        if way in text:
            yield "direction", text.replace(way, other)


def analyses(store: ClickHouseStore) -> Analysis:
    dev: dict[str, Any] = {"account": "222"}
    lines = [*usual(100), *since(100), *since(240, **GPU), *usual(190, **dev), *since(11.5, **dev)]
    fill(store, lines, [DEPLOY])
    return explain(store)


@pytest.mark.parametrize("language", ["text", "text_ko"])
def test_a_claim_that_was_tampered_with_does_not_hold(store: ClickHouseStore, language: str) -> None:
    analysis = analyses(store)
    whole = [(claim, getattr(claim, language)) for claim in analysis.claims if claim.check is Check.SUPPORTED]
    assert len(whole) >= 5
    passed, kinds = [], set()
    for claim, text in whole:
        for kind, wrong in corrupted(text):
            kinds.add(kind)
            (held,), _ = check([Claim(text=wrong, evidence=claim.evidence)], analysis.evidence)
            if held.check not in {Check.CONTRADICTED, Check.UNSUPPORTED}:
                passed.append((kind, wrong))
            elif kind in {"amount", "times", "share", "date", "direction"}:
                assert held.check is Check.CONTRADICTED, wrong
    assert {"amount", "times", "share", "date", "account", "currency", "direction"} <= kinds
    assert passed == []
