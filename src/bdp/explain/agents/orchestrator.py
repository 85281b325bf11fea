"""Questions to the agents: routed, looked up by rules, answered by a model if there is one, and checked by code.

    question -> understood -> routed to the fitting agents -> looked up by rules -> model with tools -> claims checked
                              (a model only where words               |                 | none, wrong, or no budget
                               say nothing)                           +-> claims of the rules <-+

Each agent asks with its own budget of rounds; together they have those of one question. Nothing here writes anything:
an answer is shown to people, and no workflow reads it.
"""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import structlog

from bdp.clock import Clock
from bdp.errors import BadRequest, NoAnswer
from bdp.explain.agents.agent import Agent
from bdp.explain.agents.bench import Bench, Span, aware
from bdp.explain.agents.cause import caused_by
from bdp.explain.agents.form import BriefFindings, Findings, Routed
from bdp.explain.agents.plan import carry_out, steps_of
from bdp.explain.agents.prompt import Matter
from bdp.explain.agents.question import Question, understood
from bdp.explain.agents.reply import Reply
from bdp.explain.agents.routing import AGENTS, MOST_AGENTS, routed_by_incident, routed_by_model, routed_by_words
from bdp.explain.agents.settings import AgentSettings
from bdp.explain.agents.telling import NO_CLAIMS, Said, answered, head_of, left_to_rules, price_of
from bdp.explain.agents.tools import tools_of
from bdp.explain.agents.unclear import Missed, examples, missed, not_answered, notes
from bdp.explain.agents.verdict import analysis_of, judge, stands, summary_of, wrong_with
from bdp.explain.analyst import Analyst
from bdp.explain.grounding import check, count, tally
from bdp.explain.insight.examples import Language
from bdp.explain.playbook import Playbook
from bdp.explain.prose import holding
from bdp.llm.ask import Answer, Ask, ChatModel
from bdp.model.analysis import Analysis, Claim, IncidentReport
from bdp.model.evidence import Evidence
from bdp.ports import CostOutlook, Incidents, Store
from bdp.sql import literal

log = structlog.get_logger(__name__)

_NAMES: Final = 2_000
_HEADS: Final = 3
"""Claims of which a summary by rules has the beginning."""
_LARGE: Final = 12_000
"""Tokens of context from which on a model is asked for findings in full."""
_WHY: Final = (
    "What is the cause of this incident, and what is to be done?",
    "이 인시던트의 원인은 무엇이고 무엇을 해야 합니까?",
)
_NOTHING: Final = ("Nothing was found for this question.", "이 질문에 대해 찾은 것이 없습니다.")


