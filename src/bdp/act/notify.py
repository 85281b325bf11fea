"""Notify: tell people what is known of the incident."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from bdp.act.action import DryRun, Tools, nothing_to_undo, only_planned
from bdp.act.parameters import typed
from bdp.errors import NotFound
from bdp.model.action import ActionResult, ActionStatus, Message
from bdp.model.analysis import ActionProposal, IncidentReport
from bdp.model.plan import ActionPlan, Request
from bdp.notify.channels import deliver
from bdp.notify.plain import one_line
from bdp.ports import Channel

MOST_CLAIMS = 10


class NotifyParameters(BaseModel):
    """`subject`: title of the message; `channels`: names, all when empty. Other parameters are shown in the text."""

    model_config = ConfigDict(extra="allow", frozen=True)

    subject: str = ""
    channels: tuple[str, ...] = ()


class NotifyAction:
    """Sends one message to each channel, once."""

    informational: ClassVar[bool] = True

    def __init__(self, tools: Tools, report: IncidentReport) -> None:
        self._tools = tools
        self._report = report

    def plan(self, proposal: ActionProposal, key: str) -> ActionPlan:
        """Return which channels get which title."""
        parameters = typed(proposal, NotifyParameters)
        chosen, title = self._chosen(parameters), parameters.subject or self._report.incident.title
        names = ", ".join(channel.name for channel in chosen)
        message = self._message(parameters, key)
        return ActionPlan(
            idempotency_key=key,
            type=proposal.type,
            parameters=proposal.parameters,
            effect=f"Send “{one_line(title)}” to {names or 'nobody: no channel is set up'}.",
            effect_ko=f"“{one_line(title)}” 메시지 전송: {names or '설정된 채널이 없습니다'}.",
            undo="",
            dry_run=self._tools.settings.dry_run is DryRun.EVERYTHING,
            requests=tuple(
                Request(call=f"send to {channel.name}", body={"title": message.title, "body": message.body})
                for channel in chosen
            ),
        )

    def apply(self, plan: ActionPlan) -> ActionResult:
        """Send; failed when no channel took it."""
        if plan.dry_run:
            return only_planned(plan)
        parameters = NotifyParameters.model_validate(plan.parameters)
        tools = self._tools
        message = self._message(parameters, plan.idempotency_key)
        delivery = deliver(self._chosen(parameters), message, tools.effects, tools.clock, tools.settings.tries)
        troubles = "".join(f" {name} failed: {why}" for name, why in delivery.failed.items())
        return ActionResult(
            status=ActionStatus.APPLIED if delivery.delivered else ActionStatus.FAILED,
            detail=f"Sent to {', '.join(delivery.delivered) or 'nobody'}.{troubles}",
            data=delivery.model_dump(mode="json"),
            error_type="" if delivery.delivered else "ChannelUnavailable",
        )

    def verify(self, plan: ActionPlan, result: ActionResult) -> bool:
        """Return whether a channel took it."""
        return result.status is ActionStatus.APPLIED

    def undo(self, plan: ActionPlan, result: ActionResult) -> ActionResult:
        """Do nothing: what was said is said."""
        return nothing_to_undo()

    def _chosen(self, parameters: NotifyParameters) -> tuple[Channel, ...]:
        channels = self._tools.channels
        unknown = set(parameters.channels) - {channel.name for channel in channels}
        if unknown:
            raise NotFound(f"There is no channel {sorted(unknown)[0]!r}.", "See notify.channels in the settings.")
        return tuple(channel for channel in channels if not parameters.channels or channel.name in parameters.channels)

    def _message(self, parameters: NotifyParameters, key: str) -> Message:
        incident = self._report.incident
        return Message(
            key=key,
            title=parameters.subject or incident.title,
            body=_body(self._report, parameters),
            severity=incident.severity,
            incident_id=incident.incident_id,
        )


def _body(report: IncidentReport, parameters: NotifyParameters) -> str:
    incident, analysis = report.incident, report.analysis
    since = f"{incident.start_time:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"Incident {incident.incident_id}: {incident.title}, {incident.severity}, since {since}."]
    if analysis:
        claims = [claim for claim in analysis.claims if not claim.struck]
        lines += [analysis.root_cause, *(f"- {claim.text}" for claim in claims[:MOST_CLAIMS])]
    lines += [f"{name}: {value}" for name, value in (parameters.model_extra or {}).items()]
    return "\n".join(line for line in lines if line)
