"""How failures ended: normal events of whoever failed before, such as a log-in from an address after failed tries."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from typing import Any

from bdp.explain.bilingual import Bilingual, Count, in_both, together
from bdp.explain.case import Case
from bdp.explain.playbook import Aftermath, Playbook, signs_sql
from bdp.explain.sentences import say
from bdp.explain.wording import name, number, sample
from bdp.model.event import ABNORMAL_SQL
from bdp.model.evidence import EvidenceKind
from bdp.sql import equals

_MOST = 1000


def collect(case: Case) -> None:
    """Add what came after the failures, for each mechanism that events speak of and that has an aftermath."""
    spoken = {evidence.value["playbook"] for evidence in case.of_kind(EvidenceKind.COUNT, "playbook")}
    for book in case.playbooks:
        if book.name in spoken and book.aftermath:
            _add(case, book, book.aftermath)


def _add(case: Case, book: Playbook, after: Aftermath) -> None:
    who = after.field
    failing = (
        f"SELECT {who} AS who, min(ts) AS since FROM events WHERE {case.abnormal} AND {who} != '' AND {book.sql} "
        f"GROUP BY who HAVING sum(weight) >= {after.least_failures:d} ORDER BY who LIMIT {_MOST}"
    )
    query = (
        f"SELECT e.{who} AS who, sum(e.weight) AS successes FROM events AS e "
        f"INNER JOIN ({failing}) AS f ON e.{who} = f.who WHERE {equals('e.service', case.service)} AND e.ts > f.since "
        f"AND {case.stretch.sql} AND level IN ('DEBUG', 'INFO') AND {signs_sql(after.signs)} "
        f"GROUP BY who ORDER BY successes DESC, who LIMIT 5"
    )
    rows: list[dict[str, Any]] = [
        {after.field: sample(row["who"]), "successes": number(row["successes"])} for row in case.query(query)
    ]
    if not rows and _sampled(case):  # that none is there does not say that none was
        return
    total = sum(row["successes"] for row in rows)
    value = {
        "playbook_aftermath": book.name,
        "field": who,
        "successes": number(total),
        "after": rows,
        "least_failures": after.least_failures,
    }
    if rows:
        parts = (
            say("aftermath", who=name(str(row[who])), happened=_happened(after), events=Count(row["successes"]))
            for row in rows
        )
        text = together(parts, "; ") + Bilingual.alike(".")
    else:
        absent = in_both(after, "absent")
        begun = Bilingual(f"{absent.en[0].upper()}{absent.en[1:]}", absent.ko)
        text = say("no_aftermath", absent=begun, failures=after.least_failures)
    case.add(EvidenceKind.COUNT, value, text, query)


def _happened(after: Aftermath) -> Bilingual:
    """Return what stands behind a name; in Korean that begins with a particle, where it is written."""
    said = in_both(after, "happened")
    return Bilingual(f" {said.en}", said.ko if said.ko != said.en else f" {said.en}")


def _sampled(case: Case) -> bool:
    """Say whether normal events of the service were let go in the stretch."""
    where = f"{equals('service', case.service)} AND weight > 1 AND {case.stretch.sql} AND NOT {ABNORMAL_SQL}"
    return bool(case.query(f"SELECT 1 AS found FROM events WHERE {where} LIMIT 1"))
