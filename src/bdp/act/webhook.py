"""Webhook: ask another system to do something, such as `rollback` or `rolling_restart`.

A playbook names an operation; the operator's settings say where that is asked for. A proposal may name a URL itself
only below a listed prefix. Without either nothing is called, the action only shows what it would do.

The call carries the plan's key as `Idempotency-Key`. After a crash between call and answer it is repeated with the same
key, see `bdp.notify.effect`.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from bdp.act.action import DryRun, Operation, Tools, failed, only_planned
from bdp.act.parameters import typed
from bdp.errors import BdpError, NotAllowed, NotPossible
from bdp.model.action import ActionResult, ActionStatus
from bdp.model.analysis import ActionProposal, IncidentReport
from bdp.model.plan import ActionPlan, Request, Risk
from bdp.notify.effect import once, patiently
from bdp.notify.endpoint import REFERENCE, call, check_url, is_listed, resolve
from bdp.notify.plain import one_line


class WebhookParameters(BaseModel):
    """`operation` or `url` must be given; other parameters become the JSON body."""

    model_config = ConfigDict(extra="allow", frozen=True)

    operation: str = ""
    url: str = ""
    method: str = Field(default="POST", pattern="^(POST|PUT)$")
    headers: dict[str, str] = {}
    undo_url: str = ""


class WebhookAction:
    """Calls one address with JSON, once."""

    informational: ClassVar[bool] = False

    def __init__(self, tools: Tools, report: IncidentReport) -> None:
        self._tools = tools
        self._incident_id = report.incident.incident_id

    def plan(self, proposal: ActionProposal, key: str) -> ActionPlan:
        """Return the exact call; secrets stay names."""
        parameters = typed(proposal, WebhookParameters)
        operation = self._operation(parameters)
        effect, effect_ko = self._effect(operation, parameters)
        undo, undo_ko = _undo_texts(operation)
        return ActionPlan(
            idempotency_key=key,
            type=proposal.type,
            parameters=proposal.parameters,
            effect=effect,
            effect_ko=effect_ko,
            undo=undo or proposal.rollback,
            undo_ko=undo_ko or proposal.rollback_ko,
            dry_run=operation is None or self._tools.settings.dry_run is not DryRun.NOTHING,
            resource=_resource(parameters),
            risk=operation.risk if operation else Risk.MEDIUM,
            reversible=bool(operation and operation.undo_url),
            blast_radius=1,
            requests=(self._request(operation, parameters, key),) if operation else (),
        )

    def apply(self, plan: ActionPlan) -> ActionResult:
        """Call the address, or tell what would be called."""
        parameters = WebhookParameters.model_validate(plan.parameters)
        operation = self._operation(parameters)
        if plan.dry_run or operation is None:
            return only_planned(plan)
        request = self._request(operation, parameters, plan.idempotency_key)
        if (request,) != plan.requests or self._effect(operation, parameters)[0] != plan.effect:
            # A person may have approved the old plan; the settings of today would do something else.
            return failed(NotAllowed("The settings changed since this was planned.", "Let it be planned again."))
        return self._called(operation.method, operation.url, operation, plan, ActionStatus.APPLIED)

    def verify(self, plan: ActionPlan, result: ActionResult) -> bool:
        """Return whether the receiver said yes (a status of 200 to 299)."""
        return result.status is ActionStatus.APPLIED

    def undo(self, plan: ActionPlan, result: ActionResult) -> ActionResult:
        """Call the undo address with the same body, if there is one."""
        operation = self._operation(WebhookParameters.model_validate(plan.parameters))
        if operation is None or not operation.undo_url:
            return failed(NotPossible("This call has no undo address.", "Take it back by hand."))
        again = plan.model_copy(update={"idempotency_key": f"{plan.idempotency_key}:undo"})
        return self._called("POST", operation.undo_url, operation, again, ActionStatus.UNDONE)

    def _called(
        self, method: str, url: str, operation: Operation, plan: ActionPlan, good: ActionStatus
    ) -> ActionResult:
        settings, tools, key = self._tools.settings, self._tools, plan.idempotency_key
        body = self._body(WebhookParameters.model_validate(plan.parameters))

        def send() -> dict[str, Any]:
            headers = resolve(operation.headers, tools.secrets)
            return call(method, url, body, key=key, headers=headers, timeout=settings.webhook.timeout_seconds)

        def attempts() -> dict[str, Any]:
            return patiently(send, settings.tries, settings.pause_seconds)

        try:
            answer = once(tools.effects, key, tools.clock, attempts)
        except BdpError as error:
            return failed(error)
        return ActionResult(status=good, detail=f"The receiver answered {answer['status']}.", data=answer)

    def _operation(self, parameters: WebhookParameters) -> Operation | None:
        rules = self._tools.settings.webhook
        if parameters.url:
            return self._listed(parameters)
        operation = rules.operations.get(parameters.operation)
        if operation:
            for url in filter(None, (operation.url, operation.undo_url)):
                check_url(url, rules.allow_http)
        elif not parameters.operation:
            raise NotAllowed("A webhook names neither an operation nor an address.", "Mend the playbook.")
        return operation

    def _listed(self, parameters: WebhookParameters) -> Operation | None:
        rules = self._tools.settings.webhook
        for url in filter(None, (parameters.url, parameters.undo_url)):
            if not is_listed(url, rules.prefixes, rules.allow_http):
                # An empty list is the shipped setting: show what would be done. A list that leaves it out says no.
                if not rules.prefixes:
                    return None
                raise NotAllowed(f"{one_line(url, 200)} is not below a listed prefix.", "See act.webhook.prefixes.")
        if any(value.startswith("env:") for value in parameters.headers.values()):
            raise NotAllowed("A proposal may not name secrets.", "Set up an operation in act.webhook.operations.")
        return Operation(
            url=parameters.url, method=parameters.method, headers=parameters.headers, undo_url=parameters.undo_url
        )

    def _effect(self, operation: Operation | None, parameters: WebhookParameters) -> tuple[str, str]:
        body = json.dumps(self._body(parameters), sort_keys=True, default=str, ensure_ascii=False)
        if operation:
            called = f"{operation.method} {operation.url}"
            return one_line(f"{called} with {body}", 2000), one_line(f"{called} 호출, 본문 {body}", 2000)
        asked = parameters.operation or parameters.url
        return (
            one_line(f"Ask for {asked!r} with {body}; no address is set up for it (act.webhook).", 2000),
            one_line(f"{asked!r} 요청, 본문 {body}. 등록된 주소가 없습니다(act.webhook).", 2000),
        )

    def _request(self, operation: Operation, parameters: WebhookParameters, key: str) -> Request:
        headers = {name: _reference(value) for name, value in operation.headers.items()}
        if parameters.url:  # a proposal's own headers name no secrets
            headers = dict(operation.headers)
        sent = {"headers": headers | {"Idempotency-Key": key}, "json": self._body(parameters)}
        return Request(call=f"{operation.method} {operation.url}", body=sent)

    def _body(self, parameters: WebhookParameters) -> dict[str, Any]:
        named = {"operation": parameters.operation} if parameters.operation else {}
        return {"incident_id": self._incident_id, **named, **(parameters.model_extra or {})}


def _resource(parameters: WebhookParameters) -> str:
    named = parameters.url.partition("?")[0] or parameters.operation  # a query may hold a secret
    return f"webhook:{one_line(named, 300)}"


def _reference(value: str) -> str:
    return value if value.startswith(REFERENCE) else "<as set up>"


def _undo_texts(operation: Operation | None) -> tuple[str, str]:
    if operation is None or not operation.undo_url:
        return "", ""
    return f"POST {operation.undo_url} with the same body", f"같은 본문으로 POST {operation.undo_url} 호출"
