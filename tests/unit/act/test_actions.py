"""Actions: planned exactly, done once, refused where they must be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bdp.act.action import ActSettings, DryRun, Operation, Tools, WebhookSettings
from bdp.act.actions import ACTIONS
from bdp.clock import ManualClock
from bdp.errors import BadRequest, NotAllowed, NotFound
from bdp.model.action import ActionStatus
from bdp.model.analysis import ActionProposal, ActionType, IncidentReport
from bdp.model.anomaly import Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.event import Event, Level
from bdp.model.incident import Incident, IncidentStatus
from bdp.model.plan import Risk
from bdp.notify.memory import MemoryChannel, MemorySettings
from bdp.store.clickhouse import StoreSettings, open_store
from bdp.store.state import State, open_state
from tests.scenario.receiver import Receiver
from tests.scenario.workflow_scene import QuietStore

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
SUBJECT = Subject(service="it's \\'; DROP TABLE events --", route="/pay", error_code="POOL")


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


def report() -> IncidentReport:
    incident = Incident(
        incident_id="I1",
        title="Pool full",
        severity=Severity.HIGH,
        status=IncidentStatus.ACTING,
        subject=SUBJECT,
        signature="0" * 16,
        start_time=START,
        last_seen=START + timedelta(minutes=20),
        opened_at=START,
    )
    return IncidentReport(incident=incident)


def tools(state: State, settings: ActSettings, **changes: Any) -> Tools:
    fields: dict[str, Any] = {
        "settings": settings,
        "channels": (MemoryChannel(MemorySettings()),),
        "store": QuietStore(),
        "effects": state.effects,
        "clock": ManualClock(START + timedelta(hours=1)),
    }
    return Tools(**(fields | changes))


def proposal(type: ActionType, **parameters: Any) -> ActionProposal:
    return ActionProposal(type=type, description="d", parameters=parameters, rollback="by hand")


def webhook(url: str, dry_run: DryRun = DryRun.NOTHING, **changes: Any) -> ActSettings:
    operation = Operation(url=f"{url}/restart", headers={"Authorization": "env:OPS"}, undo_url=f"{url}/undo")
    rules = WebhookSettings(operations={"restart": operation}, **changes)
    return ActSettings(dry_run=dry_run, webhook=rules, pause_seconds=0.0)


def test_webhook_calls_once_and_takes_back(state: State) -> None:
    with Receiver(answers=[503]) as receiver:
        ops = tools(state, webhook(receiver.url), secrets={"OPS": "s3cret"}.get)
        action = ACTIONS[ActionType.WEBHOOK](ops, report())
        plan = action.plan(proposal(ActionType.WEBHOOK, operation="restart", service="shop"), "key-1")
        assert plan.effect == (
            f'POST {receiver.url}/restart with {{"incident_id": "I1", "operation": "restart", "service": "shop"}}'
        )
        assert "s3cret" not in plan.model_dump_json()
        [request] = plan.requests
        assert request.call == f"POST {receiver.url}/restart"
        assert request.body == {
            "headers": {"Authorization": "env:OPS", "Idempotency-Key": "key-1"},
            "json": {"incident_id": "I1", "operation": "restart", "service": "shop"},
        }
        assert (plan.resource, plan.risk, plan.blast_radius, plan.reversible) == (
            "webhook:restart",
            Risk.MEDIUM,
            1,
            True,
        )
        assert all((plan.effect_ko, plan.undo, plan.undo_ko))
        result = action.apply(plan)
        assert action.verify(plan, result)
        assert action.apply(plan) == result
        # The first call was answered 503, so it was repeated, with its key.
        assert [(asked.path, asked.key) for asked in receiver.asked] == [("/restart", "key-1")] * 2
        assert receiver.asked[0].headers["authorization"] == "s3cret"
        assert action.undo(plan, result).status is ActionStatus.UNDONE
        action.undo(plan, result)
        assert [(asked.path, asked.key) for asked in receiver.asked[2:]] == [("/undo", "key-1:undo")]


def test_webhook_without_an_undo_address_is_irreversible_and_shows_no_header_that_may_be_secret(state: State) -> None:
    operation = Operation(url="https://ops.example/x", headers={"X-Key": "written out"}, risk=Risk.HIGH)
    settings = ActSettings(dry_run=DryRun.NOTHING, webhook=WebhookSettings(operations={"page": operation}))
    action = ACTIONS[ActionType.WEBHOOK](tools(state, settings), report())
    plan = action.plan(proposal(ActionType.WEBHOOK, operation="page"), "k")
    assert (plan.reversible, plan.risk, plan.undo) == (False, Risk.HIGH, "by hand")
    assert "written out" not in plan.model_dump_json()
    settings = ActSettings(webhook=WebhookSettings(prefixes=("https://ops.example/",)))
    action = ACTIONS[ActionType.WEBHOOK](tools(state, settings), report())
    plan = action.plan(proposal(ActionType.WEBHOOK, url="https://ops.example/drain?token=abc"), "k")
    assert plan.resource == "webhook:https://ops.example/drain"


def test_a_webhook_that_nothing_is_set_up_for_changes_nothing(state: State) -> None:
    action = ACTIONS[ActionType.WEBHOOK](tools(state, ActSettings(dry_run=DryRun.NOTHING)), report())
    plan = action.plan(proposal(ActionType.WEBHOOK, operation="restart"), "k")
    assert (plan.dry_run, plan.requests, plan.reversible, plan.resource) == (True, (), False, "webhook:restart")


def test_webhook_is_a_dry_run_by_default_and_without_an_address(state: State) -> None:
    with Receiver() as receiver:
        named = webhook(receiver.url, DryRun.CHANGES)
        for settings, operation in ((named, "restart"), (ActSettings(dry_run=DryRun.NOTHING), "restart")):
            action = ACTIONS[ActionType.WEBHOOK](tools(state, settings), report())
            plan = action.plan(proposal(ActionType.WEBHOOK, operation=operation), "k")
            assert plan.dry_run
            assert action.apply(plan).status is ActionStatus.PLANNED_ONLY
        assert receiver.asked == []


def test_webhook_of_a_proposal_stays_below_the_listed_prefixes(state: State) -> None:
    with Receiver() as receiver:
        settings = webhook(receiver.url, prefixes=(f"{receiver.url}/ops",))
        action = ACTIONS[ActionType.WEBHOOK](tools(state, settings), report())
        plan = action.plan(proposal(ActionType.WEBHOOK, url=f"{receiver.url}/ops/drain", method="PUT", host="a"), "k")
        assert action.apply(plan).status is ActionStatus.APPLIED
        assert (receiver.asked[0].method, receiver.asked[0].body) == ("PUT", {"incident_id": "I1", "host": "a"})
        refused: tuple[dict[str, Any], ...] = (
            {"url": f"{receiver.url}/other"},
            {"url": f"{receiver.url}/ops/../other"},
            {"url": "http://169.254.169.254/"},
            {"url": f"{receiver.url}/ops/x", "undo_url": "https://evil.example/"},
            {"url": f"{receiver.url}/ops/x", "headers": {"X": "env:OPS"}},
            {},
        )
        for parameters in refused:
            with pytest.raises(NotAllowed):
                action.plan(proposal(ActionType.WEBHOOK, **parameters), "k")
        with pytest.raises(BadRequest):
            action.plan(proposal(ActionType.WEBHOOK, url=f"{receiver.url}/ops/x", method="DELETE"), "k")


def test_webhook_does_not_do_what_was_not_approved(state: State) -> None:
    with Receiver() as receiver:
        ops = {"secrets": {"OPS": "s"}.get}
        planned = ACTIONS[ActionType.WEBHOOK](tools(state, webhook(receiver.url), **ops), report())
        plan = planned.plan(proposal(ActionType.WEBHOOK, operation="restart"), "k")
        changed = ACTIONS[ActionType.WEBHOOK](tools(state, webhook(f"{receiver.url}/new"), **ops), report())
        result = changed.apply(plan)
        assert (result.status, result.error_type) == (ActionStatus.FAILED, "NotAllowed")
        assert receiver.asked == []


def test_webhook_without_its_secret_fails_and_says_so(state: State) -> None:
    with Receiver() as receiver:
        action = ACTIONS[ActionType.WEBHOOK](tools(state, webhook(receiver.url)), report())
        result = action.apply(action.plan(proposal(ActionType.WEBHOOK, operation="restart"), "k"))
        assert (result.status, result.error_type) == (ActionStatus.FAILED, "BadSetting")
        assert "env:OPS" in result.detail
        assert receiver.asked == []


def test_notify_tells_once_with_what_the_proposal_adds(state: State) -> None:
    memory = MemoryChannel(MemorySettings())
    action = ACTIONS[ActionType.NOTIFY](tools(state, ActSettings(), channels=(memory,)), report())
    plan = action.plan(proposal(ActionType.NOTIFY, subject="Attack", addresses=["10.0.0.1"]), "k")
    assert plan.effect == "Send “Attack” to memory."
    [request] = plan.requests
    assert (request.call, plan.effect_ko) == ("send to memory", "“Attack” 메시지 전송: memory.")
    assert (plan.resource, plan.risk, plan.blast_radius, plan.reversible) == ("", Risk.LOW, 0, True)
    assert action.verify(plan, action.apply(plan))
    action.apply(plan)
    [message] = memory.messages
    assert (message.title, message.body) == (request.body["title"], request.body["body"])
    assert "10.0.0.1" in message.body
    with pytest.raises(NotFound):
        action.plan(proposal(ActionType.NOTIFY, channels=["pager"]), "k")


def test_notify_that_reaches_nobody_failed(state: State) -> None:
    action = ACTIONS[ActionType.NOTIFY](tools(state, ActSettings(), channels=()), report())
    result = action.apply(action.plan(proposal(ActionType.NOTIFY), "k"))
    assert (result.status, result.error_type) == (ActionStatus.FAILED, "ChannelUnavailable")


def test_everything_may_be_a_dry_run(state: State) -> None:
    memory = MemoryChannel(MemorySettings())
    everything = tools(state, ActSettings(dry_run=DryRun.EVERYTHING), channels=(memory,))
    for type in (ActionType.NOTIFY, ActionType.INVESTIGATE):
        action = ACTIONS[type](everything, report())
        assert action.apply(action.plan(proposal(type), "k")).status is ActionStatus.PLANNED_ONLY
    assert memory.messages == []


def test_investigate_counts_what_is_in_the_store(state: State) -> None:
    store = open_store(StoreSettings(database="act_investigate"))
    try:
        at = [START] * 4 + [START + timedelta(minutes=19)] * 7 + [START + timedelta(minutes=58)] * 2
        failures = [Event(ts=ts, level=Level.ERROR, weight=2.0, **SUBJECT.model_dump(exclude={"account"})) for ts in at]
        fine = [Event(ts=START + timedelta(minutes=59), service=SUBJECT.service)] * 5
        other = [Event(ts=START, service="other", route="/pay", error_code="POOL")] * 9
        payload = msgspec.json.Encoder().encode_lines([*failures, *fine, *other])
        store.insert(RecordKind.EVENTS, payload, "t")
        action = ACTIONS[ActionType.INVESTIGATE](tools(state, ActSettings(), store=store), report())
        plan = action.plan(proposal(ActionType.INVESTIGATE, look_at=["connections"]), "k")
        [request] = plan.requests
        assert (plan.resource, plan.risk, plan.blast_radius) == ("", Risk.LOW, 0)
        figures = action.apply(plan).data
        assert figures["query"] == request.body["sql"]
        assert (figures["at_start"], figures["at_end"], figures["now"], figures["service_now"]) == (8, 14, 4, 9)
        assert store.query(figures["query"])[0]["at_start"] == 8
        store.insert(RecordKind.EVENTS, payload, "again")
        assert action.apply(plan).data == figures
    finally:
        store.close()
