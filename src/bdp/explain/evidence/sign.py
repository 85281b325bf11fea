"""Which mechanisms the abnormal events speak of: events with a sign of each playbook, counted by the store."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from bdp.explain.bilingual import Count
from bdp.explain.case import Case
from bdp.explain.playbook import Playbook
from bdp.explain.sentences import say
from bdp.explain.wording import name, number, percent
from bdp.model.evidence import EvidenceKind

_MOST = 5
_AT_ONCE = 12
"""Playbooks in one statement: a statement has a limit of 256 KiB."""

LEAST_SHARE = 0.05
"""A mechanism that fewer of the abnormal events speak of is not considered."""


def collect(case: Case) -> None:
    """Add one count for each of the playbooks that most events speak of, at most 5."""
    total = case.found[0].value["abnormal_events"]
    speaking = [book for book in case.playbooks if book.signs]
    if not total:
        return
    counts = [pair for at in range(0, len(speaking), _AT_ONCE) for pair in _counts(case, speaking[at : at + _AT_ONCE])]
    spoken = [(events, book) for events, book in counts if events >= LEAST_SHARE * total]
    for _, book in sorted(spoken, key=lambda pair: (-pair[0], pair[1].name))[:_MOST]:
        _add(case, book, total)


def _counts(case: Case, books: list[Playbook]) -> list[tuple[float, Playbook]]:
    columns = ", ".join(f"sumIf(weight, {book.sql}) AS c{i}" for i, book in enumerate(books))
    row = case.query(f"SELECT {columns} FROM events WHERE {case.abnormal}")[0]
    return [(row[f"c{i}"], book) for i, book in enumerate(books)]


def _add(case: Case, book: Playbook, total: float) -> None:
    query = f"SELECT sum(weight) AS events FROM events WHERE {case.abnormal} AND {book.sql}"
    events = number(case.query(query)[0]["events"])
    share = events / total
    value = {"playbook": book.name, "events": events, "abnormal_events": total, "share": round(share, 4)}
    text = say("sign", events=Count(events), total=f"{total:,}", share=percent(share), mechanism=name(book.name))
    case.add(EvidenceKind.COUNT, value, text, query)
