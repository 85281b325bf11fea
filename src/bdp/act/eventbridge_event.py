"""EventBridge event: put one event on a bus, for whatever rules there wait for it.

EventBridge keeps no mark and knows no key. The event's detail holds the plan's key as `idempotency_key`, and a crash
between the call and its answer can put it once more: its targets must look at the key. It cannot be taken back.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field

from bdp.act import aws
from bdp.act.action import DryRun, Tools, failed, only_planned
from bdp.act.parameters import Region, is_listed, typed
from bdp.errors import BadRequest, BdpError, ChannelUnavailable, NotAllowed, NotPossible
from bdp.model.action import ActionResult, ActionStatus
from bdp.model.analysis import ActionProposal, IncidentReport
from bdp.model.plan import ActionPlan, Request
from bdp.notify.effect import once, patiently
from bdp.notify.plain import one_line

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

_OURS: Final = ("idempotency_key", "incident_id")
_MOST_BYTES: Final = 256 * 1024
_LATER: Final = frozenset({"InternalFailure", "InternalException", "ThrottlingException", "ServiceUnavailable"})


class EventBridgeEventParameters(BaseModel):
    """`bus`: its name, no ARN; `detail_type` and `detail`: of the event."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bus: str = Field(default="default", pattern=r"\A[A-Za-z0-9_.-]+\z", max_length=256)
    detail_type: str = Field(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_ .-]*\z", max_length=128)
    detail: dict[str, Any] = {}
    region: Region = ""


class EventBridgeEventAction:
    """Puts one event, once."""

    informational: ClassVar[bool] = False

    def __init__(self, tools: Tools, report: IncidentReport) -> None:
        self._tools = tools
        self._incident_id = report.incident.incident_id

    def plan(self, proposal: ActionProposal, key: str) -> ActionPlan:
        """Return the exact event, and look whether the bus is there."""
        given = typed(proposal, EventBridgeEventParameters)
        listed = self._listed(given)
        entry = self._entry(given, key)
        ours = self._tools.settings.eventbridge_event
        note = ("", "") if listed else _NOT_LISTED
        return ActionPlan(
            idempotency_key=key,
            type=proposal.type,
            parameters=proposal.parameters,
            effect=f"Put the event {given.detail_type!r} of {ours.source} on the bus {given.bus}.{note[0]}",
            effect_ko=f"이벤트 버스 {given.bus}: {ours.source}의 {given.detail_type!r} 이벤트를 게시합니다.{note[1]}",
            undo="",
            dry_run=not listed or self._tools.settings.dry_run is not DryRun.NOTHING,
            resource=f"eventbridge:{given.bus}",
            risk=ours.risk,
            reversible=False,
            blast_radius=1,
            requests=(_request(entry),) if listed else (),
            before=self._bus(given) if listed else {},
        )

    def apply(self, plan: ActionPlan) -> ActionResult:
        """Put it."""
        if plan.dry_run:
            return only_planned(plan)
        tools = self._tools
        try:
            given = typed(plan, EventBridgeEventParameters)
            entry = self._entry(given, plan.idempotency_key)
            if not self._listed(given) or (_request(entry),) != plan.requests:
                raise NotAllowed("The settings changed since this was planned.", "Let it be planned again.")
            answer = once(
                tools.effects,
                plan.idempotency_key,
                tools.clock,
                lambda: patiently(lambda: self._put(given, entry), tools.settings.tries, tools.settings.pause_seconds),
            )
        except BdpError as error:
            return failed(error)
        return ActionResult(
            status=ActionStatus.APPLIED, detail=f"EventBridge took the event {answer['event_id']}.", data=answer
        )

    def verify(self, plan: ActionPlan, result: ActionResult) -> bool:
        """Return whether EventBridge took the event; what its rules made of it is not told to us."""
        return result.status is ActionStatus.APPLIED and bool(result.data.get("event_id"))

    def undo(self, plan: ActionPlan, result: ActionResult) -> ActionResult:
        """Refuse: what was put is put."""
        return failed(NotPossible("An event cannot be taken back.", "Look at what its rules did."))

    def _listed(self, given: EventBridgeEventParameters) -> bool:
        rules = self._tools.settings.eventbridge_event
        bus = is_listed(given.bus, rules.buses, "act.eventbridge_event.buses")
        return bus and is_listed(given.detail_type, rules.detail_types, "act.eventbridge_event.detail_types")

    def _entry(self, given: EventBridgeEventParameters, key: str) -> PutEventsRequestEntryTypeDef:
        taken = [name for name in _OURS if name in given.detail]
        if taken:
            raise BadRequest(f"The detail may not say {taken[0]} itself.", "Mend the playbook that proposes it.")
        detail = {"idempotency_key": key, "incident_id": self._incident_id, **given.detail}
        text = json.dumps(detail, sort_keys=True, default=str, ensure_ascii=False)
        if len(text.encode()) > _MOST_BYTES - 1024:
            raise BadRequest("The event is larger than EventBridge takes.", "Say less in its detail.")
        return {
            "Source": self._tools.settings.eventbridge_event.source,
            "DetailType": given.detail_type,
            "Detail": text,
            "EventBusName": given.bus,
        }

    def _bus(self, given: EventBridgeEventParameters) -> dict[str, Any]:
        client: EventBridgeClient = aws.client(self._tools, "events", given.region)

        def ask() -> dict[str, Any]:
            with aws.told("events"):
                return {"bus": client.describe_event_bus(Name=given.bus)["Arn"]}

        return patiently(ask, self._tools.settings.tries, self._tools.settings.pause_seconds)

    def _put(self, given: EventBridgeEventParameters, entry: PutEventsRequestEntryTypeDef) -> dict[str, Any]:
        client: EventBridgeClient = aws.client(self._tools, "events", given.region)
        with aws.told("events"):
            answer = client.put_events(Entries=[entry])
        [told] = answer["Entries"]
        if answer["FailedEntryCount"]:
            raise _refused(str(told.get("ErrorCode", "")), str(told.get("ErrorMessage", "")))
        return {"event_id": told["EventId"]}


_NOT_LISTED: Final = (
    " It is not listed in act.eventbridge_event, so nothing is put.",
    " act.eventbridge_event에 등록되어 있지 않아 게시하지 않습니다.",
)


def _request(entry: PutEventsRequestEntryTypeDef) -> Request:
    return Request(call="events PutEvents", body={"Entries": [{**entry}]})


def _refused(code: str, why: str) -> BdpError:
    if code in _LATER:
        return ChannelUnavailable(f"EventBridge did not take the event: {code}.", "It will be tried again.")
    if "AccessDenied" in code or "NotAuthorized" in code:
        return aws.denied("events:PutEvents", why)
    return NotPossible(f"EventBridge refused the event: {code} {one_line(why, 300)}".strip(), "Check bus and detail.")
