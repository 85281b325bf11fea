"""A briefing as markdown that reads well as it is, in a terminal and in a browser. Sentences come from the numbers."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from bdp.brief.advice import ChattyLogs, RisingCost, SlowRoute, advise
from bdp.brief.escape import code, escape, prose
from bdp.brief.sentences import SENTENCES, WORDS
from bdp.model.analysis import Analysis, Check
from bdp.model.briefing import Briefing, Trend
from bdp.model.decision import Approval
from bdp.model.incident import Incident, IncidentStatus
from bdp.model.noun import Language

BAR = 12
BAR_HEAD = "\u00a0" * BAR
"""No-break spaces keep the column of bars as wide as the longest bar."""
MOST_CLAIMS = 6
MOST_COSTS = 5
MOST_RUNS = 12


def render(briefing: Briefing, language: Language = "en") -> str:
    """Return the briefing as markdown; what telemetry brought is escaped."""
    return "\n".join(_Page(briefing, language).lines()).rstrip("\n") + "\n"


class _Page:
    """One briefing in one language; each method gives the lines of one section."""

    def __init__(self, briefing: Briefing, language: Language) -> None:
        self._briefing = briefing
        self._language: Language = language

    def lines(self) -> Iterator[str]:
        briefing = self._briefing
        yield from (f"# {self._title()}", "")
        if not briefing.events and not briefing.total_incidents and not briefing.cost_total:
            yield from self._empty()
        else:
            yield from (self._lead(), "")
            for name, section in self._sections():
                yield from (f"## {self._say(name)}", "", *section, "")
        for name, section in (("waiting", self._waiting()), ("pipeline", self._pipeline())):
            yield from (f"## {self._say(name)}", "", *section, "")

    def _sections(self) -> Iterator[tuple[str, Iterable[str]]]:
        yield "top", self._top()
        yield "trends", self._trends()
        yield "advice", self._advice()
        yield "done", self._done()
        yield "cost", self._cost()

    def _say(self, key: str, **values: object) -> str:
        return SENTENCES[key][self._language].format(**values)

    def _word(self, value: str) -> str:
        return WORDS[self._language].get(value, value)

    def _day(self) -> str:
        return f"{self._briefing.start_time:%Y-%m-%d}"

    def _title(self) -> str:
        start, end = self._briefing.start_time, self._briefing.end_time
        if end - start == timedelta(days=1) and start.time() == datetime.min.time():
            return self._say("title_day", day=self._day())
        return self._say("title_stretch", start=f"{start:%Y-%m-%d %H:%M}", end=f"{end:%Y-%m-%d %H:%M}")

    def _lead(self) -> str:
        briefing, count = self._briefing, self._briefing.total_incidents
        statuses = [(status.value, briefing.by_status.get(status.value, 0)) for status in IncidentStatus]
        listed = ", ".join(f"{number:,} {self._word(name)}" for name, number in statuses if number)
        if self._language == "ko":
            listed = ", ".join(f"{self._word(name)} {number:,}" for name, number in statuses if number)
        incidents = self._say(_numbered("incidents", count), count=f"{count:,}", statuses=listed)
        lead = self._say(
            "lead", abnormal=_count(briefing.abnormal), events=_count(briefing.events), incidents=incidents
        )
        waiting = len(briefing.waiting)
        return f"{lead} {self._say(_numbered('lead_waiting', waiting), count=f'{waiting:,}')}" if waiting else lead

    def _empty(self) -> Iterator[str]:
        yield self._say("empty", day=self._day())
        yield ""
        for name, command in (
            ("empty_ingest", "bdp ingest app.log"),
            ("empty_http", "bdp serve"),
            ("empty_demo", "bdp demo --once"),
        ):
            yield f"- {self._say(name)}: `{command}`"
        yield ""

    def _top(self) -> Iterator[str]:
        briefing = self._briefing
        if not briefing.top:
            yield self._say("top_none")
        for number, report in enumerate(briefing.top, start=1):
            if number > 1:
                yield ""
            yield from (f"### {number}. {prose(report.incident.worded('title', self._language))}", "")
            yield from self._issue(report.incident, report.analysis)
        if more := briefing.total_incidents - len(briefing.top):
            yield from ("", self._say("more", count=f"{more:,}", command="`bdp incidents`"))

    def _issue(self, incident: Incident, analysis: Analysis | None) -> Iterator[str]:
        marks = [self._word(incident.severity.value), self._word(incident.status.value)]
        if analysis:
            marks.insert(0, f"**{self._word(analysis.verdict.value)}**")
        when = self._say(
            "when",
            start=f"{incident.start_time:%m-%d %H:%M}",
            end=f"{incident.end_time or incident.last_seen:%H:%M}",
            events=_count(incident.events),
        )
        yield f"{' · '.join(marks)} · {when} · {code(incident.incident_id)}"
        yield ""
        if analysis is None:
            yield self._say("not_analysed")
            return
        line = "summary" if analysis.summary else "root_cause"
        yield prose(analysis.worded(line, self._language), 500)
        yield ""
        supported = [claim for claim in analysis.claims if claim.check is Check.SUPPORTED]
        for claim in supported[:MOST_CLAIMS]:
            said = prose(claim.worded("text", self._language))
            yield f"- {said} ({', '.join(escape(each) for each in claim.evidence)})"
        if supported:
            yield ""
        yield self._trust(analysis)

    def _trust(self, analysis: Analysis) -> str:
        grounding = analysis.grounding
        parts = [
            self._say(
                "trust" if grounding.checkable else "trust_none",
                confidence=f"{analysis.confidence.score:.2f}",
                grounding=f"{grounding.score:.2f}",
                supported=grounding.supported,
                checkable=grounding.checkable,
            )
        ]
        if grounding.contradicted:
            parts.append(self._say("struck", count=grounding.contradicted))
        return f"{'; '.join(parts)}."

    def _trends(self) -> Iterator[str]:
        trends = self._briefing.trends
        if not trends:
            yield self._say("trends_none")
            return
        most = max(trend.now for trend in trends)
        compared = bool(self._briefing.events_before)
        names = ("service", "now", "before", "change") if compared else ("service", "now")
        rows = [self._trend(trend, most, compared) for trend in trends]
        yield from table([*map(self._say, names), BAR_HEAD], rows, right=range(1, len(names)))
        if not compared:
            yield from ("", self._say("trends_no_before"))

    def _trend(self, trend: Trend, most: float, compared: bool) -> list[str]:
        before = [_count(trend.before), self._change(trend)] if compared else []
        return [escape(trend.service) or "-", _count(trend.now), *before, bar(trend.now, most)]

    def _change(self, trend: Trend) -> str:
        return _percent(trend.now, trend.before) if trend.before else self._say("new")

    def _advice(self) -> Iterator[str]:
        found = [f"- {self._advise(each)}" for each in advise(self._briefing)]
        yield from found or [self._say("advice_none")]

    def _advise(self, advice: SlowRoute | ChattyLogs | RisingCost) -> str:
        if isinstance(advice, SlowRoute):
            return self._say("slow", route=escape(advice.route), seconds=f"{advice.p95_ms / 1000:.2f}")
        if isinstance(advice, ChattyLogs):
            percent = f"{advice.share * 100:.0f}"
            return self._say("chatty", service=escape(advice.service), lines=_count(advice.lines), percent=percent)
        return self._say(
            "rising",
            service=escape(advice.service),
            now=_money(advice.now),
            usual=_money(advice.usual),
            currency=escape(self._briefing.currency),
            percent=f"{(advice.now / advice.usual - 1) * 100:,.0f}",
        )

    def _done(self) -> Iterator[str]:
        runs = Counter((run.agent, run.action, run.outcome.value) for run in self._briefing.executions)
        if not runs:
            yield self._say("done_none")
            return
        heads = (self._say("who"), self._say("action"), self._say("outcome"), self._say("runs"))
        rows = [
            (escape(agent), escape(action) or "-", self._word(outcome), f"{number:,}")
            for (agent, action, outcome), number in sorted(runs.items(), key=lambda item: (-item[1], item[0]))
        ]
        yield from table(heads, rows[:MOST_RUNS], right=(3,))

    def _waiting(self) -> Iterator[str]:
        if not self._briefing.waiting:
            yield self._say("waiting_none")
        for approval in self._briefing.waiting:
            yield from self._question(approval)

    def _question(self, approval: Approval) -> Iterator[str]:
        until = self._say("waiting_until", until=f"{approval.expires_at:%Y-%m-%d %H:%M}")
        plan = prose(approval.plan or approval.action.worded("description", self._language))
        yield f"- **{approval.action.type.value}**: {plan} ({until})"
        yes, no = code(f"bdp approve {approval.approval_id}"), code(f"bdp reject {approval.approval_id}")
        yield f"  - {self._say('answer', yes=yes, no=no)}"

    def _cost(self) -> Iterator[str]:
        briefing = self._briefing
        charged = [cost for cost in briefing.costs if cost.now]
        if not charged:
            yield self._say("cost_none")
            return
        yield self._say(
            "cost_compared" if briefing.cost_before else "cost_total",
            total=_money(briefing.cost_total),
            currency=escape(briefing.currency),
            before=_money(briefing.cost_before),
            change=_percent(briefing.cost_total, briefing.cost_before),
        )
        yield ""
        heads = (self._say("billed"), self._say("now"), self._say("usual"), self._say("change"))
        rows = [
            (
                escape(cost.service) or "-",
                _money(cost.now),
                _money(cost.usual) if cost.usual is not None else "-",
                _percent(cost.now, cost.usual) if cost.usual else self._say("new"),
            )
            for cost in charged[:MOST_COSTS]
        ]
        yield from table(heads, rows)

    def _pipeline(self) -> Iterator[str]:
        briefing, ledger = self._briefing, Counter(self._briefing.ledger)
        names = ("accepted", "stored", "dead_lettered", "dropped", "in_flight")
        parts = [self._say("ledger", **{name: f"{ledger[name]:,}" for name in names})]
        if ledger["accepted"] != sum(ledger[name] for name in names[1:]):
            parts.append(self._say("ledger_off"))
        if ledger["dead_lettered"]:
            parts.append(self._say("ledger_dead", command="`bdp dead-letters`"))
        used = briefing.tokens or briefing.money_usd
        money = f"{briefing.money_usd:,.2f}"
        parts.append(self._say("model_cost" if used else "model_none", tokens=f"{briefing.tokens:,}", money=money))
        yield from (f"- {part}" for part in parts)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = (1, 2, 3)) -> Iterator[str]:
    """Yield a markdown table, padded so that it reads well as it is.

    Args:
        rows: cells that are escaped already.
        right: columns that are set right.
    """
    cells = [tuple(heads), *map(tuple, rows)]
    widths = [max(3, *(display_width(cell) for cell in column)) for column in zip(*cells, strict=True)]
    rule = ["-" * (width - 1) + ":" if i in right else ":" + "-" * (width - 1) for i, width in enumerate(widths)]
    for row in (cells[0], rule, *cells[1:]):
        padded = [_padded(cell, widths[place], place in right) for place, cell in enumerate(row)]
        yield f"| {' | '.join(padded)} |"


def display_width(text: str) -> int:
    """Return how many columns of a terminal `text` takes; East Asian wide signs take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _padded(cell: str, width: int, right: bool) -> str:
    gap = " " * (width - display_width(cell))
    return gap + cell if right else cell + gap


def bar(value: float, most: float) -> str:
    """Return a bar of up to twelve blocks, in eighths; anything above zero shows."""
    if value <= 0 or most <= 0:
        return ""
    eighths = max(1, round(value / most * BAR * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _numbered(key: str, count: int) -> str:
    return f"{key}_{('none', 'one')[count] if count < 2 else 'many'}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _percent(now: float, before: float) -> str:
    """Return the change as text: a percentage, or a factor once it is many times as much."""
    if before <= 0:
        return ""
    ratio = now / before
    percent = round((ratio - 1) * 100)
    return f"×{ratio:,.1f}" if ratio >= 3 else f"{percent:+d} %" if percent else "0 %"
