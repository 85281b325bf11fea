"""True claims made of evidence by the patterns of `_sentences.py`, and what makes each of them false.

A corruption changes one mark of a claim: a number (another size, some off, or another value of the same evidence that
is not that measure's), a unit, a name (of another service, metric, address, message), a time, an order, a direction.
It is left out where the changed claim would be true too.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from bdp.model.evidence import Evidence
from benchmarks._recorded import Recorded
from benchmarks._sentences import KEPT, LATER, MORE, PATTERNS

KINDS: Final = ("number", "unit", "service", "time", "order", "direction")
_MARK: Final = re.compile(r"\{([<>]?)([^{}:|]+)(?:[:|]([^{}|]*)\|([^{}]*))?\}")
_APART: Final = 0.06
_KST: Final = timedelta(hours=9)


@dataclass(frozen=True)
class Truth:
    """A claim that is true, and the same claim made false.

    Attributes:
        cited: ids of the evidence it rests on.
        wrong: kind of corruption -> text.
    """

    text: str
    language: str
    pattern: str
    kept: bool
    evidence: tuple[Evidence, ...]
    cited: tuple[str, ...]
    wrong: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Slot:
    """A value to put into a pattern.

    Attributes:
        kind: count, measure, share, ratio, span, time, name or quoted.
        unit: of a measure: ms, s, % or none.
        swaps: values of other measures that would be wrong in this place.
    """

    kind: str
    value: Any
    unit: str = ""
    swaps: tuple[float, ...] = ()
    names: tuple[str, ...] = ()


Slots = dict[str, Slot]


@dataclass
class Scene:
    """One fact to speak of: which patterns fit, what stands in them, what may be cited with it."""

    pattern: str
    evidence: tuple[Evidence, ...]
    slots: Slots
    rise: bool | None = None
    cited: list[str] = field(default_factory=list)


def truths(incidents: Sequence[Recorded], *, most: int = 3) -> Iterator[Truth]:
    """Yield the true claims of all incidents: `most` patterns a fact and language, chosen by the incident's name."""
    services = sorted({str(name) for one in incidents for name in _owners(one.evidence)})
    for one in incidents:
        for number, scene in enumerate(_scenes(one, services)):
            for language in ("en", "ko"):
                mine = _patterns(scene.pattern, language, kept=one.kept)
                chance = random.Random(zlib.crc32(f"{one.name} {number} {language}".encode()))
                fitting = [text for text in mine if _fits(text, scene)]
                for text in chance.sample(fitting, min(most, len(fitting))):
                    yield _truth(text, language, scene, one, chance)


def _patterns(name: str, language: str, *, kept: bool) -> list[str]:
    lists = (KEPT,) if kept else (PATTERNS, MORE, LATER)
    return [text for patterns in lists for text in patterns.get(name, {}).get(language, ())]


def _owners(evidence: Sequence[Evidence]) -> Iterator[str]:
    for one in evidence:
        yield from (str(one.value[key]) for key in ("service", "entity", "first_service") if one.value.get(key))


def _fits(text: str, scene: Scene) -> bool:
    names = [match[2] for match in _MARK.finditer(text)]
    if any(name not in scene.slots for name in names if name not in {"dir", "ord"}):
        return False
    if "dir" in names and scene.rise is None:
        return False
    directed = {"pct": None, "ratio": True}
    if any(name in names and want is not None and scene.rise is not want for name, want in directed.items()):
        return False
    bounds = [scene.slots[match[2]].value for match in _MARK.finditer(text) if match[1]]
    return all(value > 2 for value in bounds)


def _truth(text: str, language: str, scene: Scene, one: Recorded, chance: random.Random) -> Truth:
    marks = list(_MARK.finditer(text))
    said = [_say(mark, scene, language, chance) for mark in marks]
    wrong: list[tuple[str, str]] = []
    for at, mark in enumerate(marks):
        for kind, other in _wrongs(mark, said[at], scene, language, chance):
            pieces = [other if i == at else piece for i, piece in enumerate(said)]
            if mark[2] in {"ip", "ip2"} and "{ip2}" in text:
                pieces = [said[_place(marks, "ip2" if m[2] == "ip" else "ip")] if m[2] in {"ip", "ip2"} else p
                          for m, p in zip(marks, said, strict=True)]  # fmt: skip
            wrong.append((kind, _filled(text, pieces)))
    cited = [e.id for e in scene.evidence]
    alike = set(scene.evidence[0].value)
    # A second change, cited too, could make true what is meant to be false.
    others = [e.id for e in one.evidence if e.id not in cited and not ("ref" in alike and "ref" in e.value)]
    if others and chance.random() < 0.3:
        cited.append(chance.choice(others))
    return Truth(_filled(text, said), language, scene.pattern, one.kept, one.evidence, tuple(cited), tuple(wrong))


