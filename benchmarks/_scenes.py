"""Facts of evidence to make claims of: what may be said of each kind, and what would be wrong in its place."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from bdp.model.evidence import Evidence
from benchmarks._recorded import Recorded
from benchmarks._slots import Slot, Slots, ref


@dataclass
class Scene:
    """One fact to speak of: which patterns fit, what stands in them, what may be cited with it."""

    pattern: str
    evidence: tuple[Evidence, ...]
    slots: Slots
    rise: bool | None = None
    cited: list[str] = field(default_factory=list)


def scenes(one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    """Yield the facts of one incident."""
    makers: dict[str, Callable[[Evidence, Recorded, Sequence[str]], Iterator[Scene]]] = {
        "abnormal_events_before": _of_count, "template": _of_template, "playbook": _of_sign, "addresses": _of_origin,
        "top": _of_rows, "baseline_events": _of_value, "traces": _of_traces, "hit_services": _of_callers, "ref": _of_change,  # noqa: E501
        "metric": _of_metric, "looked_back_minutes": _of_none,
    }  # fmt: skip
    for evidence in one.evidence:
        for key, make in makers.items():
            if key in evidence.value:
                yield from make(evidence, one, services)


def _moment(text: Any) -> datetime:
    return datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(UTC)


def _times(value: dict[str, Any]) -> Slots:
    found = {"first": "first_time", "last": "last_time"}
    return {name: Slot("time", _moment(value[key])) for name, key in found.items() if key in value}


def _of_count(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    value = evidence.value
    events, before = value["abnormal_events"], value["abnormal_events_before"]
    if not events:
        return
    slots = _times(value) | {
        "svc": Slot("name", value["service"], names=tuple(services)),
        "n": Slot("count", events, swaps=(before,)),
        "before": Slot("count", before, swaps=(events,)),
        "length": Slot("span", value["stretch_seconds"]),
    }
    yield Scene("count", (evidence,), slots, rise=None if events == before else events > before)


def _of_template(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    value = evidence.value
    apart = [e.value for e in one.evidence if "template" in e.value and e.value["events"] != value["events"]]
    words = {_fragment(other["template"]) for other in apart} - {_fragment(value["template"])}
    own = " ".join((value["template"], *evidence.samples))
    words = {other for other in words if other and other not in own}
    alien = {"disk quota exhausted on volume", "cannot resolve the host name", "license key is not valid"}
    if not _fragment(value["template"]):
        return
    slots = _times(value) | {
        "words": Slot("quoted", _fragment(value["template"]), names=tuple(sorted((words | alien) - {""}))),
        "n": Slot("count", value["events"], swaps=(value["templates"],)),
        "total": Slot("count", value["abnormal_events"]),
        "share": Slot("share", value["share"]),
    }
    yield Scene("template", (evidence,), slots)


def _fragment(template: str) -> str:
    runs = [" ".join(run.split()[:7]) for run in template.replace('"', "<*>").split("<*>")]
    best = max(runs, key=len, default="").strip()
    return best[:60] if len(best.split()) >= 2 else ""


def _of_sign(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    value = evidence.value
    alike = {
        e.value["playbook"] for e in one.evidence if e.value.get("events") == value["events"] and "playbook" in e.value
    }
    books = {"disk", "dns", "memory", "database", "timeout"} - alike
    slots = {
        "book": Slot("quoted", f"`{value['playbook']}`", names=tuple(f"`{book}`" for book in sorted(books))),
        "n": Slot("count", value["events"]),
        "total": Slot("count", value["abnormal_events"]),
        "share": Slot("share", value["share"]),
    }
    yield Scene("sign", (evidence,), slots)


def _of_origin(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    value = evidence.value
    if not value["users"]:
        return
    numbers = {"addresses": value["addresses"], "users": value["users"], "n": value["events"]}
    slots = {key: Slot("count", number, swaps=tuple(numbers.values())) for key, number in numbers.items()}
    yield Scene("origin", (evidence,), slots)


def _of_rows(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    rows = evidence.value["top"]
    for row, other in pairwise(rows):
        if row["events"] == other["events"]:
            continue
        apart = [r["client_ip"] for r in rows if r["events"] != row["events"] and r["users"] != row["users"]]
        slots = {
            "ip": Slot("quoted", row["client_ip"], names=tuple(apart)),
            "ip2": Slot("quoted", other["client_ip"], names=tuple(apart)),
            "n": Slot("count", row["events"], swaps=(other["events"], row["users"])),
            "n2": Slot("count", other["events"], swaps=(row["events"],)),
            "users": Slot("count", row["users"], swaps=(row["events"], other["users"])),
            "share": Slot("share", row["share"], swaps=(other["share"],)),
        }
        yield Scene("row", (evidence,), slots)


def _of_value(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    value = evidence.value
    others = [str(e.value["value"]) for e in one.evidence if "baseline_events" in e.value]
    apart = tuple(other for other in others if other != value["value"]) or ("eu_north_7", "build-5519")
    slots = {
        "value": Slot("quoted", f"`{value['value']}`", names=tuple(f"`{other}`" for other in apart)),
        "field": Slot("quoted", value["field"]),
        "n": Slot("count", value["events"], swaps=(value["baseline_matching"], value["baseline_events"])),
        "total": Slot("count", value["abnormal_events"], swaps=(value["baseline_events"],)),
        "base": Slot("count", value["baseline_matching"], swaps=(value["events"],)),
        "bases": Slot("count", value["baseline_events"], swaps=(value["abnormal_events"],)),
        "share": Slot("share", value["share"], swaps=(value["baseline_share"],)),
        "bshare": Slot("share", value["baseline_share"], swaps=(value["share"],)),
    }
    yield Scene("value", (evidence,), slots)


def _of_traces(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    value = evidence.value
    slots = {
        "svc": Slot("name", value["first_service"], names=tuple(services)),
        "n": Slot("count", value["traces_first"]),
        "total": Slot("count", value["traces"]),
    }
    yield Scene("traces", (evidence,), slots)


def _of_callers(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    for row in evidence.value["hit_services"]:
        apart = [r["service"] for r in evidence.value["hit_services"] if r["events"] != row["events"]]
        others = tuple(r["events"] for r in evidence.value["hit_services"])
        slots = {
            "svc": Slot("name", row["service"], names=tuple({*services, *apart} - {row["service"]})),
            "n": Slot("count", row["events"], swaps=others),
            "services": Slot("count", evidence.value["services"]),
        }
        yield Scene("callers", (evidence,), slots)


def _of_change(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    value = evidence.value
    others = [str(e.value["ref"]) for e in one.evidence if "ref" in e.value]
    slots = {
        "svc": Slot("name", value["service"], names=tuple(services)),
        "ref": Slot("ref", value["ref"], names=tuple(sorted({*others, "9f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"}))),
        "at": Slot("time", _moment(value["time"])),
        "ago": Slot("span", value["seconds_before"]),
    }
    slots["ref"] = Slot("quoted", ref(slots["ref"], value["ref"], "", random.Random(value["ref"])), names=tuple(
        name[:9] for name in slots["ref"].names if name != value["ref"]))  # fmt: skip
    yield Scene("change", (evidence,), slots)


def _of_metric(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    slots, rise = _metric_slots(evidence, one, services)
    yield Scene("metric", (evidence,), slots, rise=rise)
    if rise is None:
        return
    for other in one.evidence:
        later = other.value.get("extreme_time")
        if other.id > evidence.id and later and other.value["metric"] != evidence.value["metric"]:
            if str(evidence.value["extreme_time"]) >= str(later):
                continue
            more, _ = _metric_slots(other, one, services)
            pair = slots | {"m2": more["m"], "ext2": more["ext"]}
            pair |= {"m": Slot("name", slots["m"].value), "m2": Slot("name", more["m"].value)}
            yield Scene("pair", (evidence, other), pair, rise=rise)


def _metric_slots(evidence: Evidence, one: Recorded, services: Sequence[str]) -> tuple[Slots, bool | None]:
    value = {re.sub(r"_(ms|seconds|percent|us)$", "", key): number for key, number in evidence.value.items()}
    unit = {"": ""} | {"ms": "ms", "s": "s", "%": "%"}
    shown = unit.get(value["unit"], "")
    numbers = {"lo": value["lowest"], "hi": value["highest"], "level": value["level"]}
    extra = {"usual": "usual", "ext": "extreme"}
    numbers |= {name: value[key] for name, key in extra.items() if key in value}
    wrong_for = {"lo": ("hi", "usual"), "hi": ("lo", "usual"), "level": ("ext", "usual"), "usual": ("ext", "level", "hi"),  # noqa: E501
                 "ext": ("usual",)}  # fmt: skip
    slots: Slots = {
        name: Slot("measure", number, shown, tuple(numbers[other] for other in wrong_for[name] if other in numbers))
        for name, number in numbers.items()
    }
    if not slots["lo"].value < slots["hi"].value:
        slots = {name: slot for name, slot in slots.items() if name not in {"lo", "hi"}}
    metrics = [e for e in one.evidence if "metric" in e.value and e.value["metric"] != value["metric"]]
    alien = ("gc_pause_total", "queue_depth_messages", "tcp_retransmit_ratio")
    slots["m"] = Slot("name", value["metric"], names=tuple(str(e.value["metric"]) for e in metrics) or alien)
    slots["svc"] = Slot("name", value["entity"], names=tuple(services))
    slots["upoints"] = Slot("count", value["usual_points"], swaps=(value["points"],))
    if "extreme" not in value or value["extreme"] == value["usual"]:
        return slots, None
    slots["at"] = Slot("time", _moment(value["extreme_time"]))
    change = abs(100 * (value["extreme"] / value["usual"] - 1)) if value["usual"] > 0 else 0
    if 5 <= change <= 2000:
        slots["pct"] = Slot("measure", change, "%")
    if 1.3 <= value.get("ratio", 0) < 1000:
        slots["ratio"] = Slot("ratio", value["ratio"])
    return slots, value["extreme"] > value["usual"]


def _of_none(evidence: Evidence, one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
    slots = {"minutes": Slot("span", 60 * evidence.value["looked_back_minutes"])}
    yield Scene("none", (evidence,), slots)
