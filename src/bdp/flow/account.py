"""What people read of the money that models cost: an hour that is dear, a budget that is reached, the day's account.

Names of agents, models and incidents may come from outside: in a title they are plain text, in a body they are escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bdp.brief.escape import code, escape
from bdp.flow.counsel import AGENT
from bdp.llm.settings import BudgetSettings
from bdp.model.action import Message
from bdp.model.inquiry import InquiryCounts
from bdp.model.insight import InsightSource
from bdp.model.spending import NANO, CostLine, Standing

SHOWN = 15
"""Lines of an account told one by one."""
_NAME = 80
_SEVERITY = {"degrade": "medium", "ask": "high", "stop": "high"}


def alarm_of(hour: Standing, settings: BudgetSettings) -> Message:
    """Return the message of an hour that cost more than people want to hear of."""
    start = f"{hour.period.replace('T', ' ')}:00 UTC"
    lines = [
        f"Models cost {usd(hour.spent)} in the hour from {start}; the alarm is at {_dollars(settings.hour_alarm_usd)}.",
        f"Who asked, and which model: {code('bdp spending')}",
        f"Ask none until further notice: {code('bdp spending stop')}",
    ]
    return Message(
        key=f"cost:hour:{hour.period}",
        title=f"Models cost {usd(hour.spent)} in the hour from {start}",
        body="\n".join(lines),
        severity="medium",
        event="SPENDING_ALARM",
    )


def reached_of(budget: Standing, settings: BudgetSettings) -> Message:
    """Return the message of a day or month budget that is at its limit."""
    limit = budget.limit or 0
    allow = code(f"bdp spending allow {budget.name} {_more(limit)}")
    till = "until 00:00 UTC" if budget.name == "day" else "until the month (UTC) is over"
    left = "requests that do not fit are left to the rules"
    follows = {
        "degrade": [f"{left.capitalize()} {till}.", f"To put more on it: {allow}"],
        "ask": [f"May it be more? {allow}", f"Until somebody allows it, or else {till}, {left}."],
        "stop": [
            "No model is asked any more, free ones neither, until somebody resumes. The rules answer.",
            f"To go on: {allow}, then {code('bdp spending resume')}",
        ],
    }
    sums = f"{usd(budget.spent)} spent" + f" and {usd(budget.reserved)} on its way" * bool(budget.reserved)
    lines = [f"The budget of the {budget.name} {budget.period} is {usd(limit)}: {sums}. A request did not fit."]
    return Message(
        key=f"cost:budget:{budget.name}:{budget.period}:{limit}",
        title=f"The {budget.name}'s budget for models is reached: {usd(limit)}",
        body="\n".join([*lines, *follows[settings.at_limit]]),
        severity=_SEVERITY[settings.at_limit],
        event="BUDGET_REACHED",
    )


def account_of(
    day: date, costs: Sequence[CostLine], standings: Sequence[Standing], counts: InquiryCounts | None = None
) -> Message:
    """Return the account of a day that is over.

    Args:
        costs: of that day, dearest first.
        standings: of the day and of its month.
        counts: how the questions about insights that were closed on that day were answered; None where not known.
    """
    total, calls, failed = (sum(getattr(line, name) for line in costs) for name in ("nano_usd", "calls", "failed"))
    lines = [
        f"Models cost {usd(total)} on {day} (UTC): {_count(calls, 'request')}, {failed:,} of them in vain.",
        "By agent and model, the dearest first:",
        *(_line(line) for line in costs[:SHOWN]),
    ]
    if len(costs) > SHOWN:
        rest = sum(line.nano_usd for line in costs[SHOWN:])
        lines.append(f"- {len(costs) - SHOWN:,} more: {usd(rest)}")
    lines += _per_insight(costs, counts) if counts else []
    lines += [_standing(standing) for standing in standings if standing.name in ("day", "month")]
    lines.append(f"More: {code('bdp spending --days 7')}")
    return Message(
        key=f"cost:day:{day}",
        title=f"Models cost {usd(total)} on {day}",
        body="\n".join(lines),
        event="COST_REPORT",
    )


def usd(nano_usd: int) -> str:
    """Return money for people: cents, or four digits that say something where it is less than a dollar."""
    dollars = nano_usd / NANO
    if nano_usd == 0 or dollars >= 1:
        return f"${dollars:,.2f}"
    return f"${dollars:.4f}" if dollars >= 0.0001 else "under $0.0001"


def _dollars(amount: float) -> str:
    return usd(round(amount * NANO))


def _more(limit: int) -> str:
    """Return an amount to put on top: half of the limit, at least a cent."""
    return f"{max(0.01, round(limit / NANO / 2, 2)):g}"


def _line(line: CostLine) -> str:
    tokens = f"{line.tokens_in:,} tokens in ({line.tokens_cached:,} cached), {line.tokens_out:,} out"
    failed = f", {line.failed:,} failed" * bool(line.failed)
    who = f"{escape(line.agent, _NAME)}, {escape(line.model or line.provider, _NAME)}"
    return f"- {usd(line.nano_usd)} {who}: {_count(line.calls, 'request')}{failed}, {tokens}"


def _per_insight(costs: Sequence[CostLine], counts: InquiryCounts) -> list[str]:
    """Tell what an insight cost: with what was paid for answers that were of no use."""
    answered = counts.sources.get(InsightSource.AI, 0)
    others = sum(counts.sources.values()) - answered
    if not answered + others:
        return []
    paid = sum(line.nano_usd for line in costs if line.agent == AGENT)
    each = f", {usd(paid // answered)} each" if answered else ""
    return [f"Insights: {answered:,} answered by a model for {usd(paid)}{each}; {others:,} by rules or from memory."]


def _standing(standing: Standing) -> str:
    used = f"{usd(standing.spent)} spent"
    if standing.limit is None:
        return f"The {standing.name} {standing.period}: {used}, no limit"
    share = f", {standing.spent / standing.limit:.0%}" * bool(standing.limit)
    return f"The {standing.name} {standing.period}: {used} of {usd(standing.limit)}{share}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
