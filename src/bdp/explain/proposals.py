"""Recommended actions, from the playbook, with the incident's values in place of `{names}`.

A value is put in once and never read as a template itself. An action that needs a value that is not known is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bdp.explain.case import Case
from bdp.explain.playbook import HOLE, PlaybookAction
from bdp.explain.wording import clean, figure, moment, sample
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.evidence import EvidenceKind

_UNKNOWN = (
    PlaybookAction(
        type=ActionType.INVESTIGATE,
        description="Look at what {service} logged since {start_time}; no known cause fits.",
        description_ko="{start_time} 이후 {service}의 로그를 확인합니다. 알려진 원인과 맞지 않습니다.",
        parameters={
            "service": "{service}",
            "since": "{start_time}",
            "look_at": ["samples of the top templates", "what changed", "traces"],
        },
        estimated_impact="more evidence; changes nothing",
        estimated_impact_ko="근거를 더 얻음; 변경 없음",
    ),
    PlaybookAction(
        type=ActionType.NOTIFY,
        description="Tell the owners of {service}: {event_count} abnormal events, cause not known.",
        description_ko="{service} 담당자에게 알립니다: 비정상 이벤트 {event_count}건, 원인 미상.",
        parameters={"subject": "{service}: abnormal events since {start_time}, cause not known"},
        priority=2,
        estimated_impact="the owners know; changes nothing",
        estimated_impact_ko="담당자가 상황을 파악함; 변경 없음",
    ),
)

_UNKNOWN_METRICS = (
    PlaybookAction(
        type=ActionType.INVESTIGATE,
        description="Look at what changed at {service} around {start_time}: {metrics_text}; no known cause fits.",
        description_ko="{start_time} 무렵 {service}의 변화를 확인합니다: {metrics_text}. 알려진 원인과 맞지 않습니다.",
        parameters={
            "service": "{service}",
            "since": "{start_time}",
            "metrics": "{metrics}",
            "look_at": ["deploys and configuration", "traffic", "other metrics of it and its neighbours"],
        },
        estimated_impact="more evidence; changes nothing",
        estimated_impact_ko="근거를 더 얻음; 변경 없음",
    ),
    PlaybookAction(
        type=ActionType.NOTIFY,
        description="Tell the owners of {service}: its metrics are abnormal, cause not known.",
        description_ko="{service} 담당자에게 알립니다: 지표 비정상, 원인 미상.",
        parameters={"subject": "{service}: abnormal metrics since {start_time}, cause not known"},
        priority=2,
        estimated_impact="the owners know; changes nothing",
        estimated_impact_ko="담당자가 상황을 파악함; 변경 없음",
    ),
)


_REVERT = PlaybookAction(
    type=ActionType.WEBHOOK,
    description="Take {change_ref} of {change_service} back.",
    description_ko="{change_service}의 변경 {change_ref}을(를) 되돌립니다.",
    parameters={"operation": "revert", "service": "{change_service}", "change": "{change_ref}"},
    priority=2,
    estimated_impact="takes what is to blame away with everything else in the change",
    estimated_impact_ko="원인이 된 변경을 그 안의 다른 내용과 함께 제거함",
    rollback="apply {change_ref} again",
    rollback_ko="{change_ref}을(를) 다시 적용함",
)


def propose(
    case: Case,
    actions: tuple[PlaybookAction, ...] | None,
    change_ref: str | None,
    tried: Collection[str] = (),
    *,
    service: str = "",
) -> tuple[ActionProposal, ...]:
    """Return actions by priority, numbered from 1 without a gap: what is left out leaves none.

    Args:
        actions: of the playbook; None where no cause is named.
        tried: keys of actions (`ActionProposal.key`) that were tried before; they are not proposed again.
        service: to act on, where it is another one than the incident's own.
    """
    values = _values(case, change_ref)
    values |= {"service": sample(clean(service))} if service else {}
    if actions and change_ref and not any("{change_ref}" in action.description for action in actions):
        actions = (_REVERT, *actions)
    unknown = _UNKNOWN_METRICS if case.of_metrics and case.series else _UNKNOWN
    proposals = (_fill(action, values) for action in sorted(actions or unknown, key=lambda action: action.priority))
    left = [proposal for proposal in proposals if proposal and proposal.key not in tried]
    if case.of_metrics:
        # People were told of the insight itself, or will be in the digest; once is enough.
        left = [proposal for proposal in left if proposal.type != "notify"]
    return tuple(proposal.model_copy(update={"priority": place}) for place, proposal in enumerate(left, start=1))


def _values(case: Case, change_ref: str | None) -> dict[str, str | list[str]]:
    values: dict[str, str | list[str]] = {
        "service": sample(clean(case.service)) or "the service",
        "start_time": moment(case.incident.start_time),
        "event_count": figure(case.found[0].value["abnormal_events"]),
    }
    metrics = [sample(clean(case.series[e.id].name)) for e in case.moved] or [
        sample(clean(course.name)) for course in case.series.values()
    ]
    if metrics:
        values |= {"metrics": list(dict.fromkeys(metrics)), "metrics_text": ", ".join(dict.fromkeys(metrics[:3]))}
    if change_ref:
        service = _changed(case, change_ref) or values["service"]
        values |= {"change_ref": sample(clean(change_ref)), "change_service": service}
    for top in case.of_kind(EvidenceKind.ATTRIBUTE, "top"):
        addresses = [clean(row["client_ip"]) for row in top.value["top"] if row["share_with_address"] >= 0.05] or [
            clean(top.value["top"][0]["client_ip"])
        ]
        values |= {"top_address": addresses[0], "top_addresses": addresses, "top_addresses_text": ", ".join(addresses)}
    return values


def _changed(case: Case, change_ref: str) -> str:
    """Return the service that a change was made to; empty where that is not known."""
    told = [e.value["service"] for e in case.of_kind(EvidenceKind.CHANGE, "ref") if e.value["ref"] == change_ref]
    tested = (e.value for e in case.of_kind(EvidenceKind.SUSPECT) if e.value["tested_change"] == change_ref)
    ran = [service for value in tested for service in value["services"]]
    return next((sample(clean(service)) for service in [*told, *ran]), "")


def _fill(action: PlaybookAction, values: Mapping[str, str | list[str]]) -> ActionProposal | None:
    try:
        return ActionProposal(
            type=action.type,
            description=_text(action.description, values),
            description_ko=_text(action.description_ko, values),
            parameters={key: _value(value, values) for key, value in action.parameters.items()},
            priority=action.priority,
            estimated_impact=_text(action.estimated_impact, values),
            estimated_impact_ko=_text(action.estimated_impact_ko, values),
            rollback=_text(action.rollback, values),
            rollback_ko=_text(action.rollback_ko, values),
        )
    except KeyError:
        return None


def _value(value: Any, values: Mapping[str, str | list[str]]) -> Any:
    if not isinstance(value, str):
        return value
    whole = HOLE.fullmatch(value)
    return values[whole[1]] if whole else _text(value, values)


def _text(text: str, values: Mapping[str, str | list[str]]) -> str:
    return HOLE.sub(lambda hole: str(values[hole[1]]), text)