class Orchestrator:
    """Answers questions. Use from any thread.

    Args:
        incidents: is only read.
        playbooks: what mechanisms are known.
        outlook: what costs will be; None where that is not told.
    """

    def __init__(
        self,
        store: Store,
        incidents: Incidents,
        model: ChatModel,
        analyst: Analyst,
        playbooks: Sequence[Playbook],
        settings: AgentSettings,
        clock: Clock,
        outlook: CostOutlook | None = None,
    ) -> None:
        self._store = store
        self._incidents = incidents
        self._model = model
        self._analyst = analyst
        self._playbooks = playbooks
        self._settings = settings
        self._clock = clock
        self._outlook = outlook

    def ask(self, text: str, incident_id: str = "") -> Reply:
        """Return the answer to a question in English or Korean.

        Args:
            incident_id: that it is about; empty: as the question says, if it does.

        Raises:
            BadRequest: there is no question.
            NotFound: no such incident.
            StoreUnavailable: try again later.
        """
        if not text.strip():
            raise BadRequest("There is no question.", 'Ask one, such as: bdp ask "Why did checkout fail?"')
        now = self._clock.now()
        billed = self._billed_names(now, "service_name")
        accounts = self._billed_names(now, "arrayJoin([sub_account_name, sub_account_id, billing_account_id])")
        known = [*self._known_names(self._newest(now)), *billed]
        question = understood(text, now, known, billed, accounts)
        question = question if incident_id else caused_by(question, self._incidents, now)
        incident_id = incident_id or question.incident_id
        return self._answer(question, self._incidents.report(incident_id) if incident_id else None)

    def investigate(self, report: IncidentReport, language: Language = "en") -> Reply:
        """Return what is to be said of an incident: the agents' own question, where a trigger asks instead of a person.

        Raises:
            StoreUnavailable: try again later.
        """
        text = _WHY[language == "ko"]
        question = Question(text, language, None, (report.incident.subject.service,), (), report.incident.incident_id)
        return self._answer(question, report)

    def _answer(self, question: Question, report: IncidentReport | None) -> Reply:
        agents, routed, spent = self._routed(question, report)
        if routed == "model" or report is not None:
            question = replace(question, clear=True)
        rules = self._explained(report) if report else None
        bench = self._bench(question, rules, self._clock.now())
        failed = carry_out(bench, steps_of(question, agents)) if rules is None or question.topics else []
        by_rules = self._by_rules(question, agents, routed, bench, rules, failed)
        reply = self._by_model(by_rules, question, agents, bench, report, rules, spent)
        if reply.source == "ai":
            count(reply.grounding, "ai")
        return reply

    def _known_names(self, newest: datetime) -> list[str]:
        """Return names of services and entities, of late; all time would be a scan of everything."""
        since = literal(newest - timedelta(days=self._settings.span_days))
        found = [
            self._store.query(
                f"SELECT {column} AS name, count() AS found FROM {table} WHERE {ts} >= {since} GROUP BY name "
                f"ORDER BY found DESC, name LIMIT {_NAMES}"
            )
            for column, table, ts in (
                ("service", "events", "ts"),
                ("entity", "metrics", "ts"),
            )
        ]
        return [row["name"] for rows in found for row in rows]

    def _billed_names(self, now: datetime, column: str) -> list[str]:
        """Return names in what was billed in the days before the newest charge: bills may be older than events."""
        until = f"(SELECT max(charge_period_start) FROM costs WHERE charge_period_start <= {literal(now)})"
        rows = self._store.query(
            f"SELECT {column} AS name FROM costs WHERE charge_period_start <= {literal(now)} AND "
            f"charge_period_start >= {until} - INTERVAL {self._settings.span_days:d} DAY "
            f"GROUP BY name HAVING name != '' ORDER BY sum(abs(billed_cost)) DESC, name LIMIT {_NAMES}"
        )
        return [row["name"] for row in rows]

    def _explained(self, report: IncidentReport) -> Analysis:
        return report.analysis or self._analyst.explain(report.incident)

    def _bench(self, question: Question, rules: Analysis | None, now: datetime) -> Bench:
        evidence = list(rules.evidence) if rules else []
        return Bench(
            store=self._store,
            settings=self._settings,
            span=self._held(question.span if question.clear else None) or _covered(evidence) or self._usual(now),
            now=now,
            playbooks=self._playbooks,
            found=evidence,
            language=question.language,
            incidents=self._incidents,
            outlook=self._outlook,
            usual=(question.span is None or not question.clear) and not evidence,
        )

    def _held(self, span: Span | None) -> Span | None:
        """Return a span no longer than one look-up covers."""
        return span and Span(max(span.start, span.end - timedelta(days=self._settings.span_days)), span.end)

    def _usual(self, now: datetime) -> Span:
        """Return the time that a question without one is about."""
        end = self._newest(now) + timedelta(microseconds=1)
        return Span(end - timedelta(hours=self._settings.usual_hours), end)

    def _newest(self, now: datetime) -> datetime:
        """Return the time of the newest record that is not from the future; now where there is none."""
        rows = (
            self._store.query(f"SELECT max(ts) AS newest, count() AS found FROM {table} WHERE ts <= {literal(now)}")[0]
            for table in ("events", "metrics")
        )
        return max((aware(row["newest"]) for row in rows if row["found"]), default=now)

    def _routed(
        self, question: Question, report: IncidentReport | None
    ) -> tuple[list[Agent], Literal["rules", "model"], Answer[Routed] | None]:
        if report is not None and question.text in _WHY:
            return routed_by_incident(report), "rules", None
        by_words = routed_by_words(question.words or question.text)
        if by_words or report is not None:
            return by_words or (routed_by_incident(report) if report else []), "rules", None
        answer = routed_by_model(question.text, self._model)
        if answer is None:
            return [AGENTS["sre"]], "rules", None
        return [AGENTS[name] for name in dict.fromkeys(answer.value.agents)], "model", answer

    def _by_rules(
        self,
        question: Question,
        agents: Sequence[Agent],
        routed: Literal["rules", "model"],
        bench: Bench,
        rules: Analysis | None,
        failed: Sequence[str],
    ) -> Reply:
        own = rules.claims if rules else ()
        cited = {number for claim in own for number in claim.evidence}
        looked_up = [one for one in bench.found if rules is None or one not in rules.evidence]
        fresh, _ = check(
            [Claim(text=one.text, evidence=(one.id,)) for one in looked_up if one.id not in cited], bench.found
        )
        why: Missed = "" if rules else missed(question, bench.found)
        claims, offered = _apart((*own, *fresh), question, bench, why)
        heads = [head_of(one.text) for one in holding(claims)[:_HEADS]]
        told = (
            rules.worded("summary", question.language) if rules else not_answered(why, question, bench) if why else ""
        )
        summary = told if told or rules else f"{'; '.join(heads)}." if heads else bench.say(*_NOTHING)
        return Reply(
            question=question.text,
            language=question.language,
            agents=tuple(agent.name for agent in agents),
            routed=routed,
            start_time=bench.span.start,
            end_time=bench.span.end,
            summary=summary,
            claims=claims,
            grounding=tally((*claims, *offered)),
            evidence=tuple(bench.found),
            notes=tuple(notes(question, bench, why)),
            answers=not why,
            offered=offered,
            examples=examples(bench) if why else (),
            actions=rules.actions if rules else (),
            alternatives=rules.hypotheses[1:] if rules else (),
            told=" ".join(failed),
            analysis=rules,
        )

    def _by_model(
        self,
        by_rules: Reply,
        question: Question,
        agents: Sequence[Agent],
        bench: Bench,
        report: IncidentReport | None,
        rules: Analysis | None,
        spent: Answer[Routed] | None,
    ) -> Reply:
        offers = {f"A{number}": one for number, one in enumerate(rules.actions, 1)} if rules else {}
        said: list[Said] = []
        answers: list[Answer[Any]] = [spent] if spent is not None else []
        reason = ""
        for agent in agents[:MOST_AGENTS]:
            matter = Matter(agent, question, bench.found, offers, rules)
            try:
                answer = self._model.ask(self._asked(matter, bench, report, len(agents[:MOST_AGENTS])))
            except NoAnswer as error:
                reason = reason or str(error.reason)
                continue
            answers.append(answer)
            known = [book.name for book in self._playbooks]
            findings = answer.value.whole()
            said.append(Said(agent, findings, judge(findings, bench.found, offers, known)))
        reply = by_rules.model_copy(update={"price": price_of(answers), "evidence": tuple(bench.found)})
        useful = [one for one in said if one.judged.is_of_use]
        if not useful:
            return left_to_rules(reply, NO_CLAIMS if said else reason)
        if report is not None and rules is not None:
            return self._on_incident(reply, useful[0], report, rules, bench)
        return answered(reply, useful)

    def _asked(self, matter: Matter, bench: Bench, report: IncidentReport | None, share: int) -> Ask[Any]:
        settings = self._settings
        form: type[Findings | BriefFindings] = Findings if self._model.context_tokens >= _LARGE else BriefFindings
        return Ask(
            agent=matter.agent.name,
            prompt=matter.prompt(),
            form=form,
            seconds=settings.seconds / share,
            check=lambda findings: wrong_with(findings.whole(), list(bench.found)),
            incident_id=report.incident.incident_id if report else "",
            max_tokens=settings.answer_tokens,
            tools=tools_of(bench, matter.agent.tools),
            steps=settings.steps // share,
            tokens=settings.tokens // share,
        )

    def _on_incident(self, reply: Reply, said: Said, report: IncidentReport, rules: Analysis, bench: Bench) -> Reply:
        if reason := stands(said.judged, rules):
            return left_to_rules(reply, reason).model_copy(update={"beside": said.judged.claims})
        analysis = analysis_of(
            said.judged, said.findings, report.incident, rules, bench.found, self._playbooks, self._clock.now()
        )
        told = answered(reply, [said])
        return told.model_copy(
            update={"analysis": analysis, "actions": analysis.actions, "summary": summary_of(said.judged)}
        )


def _apart(
    claims: tuple[Claim, ...], question: Question, bench: Bench, why: Missed
) -> tuple[tuple[Claim, ...], tuple[Claim, ...]]:
    """Return claims that are of the question, and those that are only offered; only the first where it is answered."""
    if question.clear and not why:
        return claims, ()
    about = {one.id for one in bench.found if one.value.get("text") in question.missing}
    return (
        tuple(one for one in claims if about & set(one.evidence)),
        tuple(one for one in claims if not about & set(one.evidence)),
    )


def _covered(evidence: Sequence[Evidence]) -> Span | None:
    """Return the time of the evidence that an analysis begins with: its incident's stretch."""
    first = next(iter(evidence), None)
    if first is None:
        return None
    return Span(first.start_time, first.end_time)
