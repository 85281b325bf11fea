"""Recommended actions, from the playbook, with the incident's values in place of `{names}`.

A value is put in once and never read as a template itself. Inside of a text a name stands quoted, for telemetry may
have written it; a parameter that is one name and nothing else has it exactly, for machines. An action that needs a
value that is not known is left out.

What is proposed fits the remedy: where a change is to blame it is taken back, unless something else helps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bdp.explain.case import Case
from bdp.explain.playbook import HOLE, PlaybookAction, Requirement
from bdp.explain.wording import figure, moment, money, name
from bdp.model.analysis import ActionProposal, ActionType, Condition
from bdp.model.evidence import EvidenceKind

_MOST_METRICS: Final = 3

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


_UNKNOWN_COSTS = (
    PlaybookAction(
        type=ActionType.INVESTIGATE,
        description="Look at what {service} cost day by day since {first_day}: {cost_text}; no known cause fits.",
        description_ko="{first_day} 이후 {service}의 일별 비용을 확인합니다: {cost_text}. 알려진 원인과 맞지 않습니다.",
        parameters={
            "service": "{service}",
            "account": "{account}",
            "since": "{first_day}",
            "query": "{cost_query}",
            "look_at": ["usage types and resources", "other accounts", "what changed", "tags that are missing"],
        },
        estimated_impact="more evidence; changes nothing",
        estimated_impact_ko="근거를 더 얻음; 변경 없음",
    ),
    PlaybookAction(
        type=ActionType.NOTIFY,
        description="Tell the owners of {account} that {service} costs more than usual, cause not known: {cost_text}.",
        description_ko="{account} 담당자에게 {service} 비용 증가를 알립니다(원인 미상): {cost_text}.",
        parameters={"subject": "{service} in {account}: costs more since {first_day}, cause not known"},
        priority=2,
        estimated_impact="the owners know before the bill; changes nothing",
        estimated_impact_ko="청구 전에 담당자가 상황을 파악함; 변경 없음",
    ),
)


_TAKEN_BACK: Final = {
    "rollback": PlaybookAction(
        type=ActionType.WEBHOOK,
        description="Take {change_ref} of {change_service} back.",
        description_ko="{change_service}의 변경 {change_ref}을(를) 되돌립니다.",
        parameters={"operation": "revert", "service": "{change_service}", "change": "{change_ref}"},
        estimated_impact="takes what is to blame away with everything else in the change",
        estimated_impact_ko="원인이 된 변경을 그 안의 다른 내용과 함께 제거함",
        rollback="apply {change_ref} again",
        rollback_ko="{change_ref}을(를) 다시 적용함",
    ),
    "config-revert": PlaybookAction(
        type=ActionType.WEBHOOK,
        description="Set what {change_ref} of {change_service} altered back to the values before.",
        description_ko="{change_service}의 {change_ref}에서 바뀐 설정을 이전 값으로 되돌립니다.",
        parameters={"operation": "revert", "service": "{change_service}", "change": "{change_ref}"},
        estimated_impact="the settings are as before; the program stays",
        estimated_impact_ko="설정만 이전 값으로 돌아가고 프로그램은 그대로임",
        rollback="apply {change_ref} again",
        rollback_ko="{change_ref}을(를) 다시 적용함",
    ),
    "feature-flag-disable": PlaybookAction(
        type=ActionType.WEBHOOK,
        description="Switch the flag back with which {change_ref} of {change_service} took effect.",
        description_ko="{change_service}의 {change_ref} 적용에 쓰인 플래그를 원래대로 전환합니다.",
        parameters={"operation": "feature_flag_disable", "service": "{change_service}", "change": "{change_ref}"},
        estimated_impact="what the flag opened no longer runs; nothing is deployed",
        estimated_impact_ko="플래그로 켜진 동작이 멈춤; 배포 없음",
        rollback="switch the flag again",
        rollback_ko="플래그를 다시 전환함",
    ),
}
"""How a change that is to blame is taken back, by the remedy that does it."""


def propose(
    case: Case,
    actions: tuple[PlaybookAction, ...] | None,
    change_ref: str | None,
    tried: Collection[str] = (),
    *,
    service: str = "",
    remedy: str = "",
) -> tuple[ActionProposal, ...]:
    """Return actions by priority, numbered from 1 without a gap: what is left out leaves none.

    Args:
        actions: of the playbook; None where no cause is named.
        tried: keys of actions (`ActionProposal.key`) that were tried before; they are not proposed again.
        service: to act on, where it is another one than the incident's own.
        remedy: what helps; the first action that changes something is of its kind.
    """
    values = _values(case, change_ref)
    values |= {"service": _Value.of(service)} if service else {}
    known = sorted(actions or _unknown(case), key=lambda action: action.priority)
    if actions and change_ref:
        known = _with_change(known, remedy or "rollback")
    proposals = (_fill(action, values) for action in known)
    left = [proposal for proposal in proposals if proposal and proposal.key not in tried]
    if case.of_metrics:
        # People were told of the insight itself, or will be in the digest; once is enough.
        left = [proposal for proposal in left if proposal.type != "notify"]
    return tuple(proposal.model_copy(update={"priority": place}) for place, proposal in enumerate(left, start=1))


def _unknown(case: Case) -> tuple[PlaybookAction, ...]:
    """Return what to do where no cause is named."""
    if case.of_costs:
        return _UNKNOWN_COSTS
    return _UNKNOWN_METRICS if case.of_metrics and case.series else _UNKNOWN


def _with_change(actions: list[PlaybookAction], remedy: str) -> list[PlaybookAction]:
    """Return actions with the one that takes the change back: before what else changes something, if that is what
    helps, else none.

    Args:
        actions: by priority.
    """
    back = [action for action in actions if _takes_back(action)]
    rest = [action for action in actions if not _takes_back(action)]
    if remedy not in _TAKEN_BACK:
        return rest
    # A playbook's own words speak of releases; settings and flags are set back otherwise.
    chosen = [action for action in back if _is_by(action, remedy)] or [_TAKEN_BACK[remedy]]
    place = next((at for at, action in enumerate(rest) if action.type is ActionType.WEBHOOK), None)
    first = actions.index(back[0]) if back else min(1, len(rest))
    place = first if place is None else min(first, place)
    return [*rest[:place], *chosen, *rest[place:]]


def _is_by(action: PlaybookAction, remedy: str) -> bool:
    switches = action.parameters.get("operation") == "feature_flag_disable"
    return remedy == ("feature-flag-disable" if switches else "rollback")


def _takes_back(action: PlaybookAction) -> bool:
    return action.type is ActionType.WEBHOOK and "{change_ref}" in action.description


@dataclass(frozen=True)
class _Value:
    """What stands for a name in braces.

    Attributes:
        text: inside of a text.
        exact: as a parameter of its own.
    """

    text: str
    exact: str | list[str]

    @classmethod
    def of(cls, *names: str) -> _Value:
        """Return names from telemetry: quoted in a text, else as they are."""
        return cls(", ".join(name(one) for one in names), names[0] if len(names) == 1 else list(names))

    @classmethod
    def ours(cls, text: str) -> _Value:
        """Return what code wrote."""
        return cls(text, text)


def _values(case: Case, change_ref: str | None) -> dict[str, _Value]:
    values = {
        "service": _Value.of(case.service) if case.service else _Value.ours("the service"),
        "start_time": _Value.ours(moment(case.incident.start_time)),
        "event_count": _Value.ours(figure(case.found[0].value.get("abnormal_events", 0))),
    }
    if case.of_costs:
        values |= _of_costs(case)
    metrics = [case.series[e.id].name for e in case.moved] or [course.name for course in case.series.values()]
    if metrics:
        every = list(dict.fromkeys(metrics))
        values |= {"metrics": _Value(_Value.of(*every).text, every), "metrics_text": _Value.of(*every[:_MOST_METRICS])}
    if change_ref:
        changed = _changed(case, change_ref)
        values |= {"change_ref": _Value.of(change_ref)}
        values |= {"change_service": _Value.of(changed) if changed else values["service"]}
    for top in case.of_kind(EvidenceKind.ATTRIBUTE, "top"):
        addresses = [row["client_ip"] for row in top.value["top"] if row["share_with_address"] >= 0.05] or [
            top.value["top"][0]["client_ip"]
        ]
        told = _Value.of(*addresses).text
        values |= {"top_address": _Value.of(addresses[0]), "top_addresses": _Value(told, addresses)}
        values |= {"top_addresses_text": _Value(told, ", ".join(addresses))}
    return values


def _of_costs(case: Case) -> dict[str, _Value]:
    account = case.incident.subject.account
    first, _ = case.stretch.days
    rise = case.found[0]
    cost = money(rise.value["cost"], rise.value["currency"]) if "cost" in rise.value else "0"
    query = case.bill.query if case.bill else rise.query
    return {
        "account": _Value.of(account) if account else _Value.ours("all accounts"),
        "first_day": _Value.ours(first.isoformat()),
        "cost_text": _Value.ours(cost),
        "cost_query": _Value.ours(query),
    }


def _changed(case: Case, change_ref: str) -> str:
    """Return the service that a change was made to; empty where that is not known."""
    known = [e.value for e in case.of_kind(EvidenceKind.CHANGE, "ref") if e.value["ref"] == change_ref]
    told = [value.get("service") or value.get("changed_service", "") for value in known]
    tested = (e.value for e in case.of_kind(EvidenceKind.SUSPECT) if e.value["tested_change"] == change_ref)
    ran = [service for value in tested for service in value["services"]]
    return next((service for service in [*told, *ran] if service), "")


def _fill(action: PlaybookAction, values: Mapping[str, _Value]) -> ActionProposal | None:
    try:
        return ActionProposal(
            type=action.type,
            description=_text(action.description, values),
            description_ko=_text(action.description_ko, values),
            parameters={key: _value(value, values) for key, value in action.parameters.items()},
            priority=action.priority,
            requires=tuple(_condition(requirement, values) for requirement in action.requires),
            estimated_impact=_text(action.estimated_impact, values),
            estimated_impact_ko=_text(action.estimated_impact_ko, values),
            rollback=_text(action.rollback, values),
            rollback_ko=_text(action.rollback_ko, values),
        )
    except KeyError:
        return None


def _condition(requirement: Requirement, values: Mapping[str, _Value]) -> Condition:
    parameters = {key: _value(value, values) for key, value in requirement.parameters.items()}
    return Condition(kind=requirement.kind, parameters=parameters)


def _value(value: Any, values: Mapping[str, _Value]) -> Any:
    if not isinstance(value, str):
        return value
    whole = HOLE.fullmatch(value)
    return values[whole[1]].exact if whole else _text(value, values)


def _text(text: str, values: Mapping[str, _Value]) -> str:
    return HOLE.sub(lambda hole: values[hole[1]].text, text)
