"""What of a model's findings people see: what code could hold against the evidence, and nothing that it made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bdp.errors import NoAnswer
from bdp.explain.agents.form import Findings
from bdp.explain.agents.routing import routed_by_words
from bdp.explain.insight.examples import Language
from bdp.llm.ask import Prompt
from bdp.llm.scripted import Scripted
from bdp.llm.toolbox import Call
from bdp.model.analysis import Check, IncidentReport, Verdict
from bdp.model.spending import Reason
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.agents import scene
from tests.unit.explain.agents.scene import INCIDENT, asking, filled
from tests.unit.explain.scene import incident

Script = Callable[[Prompt], Any]


def findings(*claims: tuple[str, tuple[str, ...]], **changed: Any) -> Findings:
    said = [{"text": text, "evidence": list(evidence)} for text, evidence in claims]
    told: dict[str, Any] = {
        "mechanism": "connection-pool",
        "root_cause": said[0],
        "summary": said[0],
        "claims": said[1:],
        "actions": [],
        "alternatives": [],
        "evidence_strength": "strong",
        "match": "exact",
        "risk": "low",
    }
    return Findings.model_validate(told | changed)


TRUE = ("`payment` had 40 abnormal events.", ("E1",))
FALSE = ("`payment` had 99 abnormal events.", ("E1",))
FEW = ("`payment` had 8 abnormal events.", ("E1",))
INVENTED = ("The cause is the service `ghost-api`.", ("E1",))


def data_of(prompt: Prompt) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(prompt.text.split("<data>\n")[1].split("\n</data>", maxsplit=1)[0])
    return found


@pytest.fixture
def shop(store: ClickHouseStore) -> ClickHouseStore:
    filled(store)
    return store


@pytest.fixture
def unsure(store: ClickHouseStore) -> ClickHouseStore:
    """So little happened that the rules say LIKELY."""
    failing = [one for one in scene.shop() if one.message == scene.POOL]
    filled(store, [one for one in scene.shop() if one not in failing[8:]])
    return store


def test_supported_claims_stand_struck_ones_are_marked(shop: ClickHouseStore) -> None:
    model = Scripted(lambda prompt: findings(TRUE, FALSE, INVENTED), nano_usd=7)
    reply = asking(shop, model).ask("Why does payment fail?")
    assert [claim.check for claim in reply.claims] == [Check.SUPPORTED, Check.CONTRADICTED, Check.UNSUPPORTED]
    assert [claim.struck for claim in reply.claims] == [False, True, False]
    assert (reply.source, reply.reason, reply.summary) == ("ai", "", TRUE[0])
    assert reply.grounding.score == pytest.approx(1 / 3)
    assert reply.price.usd > 0
    assert reply.price.requests == 1


def test_a_summary_that_is_not_supported_is_not_the_summary(shop: ClickHouseStore) -> None:
    said = findings(TRUE, summary={"text": FALSE[0], "evidence": ["E1"]})
    assert asking(shop, Scripted(lambda prompt: said)).ask("Why does payment fail?").summary == TRUE[0]


def test_nothing_supported_is_told_to_the_model_and_then_left_to_the_rules(shop: ClickHouseStore) -> None:
    model = Scripted(lambda prompt: findings(FALSE))
    reply = asking(shop, model).ask("Why does payment fail?")
    assert (reply.source, reply.reason, model.requests) == ("rules", Reason.INVALID, 3)
    assert "the evidence has 40" in model.exchanges[1].prompt.text
    assert {claim.check for claim in reply.claims} == {Check.SUPPORTED}


@pytest.mark.parametrize("reason", [Reason.DAY_BUDGET, Reason.TIMEOUT, Reason.AWAY])
def test_without_an_answer_the_rules_stand_and_say_why(shop: ClickHouseStore, reason: Reason) -> None:
    def refuse(prompt: Prompt) -> str:
        raise NoAnswer("no", reason=reason)

    reply = asking(shop, Scripted(refuse)).ask("payment 오류가 있나요?")
    assert (reply.source, reply.reason) == ("rules", reason)
    assert reason.value in reply.told
    assert "비정상 40건" in reply.claims[0].text


def test_what_a_model_looks_up_can_be_cited(shop: ClickHouseStore) -> None:
    def script(prompt: Prompt) -> Any:
        if '"trace_id":"t03"' not in prompt.text:
            return [Call("trace", {"trace_id": "t03"})]
        number = prompt.text.rsplit('{"id":"', 1)[1].split('"')[0]
        return findings(("In `t03` `payment` fails first.", (number,)))

    reply = asking(shop, Scripted(script)).ask("Why does payment fail?")
    assert [claim.check for claim in reply.claims] == [Check.SUPPORTED]
    assert reply.claims[0].evidence == (reply.evidence[-1].id,)
    assert reply.evidence[-1].value["first_failing_service"] == "payment"
    assert reply.price.steps == 1


def test_an_agent_has_its_own_tools_only(shop: ClickHouseStore) -> None:
    wanted: list[str] = []

    def script(prompt: Prompt) -> Any:
        wanted.append(prompt.text)
        return [Call("costs", {})] if len(wanted) == 1 else findings(TRUE)

    asking(shop, Scripted(script)).ask("Why does payment fail?")
    assert "There is no such tool" in wanted[1]


def test_a_model_that_calls_without_end_is_asked_for_what_it_has(shop: ClickHouseStore) -> None:
    model = Scripted(lambda prompt: [Call("changes", {})], asks_again=0)
    reply = asking(shop, model, steps=4).ask("Why does payment fail?")
    assert (model.requests, reply.source, reply.reason) == (5, "rules", Reason.INVALID)
    assert len([one for one in reply.evidence if one.kind == "change"]) == 1  # asking twice finds nothing new


def test_the_prompt_begins_with_the_rules_and_fits_small_models(shop: ClickHouseStore) -> None:
    model = Scripted(lambda prompt: findings(TRUE), context_tokens=32_000)
    asking(shop, model).ask("What is to be done?", INCIDENT)
    rules = asking(shop).ask("What is to be done?", INCIDENT)
    data = data_of(model.exchanges[0].prompt)
    assert data["rules"] == {"verdict": "CONFIRMED", "mechanism": "connection-pool"}
    assert data["hypotheses"][0]["mechanism"] == "connection-pool"
    assert [(offer["offer"], offer["description"]) for offer in data["offers"]] == [
        (f"A{number}", action.description.replace("`", "'")) for number, action in enumerate(rules.actions, 1)
    ]
    assert any("rel-77" in offer["description"] for offer in data["offers"])
    assert all("value" in one for one in data["evidence"])
    short = {key: value for key, value in findings(TRUE).model_dump().items() if key != "alternatives"}
    small = Scripted(lambda prompt: json.dumps(short | {"actions": ["A2"]}), context_tokens=6_000)
    reply = asking(shop, small).ask("What is to be done?", INCIDENT)
    assert (reply.source, [action.type.value for action in reply.actions]) == ("ai", ["webhook"])
    prompt = small.exchanges[0].prompt
    assert len(prompt.instructions.encode()) + len(prompt.text.encode()) <= 4_000
    assert data_of(prompt)["evidence"][0]["id"] == "E1"


def test_on_an_incident_a_well_grounded_verdict_is_the_agents(shop: ClickHouseStore) -> None:
    said = findings(TRUE, actions=[{"offer": "A2", "priority": 1}, {"offer": "A1", "priority": 5}])
    reply = asking(shop, Scripted(lambda prompt: said)).ask("What is to be done?", INCIDENT)
    rules = asking(shop).ask("What is to be done?", INCIDENT).analysis
    analysis = reply.analysis
    assert analysis is not None
    assert rules is not None
    assert (analysis.source, analysis.verdict, analysis.mechanism) == ("ai", Verdict.CONFIRMED, "connection-pool")
    assert [action.key for action in analysis.actions] == [rules.actions[1].key, rules.actions[0].key]
    assert [action.priority for action in analysis.actions] == [1, 2]
    assert analysis.confidence.score <= rules.confidence.score
    assert TRUE[0].rstrip(".") in analysis.root_cause


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (findings(FALSE, TRUE), "cause_not_supported"),
        (findings(INVENTED, TRUE), "cause_not_supported"),
        (findings(TRUE, FALSE), "less_grounded"),
        (findings(TRUE, TRUE, mechanism="memory"), "rules_are_surer"),
        (findings(TRUE, TRUE, evidence_strength="weak", mechanism=""), "rules_are_surer"),
    ],
)
def test_on_an_incident_the_rules_verdict_stands_against_weaker_ones(
    shop: ClickHouseStore, said: Findings, reason: str
) -> None:
    reply = asking(shop, Scripted(lambda prompt: said)).ask("What is to be done?", INCIDENT)
    assert reply.analysis is not None
    assert (reply.source, reply.reason, reply.analysis.source) == ("rules", reason, "rules")
    assert {claim.check for claim in reply.claims} == {Check.SUPPORTED}
    assert {claim.text for claim in reply.beside} == {said.root_cause.text, said.claims[0].text}


def test_another_cause_than_the_rules_gets_no_more_than_harmless_actions(unsure: ClickHouseStore) -> None:
    said = findings(FEW, mechanism="memory", actions=[{"offer": f"A{n}", "priority": n} for n in range(1, 9)])
    analysis = asking(unsure, Scripted(lambda prompt: said)).ask("What is to be done?", INCIDENT).analysis
    assert analysis is not None
    assert (analysis.source, analysis.verdict, analysis.mechanism) == ("ai", Verdict.LIKELY, "memory")
    assert {action.type.value for action in analysis.actions} <= {"notify", "investigate"}
    assert analysis.culprit_change is None


def test_a_mechanism_that_nobody_knows_is_none(unsure: ClickHouseStore) -> None:
    said = findings(FEW, mechanism="gremlins")
    analysis = asking(unsure, Scripted(lambda prompt: said)).ask("What is to be done?", INCIDENT).analysis
    assert analysis is not None
    assert (analysis.verdict, analysis.mechanism) == (Verdict.INCONCLUSIVE, "")
    assert "gremlins" not in analysis.model_dump_json()


def test_a_question_whose_words_say_nothing_is_routed_by_a_model(shop: ClickHouseStore) -> None:
    def script(prompt: Prompt) -> Any:
        routing = "Who is to answer" in prompt.instructions
        return '{"agents": ["efficiency"]}' if routing else findings(("`database` was billed 42.50.", ("E1",)))

    reply = asking(shop, Scripted(script)).ask("Tell me of the shop")
    assert (reply.agents, reply.routed, reply.price.requests) == (("efficiency",), "model", 2)


def test_two_agents_share_a_question(shop: ClickHouseStore) -> None:
    model = Scripted(lambda prompt: findings(TRUE))
    reply = asking(shop, model).ask("Did failed logins, errors and a deploy change the outage?")
    assert reply.agents == ("security", "sre")
    assert [one.agent for one in model.exchanges] == ["security", "sre"]
    assert len(reply.claims) == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Why is it slow?", ["sre"]),
        ("누가 로그인을 시도했나요", ["security"]),
        ("비용을 줄이려면?", ["efficiency"]),
        ("hello", []),
    ],
)
def test_routing_by_words(text: str, names: list[str]) -> None:
    assert [agent.name for agent in routed_by_words(text)] == names


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_trigger_has_its_incident_investigated_by_the_fitting_agent(
    shop: ClickHouseStore, language: Language
) -> None:
    model = Scripted(lambda prompt: findings(TRUE))
    about = incident(service="sshd").model_copy(update={"incident_id": INCIDENT})
    asked = asking(shop, model, about=about)
    reply = asked.investigate(IncidentReport(incident=about, analysis=asked.ask("x", INCIDENT).analysis), language)
    assert (reply.agents, reply.language, model.exchanges[-1].agent) == (("security",), language, "security")
    assert reply.analysis is not None
    assert reply.analysis.incident_id == INCIDENT
