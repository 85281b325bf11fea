"""Why no costs fit what was asked for, and what there is instead."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from bdp.detect.cost.wording import cut
from bdp.flow.daily_costs import CostQuery, bounds
from bdp.model.cost_result import CostNote
from bdp.ports import Store

_NAMES: Final = 1000
_SHOWN: Final = 5
_KINDS: Final = {
    "account": ("sub_account_name", "sub_account_id", "billing_account_id"),
    "service": ("service_name",),
    "currency": ("billing_currency",),
}
_WORDS: Final = {"account": "계정", "service": "서비스", "currency": "통화"}


def why_nothing(store: Store, query: CostQuery, today: date) -> tuple[CostNote, ...]:
    """Return why none of the costs fit; nothing where there are none at all.

    Raises:
        StoreUnavailable: try again later.
    """
    if not _lines(store, CostQuery()):
        return ()
    unknown = tuple(_unknown(store, query))
    return unknown or (_other_days(store, query, today) or _together(query),)


def _unknown(store: Store, query: CostQuery) -> Iterator[CostNote]:
    """Yield what of the query no line has at all."""
    for kind, columns in _KINDS.items():
        asked = getattr(query, kind)
        if not asked or _lines(store, CostQuery(**{kind: asked})):
            continue
        names = _names(store, columns)
        near = difflib.get_close_matches(asked.casefold(), [name.casefold() for name in names], _SHOWN)
        likely = [name for name in names if name.casefold() in near] or names
        more = f" (+{len(likely) - _SHOWN:,})" if len(likely) > _SHOWN else ""
        known = ", ".join(cut(name) for name in likely[:_SHOWN]) + more
        yield CostNote(
            kind="unknown",
            text=f'No costs are of {kind} "{cut(asked)}". {"Did you mean" if near else "There are"}: {known}'
            + ("?" if near else "."),
            text_ko=f"{_WORDS[kind]} '{cut(asked)}'의 비용이 없습니다. {'혹시' if near else '있는 것'}: {known}"
            + ("?" if near else ""),
        )


def _other_days(store: Store, query: CostQuery, today: date) -> CostNote | None:
    found = bounds(store, query.model_copy(update={"start": None, "end": None}))
    if found is None:
        return None
    first, last = found
    if first > today:
        return CostNote(
            kind="ahead",
            text=f"All costs that fit lie ahead: the first is of {first}, and days that have not come are not judged.",
            text_ko=f"해당하는 비용이 모두 {first} 이후의 것입니다. 오지 않은 날은 판단하지 않습니다.",
        )
    return CostNote(
        kind="other_days",
        text=f"No costs are of these days: those that fit go from {first} to {last}.",
        text_ko=f"이 기간의 비용이 없습니다. 해당하는 비용은 {first}부터 {last}까지입니다.",
    )


def _together(query: CostQuery) -> CostNote:
    asked = [f'{kind} "{cut(name)}"' for kind in _KINDS if (name := getattr(query, kind))]
    said = [f"{_WORDS[kind]} '{cut(name)}'" for kind in _KINDS if (name := getattr(query, kind))]
    if not asked:
        return CostNote(
            kind="not_judged",
            text="There are taxes and credits alone, which are not judged.",
            text_ko="세금과 크레딧만 있으며, 이는 판단하지 않습니다.",
        )
    return CostNote(
        kind="together",
        text=f"No costs but taxes and credits are of {' and '.join(asked)}{' together' * (len(asked) > 1)}.",
        text_ko=f"{', '.join(said)}에 해당하는 비용이 세금과 크레딧 외에는 없습니다.",
    )


def _lines(store: Store, query: CostQuery) -> int:
    return int(store.query(f"SELECT count() AS lines FROM costs WHERE {query.whose}")[0]["lines"])


def _names(store: Store, columns: Sequence[str]) -> list[str]:
    """Return names that there are, those of the dearest first."""
    found: dict[str, None] = {}
    for column in columns:
        rows = store.query(
            f"SELECT {column} AS name FROM costs WHERE {column} != '' GROUP BY name "
            f"ORDER BY sum(abs(billed_cost)) DESC, name LIMIT {_NAMES:d}"
        )
        found |= dict.fromkeys(row["name"] for row in rows)
    return list(found)
