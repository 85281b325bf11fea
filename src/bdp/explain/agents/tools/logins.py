"""Failed log-ins, by where they come from, and whether one of those got in afterwards."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from bdp.errors import BadRequest
from bdp.explain.agents.bench import Bench
from bdp.explain.agents.tools.scope import Scope
from bdp.explain.playbook import signs_sql
from bdp.explain.wording import clean, figure, name, number, plural, sample
from bdp.model.evidence import Evidence, EvidenceKind

_PLAYBOOK: Final = "credential-attack"
_SHOWN: Final = 5


class Logins(Scope):
    """Failed log-ins."""

    limit: int | None = Field(default=None, ge=1, le=100)


def failed_logins(bench: Bench, given: Logins) -> Evidence:
    """Count failed log-ins by address, with accounts tried and log-ins that worked."""
    book = next((one for one in bench.playbooks if one.name == _PLAYBOOK), None)
    if book is None or not book.signs:
        raise BadRequest("No playbook says what a failed log-in looks like.")
    span = given.span(bench)
    failed = signs_sql(book.signs)
    worked = f"level IN ('DEBUG', 'INFO') AND {signs_sql(book.aftermath.signs)}" if book.aftermath else "0"
    query = (
        f"SELECT client_ip AS part, sumIf(weight, {failed}) AS failures, uniqIf(user_id, {failed} AND user_id != '') "
        f"AS accounts, sumIf(weight, {worked}) AS successes FROM events WHERE {given.where(span)} GROUP BY part "
        f"HAVING failures > 0 ORDER BY failures DESC, part LIMIT {bench.rows(given.limit)}"
    )
    whole = f"SELECT sumIf(weight, {failed}) AS failures FROM events WHERE {given.where(span)}"
    total = number(bench.query(whole)[0]["failures"] or 0)
    rows = [_row(row) for row in bench.query(query)] if total else []
    value: dict[str, Any] = {"failed_logins": total, "rows": rows}
    parts = [_told(bench, row) for row in rows[:_SHOWN]]
    head = bench.say(f"{figure(total)} failed log-ins", f"로그인 실패 {figure(total)}건")
    return bench.add(EvidenceKind.COUNT, value, "; ".join([head, *parts]) + ".", query, span)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "client_ip": sample(clean(row["part"])) or "(empty)",
        "failures": number(row["failures"]),
        "accounts": number(row["accounts"]),
        "successes": number(row["successes"]),
    }


def _told(bench: Bench, row: dict[str, Any]) -> str:
    failures, accounts, successes = (figure(row[key]) for key in ("failures", "accounts", "successes"))
    told = (plural(row[key], noun) for key, noun in (("failures", "failure"), ("accounts", "account")))
    return bench.say(
        f"{name(row['client_ip'])} {' on '.join(told)}, {plural(row['successes'], 'success')}",
        f"{name(row['client_ip'])} 실패 {failures}건, 계정 {accounts}개, 성공 {successes}건",
    )
