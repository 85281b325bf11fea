"""What a reader of the figures must know of the data: gaps, currencies, days that came twice, days not over yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from bdp.detect.cost.daily import DailyCosts
from bdp.detect.cost.settings import Budget
from bdp.detect.cost.wording import cut, money
from bdp.model.cost_result import CostKey, CostNote

_MOST: Final = 5


@dataclass(frozen=True)
class Seen:
    """What notes are made from.

    Attributes:
        first: place of the first day that was asked for.
        doubled: days that look counted twice.
        restated: days in whose place newer lines came, and how many lines were replaced.
        today: the present day (UTC).
        dropped: anomalies beyond those that are kept.
        least_days: history below which nothing is judged.
        empty_budgets: budgets that no costs belong to.
        later: last day with charges where that has not come; None where none lie ahead.
        new_accounts: those that are judged as a whole.
    """

    daily: DailyCosts
    first: int
    doubled: Sequence[date]
    restated: Sequence[tuple[date, int]]
    today: date
    dropped: int
    least_days: int
    empty_budgets: Sequence[Budget] = ()
    later: date | None = None
    new_accounts: frozenset[str] = frozenset()


def notes_of(seen: Seen) -> tuple[CostNote, ...]:
    """Return what is to be known, what matters most first."""
    every = (_doubled, _currencies, _empty_budgets, _gaps, _young, _negative, _restated, _open_day, _ahead, _dropped)
    return tuple(note for told in every for note in told(seen))


def _doubled(seen: Seen) -> Iterator[CostNote]:
    if seen.doubled:
        days = _listed(list(map(str, seen.doubled)))
        yield CostNote(
            kind="doubled",
            text=f"{days}: nearly everything of an account costs twice as much as usual, so the day seems to "
            f"have been "
            "counted twice. No anomaly was raised for it. Deliver the bill under one statement, or read each "
            "file once.",
            text_ko=f"{days}: 한 계정의 거의 모든 비용이 평소의 두 배이므로 그날이 두 번 집계된 것으로 "
            f"보입니다. 이상으로 판정하지 "
            "않았습니다. 청구서를 하나의 명세로 보내거나 각 파일을 한 번만 읽으십시오.",
        )


def _currencies(seen: Seen) -> Iterator[CostNote]:
    found: dict[tuple[str, str, str], set[str]] = {}
    switched: list[CostKey] = []
    for key in seen.daily.keys:
        whose = (key.billing_account_id, key.account_id, key.service_name)
        currencies = found.setdefault(whose, set())
        if currencies and key.currency not in currencies:
            switched.append(key)
        currencies.add(key.currency)
    if switched:
        names = _listed([str(key) for key in switched])
        yield CostNote(
            kind="currency",
            text=f"Billed in more than one currency: {names}. Each currency is judged by itself; nothing is "
            f"converted, and "
            "after a change the new one has to be known for "
            f"{seen.least_days} days first.",
            text_ko=f"둘 이상의 통화로 청구됨: {names}. 통화마다 따로 판단하며 환산하지 않습니다. 통화가 바뀌면 "
            f"새 통화의 "
            f"이력이 {seen.least_days}일 쌓인 뒤부터 판단합니다.",
        )


def _empty_budgets(seen: Seen) -> Iterator[CostNote]:
    if seen.empty_budgets:
        names = _listed([_budget(given) for given in seen.empty_budgets])
        yield CostNote(
            kind="budget",
            text=f"No costs belong to these budgets, so nothing is said of them: {names}. Accounts are named by id or "
            "name, services as they are billed.",
            text_ko=f"해당하는 비용이 없어 판단하지 않은 예산: {names}. 계정은 ID나 이름으로, 서비스는 청구서에 적힌 "
            "이름으로 지정합니다.",
        )


def _budget(given: Budget) -> str:
    whose = ", ".join(part for part in (given.account, given.service, given.currency) if part)
    return f"{given.name} ({whose})"


def _gaps(seen: Seen) -> Iterator[CostNote]:
    costs = seen.daily.costs[:, seen.first :]
    unknown = np.isnan(costs)
    begun = np.logical_or.accumulate(~unknown, axis=1)
    ended = np.logical_or.accumulate(~unknown[:, ::-1], axis=1)[:, ::-1]
    missing = (unknown & begun & ended).all(axis=0) if len(costs) else np.zeros(0, np.bool_)
    partly = (unknown & begun & ended).any(axis=0) & ~missing if len(costs) else missing
    for flags, kind in ((missing, "all"), (partly, "some")):
        days = [str(seen.daily.days[seen.first + int(place)]) for place in np.flatnonzero(flags)]
        if days:
            whole = kind == "all"
            yield CostNote(
                kind="gaps",
                text=f"No costs at all were delivered for {_listed(days)}; the days around them are judged without."
                if whole
                else f"Some accounts have no costs for {_listed(days)}; those days of theirs are not judged.",
                text_ko=f"{_listed(days)}의 비용이 전혀 없습니다. 그날 없이 앞뒤 날을 판단합니다."
                if whole
                else f"일부 계정에 {_listed(days)}의 비용이 없습니다. 해당 계정의 그날은 판단하지 않습니다.",
            )


def _young(seen: Seen) -> Iterator[CostNote]:
    known = np.count_nonzero(~np.isnan(seen.daily.costs), axis=1)
    rows = np.flatnonzero((known > 0) & (known <= seen.least_days))
    whole = seen.new_accounts
    young = rows[[seen.daily.keys[row].account not in whole for row in rows.tolist()]] if whole else rows
    if not len(young):
        return
    accounts = sorted({seen.daily.keys[int(row)].account for row in young[:2000]})
    names, days = _listed([name or "-" for name in accounts]), int(known[young].max())
    sums: dict[str, float] = {}
    for row in young.tolist():
        currency = seen.daily.keys[row].currency
        sums[currency] = sums.get(currency, 0.0) + float(np.nansum(seen.daily.costs[row]))
    paid = ", ".join(money(cost, currency) for currency, cost in sorted(sums.items()))
    yield CostNote(
        kind="young",
        text=f"Too young to be judged ({days} days of costs at most, {seen.least_days} before the day are "
        f"needed): {names}. Together they cost {paid}.",
        text_ko=f"이력이 짧아 판단하지 않음 (비용이 최대 {days}일치, 판단하는 날 이전 {seen.least_days}일 "
        f"필요): {names}. 합계 비용은 {paid}입니다.",
    )


def _negative(seen: Seen) -> Iterator[CostNote]:
    costs = seen.daily.costs[:, seen.first :]
    rows = np.flatnonzero((costs < 0).any(axis=1))
    if len(rows):
        names = _listed([str(seen.daily.keys[int(row)]) for row in rows[:50]])
        yield CostNote(
            kind="negative",
            text=f"Less than nothing was charged on some days of {names} (refunds, corrections). They are in "
            f"the totals; a "
            "day below zero is not judged.",
            text_ko=f"{names}: 0보다 작은 비용이 있는 날이 있습니다 (환불, 정정). 합계에는 포함되며 음수인 날은 "
            f"판단하지 "
            "않습니다.",
        )


def _restated(seen: Seen) -> Iterator[CostNote]:
    if seen.restated:
        days = _listed([str(day) for day, _ in seen.restated])
        lines = sum(count for _, count in seen.restated)
        yield CostNote(
            kind="restated",
            text=f"Delivered again, and replaced by what came last: {days} ({lines:,} older lines no longer count).",
            text_ko=f"다시 전달되어 마지막 값으로 대체됨: {days} (이전 {lines:,}줄은 더 이상 집계하지 않음).",
        )


def _open_day(seen: Seen) -> Iterator[CostNote]:
    last = seen.daily.days[-1]
    if last >= seen.today:
        yield CostNote(
            kind="open_day",
            text=f"{last} is not over yet: its costs still grow. What is too dear already is told; nothing else is "
            "judged by it, and forecasts begin with it.",
            text_ko=f"{last}은 아직 끝나지 않아 비용이 더 늘어납니다. 이미 지나치게 큰 비용만 알리고 "
            "그 밖에는 판단하지 않으며, 예측은 그날부터 시작합니다.",
        )


def _ahead(seen: Seen) -> Iterator[CostNote]:
    if seen.later:
        yield CostNote(
            kind="ahead",
            text=f"Charges of days that have not come, up to {seen.later}, are left out of all figures.",
            text_ko=f"아직 오지 않은 날({seen.later}까지)의 비용은 모든 수치에서 제외했습니다.",
        )


def _dropped(seen: Seen) -> Iterator[CostNote]:
    if seen.dropped:
        yield CostNote(
            kind="dropped",
            text=f"{seen.dropped:,} of the cheapest anomalies are left out.",
            text_ko=f"금액이 가장 작은 이상 {seen.dropped:,}건은 생략했습니다.",
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST
    return ", ".join(map(cut, names[:_MOST])) + (f" (+{more})" if more > 0 else "")