def _place(marks: Sequence[re.Match[str]], name: str) -> int:
    return next(at for at, mark in enumerate(marks) if mark[2] == name)


def _filled(text: str, pieces: Sequence[str]) -> str:
    rest = iter(pieces)
    return _MARK.sub(lambda _: next(rest), text)


def _say(mark: re.Match[str], scene: Scene, language: str, chance: random.Random) -> str:
    if mark[2] == "dir":
        return mark[3] if scene.rise else mark[4]
    if mark[2] == "ord":
        return mark[3]
    slot = scene.slots[mark[2]]
    value = slot.value
    if mark[1]:
        value = float(value) * (chance.uniform(0.85, 0.97) if mark[1] == ">" else chance.uniform(1.04, 1.2))
        value = (int(value) if mark[1] == ">" else int(value) + 1) if slot.kind == "count" else value
    return _shown(slot, value, language, chance) + (f" {mark[3]}" if mark[3] else "")


def _wrongs(
    mark: re.Match[str], said: str, scene: Scene, language: str, chance: random.Random
) -> Iterator[tuple[str, str]]:
    """Yield what may stand in place of one mark, with the kind of corruption."""
    if mark[2] in {"dir", "ord"}:
        kind = "direction" if mark[2] == "dir" else "order"
        yield kind, mark[4] if said == mark[3] else mark[3]
        return
    slot = scene.slots[mark[2]]
    noun = f" {mark[3]}" if mark[3] else ""
    if slot.kind in {"name", "quoted"}:
        others = [name for name in slot.names if name != slot.value]
        if others:
            yield "service", _shown(slot, chance.choice(others), language, chance)
    elif slot.kind == "time":
        yield "time", _shown(slot, slot.value + chance.choice((-1, 1)) * _away(chance), language, chance)
    else:
        value = _other_number(slot, mark[1], chance)
        if value is not None and (shown := _shown(slot, value, language, chance) + noun) != said:
            yield "number", shown
        if mark[4]:
            yield "unit", said.removesuffix(noun) + f" {mark[4]}"
        elif (shown := _other_unit(slot, said, language)) and not mark[1]:
            yield "unit", shown


def _away(chance: random.Random) -> timedelta:
    return timedelta(seconds=chance.choice((chance.randint(130, 3000), 3600 * chance.randint(1, 5))))


def _other_number(slot: Slot, bound: str, chance: random.Random) -> float | None:
    value = float(slot.value)
    if bound:
        changed = value * (chance.uniform(1.1, 1.9) if bound == ">" else chance.uniform(0.4, 0.9))
        return round(changed) if slot.kind == "count" else changed
    swaps = [other for other in slot.swaps if abs(other - value) > _APART * max(abs(value), abs(other))]
    if swaps and chance.random() < 0.4:
        return chance.choice(swaps)
    if slot.kind == "count":
        near = chance.choice((1, 2, max(1, round(0.1 * value)), round(0.7 * value) + 1, round(4 * value) + 1))
        return value + near if chance.random() < 0.6 or near >= value else value - near
    if not value:
        return chance.uniform(2, 90)
    changed = value * chance.choice((0.1, 0.4, 0.7, 0.85, 1.15, 1.4, 2.5, 10))
    if slot.kind == "share":
        changed = min(changed, 1.0) if value < 0.9 else value * chance.choice((0.1, 0.4, 0.7, 0.85))
        return changed if abs(changed - value) > max(0.02, _APART * value) else None
    return changed


def _other_unit(slot: Slot, said: str, language: str) -> str:
    number = re.match(r"[\d,.만\-]+", said)
    if number is None or slot.kind in {"count", "ratio"} or not float(slot.value):
        return ""
    current = said[number.end() :].strip()
    swaps = {"ms": "s", "s": "ms", "%": "ms", "": "ms", "min": "h", "minutes": "hours", "seconds": "minutes", "h": "min",  # noqa: E501
             "hours": "minutes", "초": "분", "분": "시간", "시간": "분", "밀리초": "초", "퍼센트": "밀리초", "percent": "ms"}  # fmt: skip  # noqa: E501
    return f"{number[0]} {swaps[current]}" if current in swaps else ""


