"""Structural signals: what the evidence shows beyond words. A playbook names those that speak for or against it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bdp.explain.bilingual import Bilingual, Count, lasting
from bdp.explain.case import Case
from bdp.explain.sentences import kind_of, say
from bdp.explain.wording import amount, figure, name, percent
from bdp.model.evidence import Evidence, EvidenceKind

_HOSTS = (
    "host",
    "hostname",
    "host.name",
    "pod",
    "k8s.pod.name",
    "node",
    "k8s.node.name",
    "instance",
    "service.instance.id",
)
_NEARLY_ALL = 0.8
_WORK = ("bandwidth", "throughput", "requests_per", "bytes_per")
_FELL = 0.8
_RECORDS = (
    "offset",
    "kafka.offset",
    "messaging.kafka.offset",
    "messaging.kafka.message.offset",
    "message.id",
    "message_id",
    "messageid",
    "messaging.message.id",
    "record_id",
    "event_id",
    "delivery_tag",
)
_PEERS = (
    "peer",
    "peer.service",
    "peer.name",
    "net.peer.name",
    "server.address",
    "upstream",
    "upstream.host",
    "provider",
)


@dataclass(frozen=True)
class Signal:
    """One thing that is so, in a sentence that rests on evidence."""

    text: Bilingual
    evidence: tuple[str, ...]


def surge(case: Case) -> Signal | None:
    """At least three times as many abnormal events as in the stretch before."""
    count = case.found[0]
    events, before = count.value["abnormal_events"], count.value["abnormal_events_before"]
    if not events or events < 3 * before:
        return None
    length = lasting(count.value["stretch_seconds"])
    return Signal(say("surge", events=Count(events), length=length, before=f"{before:,}"), (count.id,))


def concentrated_source(case: Case) -> Signal | None:
    """Of at least 10 events with an address, one address causes a fifth or the top five cause half."""
    for top in case.of_kind(EvidenceKind.ATTRIBUTE, "top"):
        first = top.value["top"][0]
        enough = top.value["events_with_address"] >= 10
        if enough and (first["share_with_address"] >= 0.2 or top.value["top_share"] >= 0.5):
            return Signal(alone(first, top.value), (top.id,))
    return None


def alone(row: dict[str, Any], top: dict[str, Any]) -> Bilingual:
    """Return what one address causes of all abnormal events, and of those with an address where these are fewer."""
    total, addressed = top["abnormal_events"], top["events_with_address"]
    counts = {"events": figure(row["events"]), "total": figure(total), "share": percent(row["share"])}
    if addressed >= total:
        return say("alone", address=name(row["client_ip"]), **counts)
    known = {"part": percent(row["share_with_address"]), "addressed": figure(addressed)}
    return say("alone_of_addressed", address=name(row["client_ip"]), **counts, **known)


def many_users(case: Case) -> Signal | None:
    """At least 10 accounts are tried."""
    for spread in case.of_kind(EvidenceKind.ATTRIBUTE, "users"):
        if spread.value["users"] >= 10:
            users, addresses = spread.value["users"], spread.value["addresses"]
            return Signal(say("many_users", users=Count(users), addresses=Count(addresses)), (spread.id,))
    return None


def aftermath(case: Case) -> Signal | None:
    """Whoever failed succeeded afterwards."""
    for after in case.of_kind(EvidenceKind.COUNT, "playbook_aftermath"):
        if after.value["successes"]:
            return _told(after)
    return None


def change_before_onset(case: Case) -> Signal | None:
    """The service itself, or the one that fails first, was changed within the span in which a change can be blamed."""
    suspects = suspect_changes(case)
    if not suspects:
        return None
    change = suspects[0].value
    what = {"kind": kind_of(change["change_kind"]), "ref": name(change["ref"]), "service": name(change["service"])}
    return Signal(say("took_effect_of", **what, time=lasting(change["seconds_before"])), (suspects[0].id,))


def maintenance(case: Case) -> Signal | None:
    """A maintenance that names the entity, or a label of its metrics, began within the span of blame."""
    for change in case.of_kind(EvidenceKind.CHANGE, "ref"):
        value = change.value
        if value["change_kind"] == "maintenance" and value["seconds_before"] <= case.settings.blame_minutes * 60:
            meant = {part.strip().lower() for part in (value["service"], *value["ref"].split(","))} - {""}
            if meant & _called(case):
                what = {"ref": name(value["ref"]), "service": name(value["service"])}
                return Signal(say("maintenance_began", **what, time=lasting(value["seconds_before"])), (change.id,))
    return None


def work_fell(case: Case) -> Signal | None:
    """What the entity moves fell by a fifth or more: it does not carry more than it can, it carries less."""
    for evidence in case.moved:
        course = case.series[evidence.id]
        works = any(word in course.name.lower() for word in _WORK)
        if works and course.known and course.level <= _FELL * course.usual:
            level, usual = (amount(one, course.unit) for one in (course.level, course.usual))
            return Signal(say("work_fell", metric=name(course.name), level=level, usual=usual), (evidence.id,))
    return None


def _called(case: Case) -> set[str]:
    labels = (e.value["labels"] for e in case.of_kind(EvidenceKind.METRIC))
    values = {pair.partition("=")[2].lower() for text in labels for pair in text.split(", ")}
    return {case.service.lower(), *values} - {""}


def no_change(case: Case) -> Signal | None:
    """Changes are fed in, and there was none before the onset."""
    none = case.of_kind(EvidenceKind.CHANGE, "changes")
    return _told(none[0]) if none else None


def fails_downstream(case: Case) -> Signal | None:
    """Most traces fail in another service first."""
    order = _clear_order(case)
    return _told(order) if order and order.value["first_service"] != case.service else None


def fails_here(case: Case) -> Signal | None:
    """Most traces fail in the subject's service first."""
    order = _clear_order(case)
    return _told(order) if order and order.value["first_service"] == case.service else None


def many_services(case: Case) -> Signal | None:
    """At least two other services fail with it."""
    for hit in case.of_kind(EvidenceKind.CALLERS):
        if hit.value["services"] >= 2:
            return _told(hit)
    return None


def one_host(case: Case) -> Signal | None:
    """Nearly all abnormal events come from one host, pod or instance, and normal ones do not."""
    return _dominated(case, _HOSTS)


def one_peer(case: Case) -> Signal | None:
    """Nearly all abnormal events name one other side, and normal ones do not."""
    return _dominated(case, _PEERS)


def one_record(case: Case) -> Signal | None:
    """Nearly all abnormal events name one record or message, and normal ones do not."""
    return _dominated(case, _RECORDS)


SIGNALS: dict[str, Callable[[Case], Signal | None]] = {
    "surge": surge,
    "concentrated_source": concentrated_source,
    "many_users": many_users,
    "aftermath": aftermath,
    "change_before_onset": change_before_onset,
    "maintenance": maintenance,
    "work_fell": work_fell,
    "no_change": no_change,
    "fails_downstream": fails_downstream,
    "fails_here": fails_here,
    "many_services": many_services,
    "one_host": one_host,
    "one_peer": one_peer,
    "one_record": one_record,
}


def suspect_changes(case: Case) -> list[Evidence]:
    """Return changes that may be blamed: of the subject's or the first failing service, recent; the latest first.

    A commit takes effect with the deploy that ships it, so it is a suspect of its own only where its service has no
    other. Of several, the one whose `ref` names a value that only the failing events carry (a release) stands alone.
    """
    recent = _recent_changes(case)
    live = {change.value["service"] for change in recent if change.value["change_kind"] != "commit"}
    suspects = [c for c in recent if c.value["change_kind"] != "commit" or c.value["service"] not in live]
    named = [change for change in suspects if _carried(case, str(change.value["ref"]))]
    return named if len(suspects) > 1 and len(named) == 1 else suspects


def _carried(case: Case, ref: str) -> bool:
    """Return whether nearly all abnormal events carry a value that is the ref or its last part, and normal ones not."""
    names = {ref, re.split(r"[@:/]", ref)[-1]} - {""}
    return any(
        found.value["value"] in names and found.value["share"] >= _NEARLY_ALL and not found.value["baseline_matching"]
        for found in case.of_kind(EvidenceKind.ATTRIBUTE, "baseline_matching")
    )


def _recent_changes(case: Case) -> list[Evidence]:
    order = _clear_order(case)
    services = {case.service, order.value["first_service"] if order else case.service}
    return [
        evidence
        for evidence in case.of_kind(EvidenceKind.CHANGE, "ref")
        if evidence.value["service"] in services
        and evidence.value["change_kind"] != "maintenance"
        and evidence.value["seconds_before"] <= case.settings.blame_minutes * 60
    ]


def _clear_order(case: Case) -> Evidence | None:
    for order in case.of_kind(EvidenceKind.TRACE_ORDER):
        if order.value["traces_first"] >= max(3, 0.6 * order.value["traces"]):
            return order
    return None


def _dominated(case: Case, fields: tuple[str, ...]) -> Signal | None:
    for found in case.of_kind(EvidenceKind.ATTRIBUTE, "value"):
        if found.value["field"].removeprefix("attributes.") in fields and found.value["share"] >= _NEARLY_ALL:
            return _told(found)
    return None


def _told(evidence: Evidence) -> Signal:
    return Signal(Bilingual(evidence.text, evidence.text_ko), (evidence.id,))