def _shown(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    return _SHOWN[slot.kind](slot, value, language, chance)


def _count(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    whole = round(value)
    if language == "ko" and whole >= 10_000 and chance.random() < 0.5:
        rest = whole % 10_000
        return f"{whole // 10_000}만" + (f" {rest:,}" if rest else "")
    return f"{whole:,}" if chance.random() < 0.5 else str(whole)


def _measure(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    unit, value = slot.unit, float(value)
    if unit == "ms" and value >= 1000 and chance.random() < 0.5:
        unit, value = "s", value / 1000
    elif unit == "s" and 0 < abs(value) < 1 and chance.random() < 0.7:
        unit, value = "ms", value * 1000
    words = {("ms", "ko"): ("ms", "밀리초"), ("s", "ko"): ("초", "s"), ("s", "en"): ("s", "seconds"), ("%", "en"): ("%", "percent"),  # noqa: E501
             ("%", "ko"): ("%", "퍼센트")}  # fmt: skip
    unit = chance.choice(words.get((unit, language), (unit,)))
    space = "" if unit == "%" or (language == "ko" and chance.random() < 0.5) else " "
    return _digits(value, chance) + (space + unit if unit else "")


def _digits(value: float, chance: random.Random) -> str:
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}" if chance.random() < 0.5 else str(int(value))
    text = f"{value:.{chance.choice((3, 4))}g}"
    return f"{float(text):.10f}".rstrip("0").rstrip(".") if "e" in text else text


def _share(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    percent = 100 * float(value)
    text = f"{percent:.0f}" if percent >= 10 and chance.random() < 0.6 else f"{percent:.1f}"
    return text + chance.choice(("%", " %", "퍼센트") if language == "ko" else ("%", " %", " percent"))


def _ratio(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    return f"{float(value):.1f}" if float(value) < 100 else f"{float(value):.0f}"


def _span(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    seconds = abs(float(value))
    units = [(1, ("seconds", "s"), ("초",)), (60, ("minutes", "min"), ("분",)), (3600, ("hours", "h"), ("시간",))]
    size, english, korean = units[0 if seconds < 150 else 1 if seconds < 7200 else 2]
    unit = chance.choice(korean if language == "ko" else english)
    if size == 60 and seconds % 60 and seconds < 3600 and chance.random() < 0.3:
        low = f"{int(seconds % 60)}"
        return f"{int(seconds // 60)}분 {low}초" if language == "ko" else f"{int(seconds // 60)} min {low} s"
    number = f"{seconds / size:.1f}".removesuffix(".0")
    return f"{number}{unit}" if language == "ko" else f"{number} {unit}"


def _time(slot: Slot, at: datetime, language: str, chance: random.Random) -> str:
    styles: tuple[Callable[[], str], ...] = (
        lambda: at.strftime("%H:%M:%S"),
        lambda: at.strftime("%H:%M"),
        lambda: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        lambda: at.strftime("%Y-%m-%d %H:%M:%S"),
        lambda: at.strftime("%H:%M:%S UTC"),
        lambda: (at + _KST).strftime("%H:%M:%S KST"),
    )
    own: tuple[Callable[[], str], ...] = (lambda: at.strftime("%I:%M %p").lstrip("0"),)
    if language == "ko":
        half = "오전" if at.hour < 12 else "오후"
        own = (
            lambda: f"{at.hour}시 {at.minute}분 {at.second}초",
            lambda: f"{half} {(at.hour + 11) % 12 + 1}시 {at.minute}분",
            lambda: f"{at.month}월 {at.day}일 {at.hour}시 {at.minute}분",
        )
    return chance.choice((*styles, *own))()


def _name(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    text = str(value)
    return f"`{text}`" if " " in text or chance.random() < 0.3 else text


def _ref(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    text = str(value)
    return text[: chance.choice((7, 8, 10, 12, 40))] if re.fullmatch(r"[0-9a-f]{40}", text) else text


_SHOWN: Final[dict[str, Callable[[Slot, Any, str, random.Random], str]]] = {
    "count": _count, "measure": _measure, "share": _share, "ratio": _ratio, "span": _span, "time": _time, "name": _name,
    "quoted": lambda slot, value, language, chance: str(value), "book": lambda slot, value, language, chance: f"`{value}`",  # noqa: E501
    "ref": _ref,
}  # fmt: skip


def _scenes(one: Recorded, services: Sequence[str]) -> Iterator[Scene]:
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
    slots["ref"] = Slot("quoted", _ref(slots["ref"], value["ref"], "", random.Random(value["ref"])), names=tuple(
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
