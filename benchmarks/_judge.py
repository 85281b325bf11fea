"""A day of fabric samples with faults of all kinds, and recorded answers about every one of its samples.

The day: streams of two switches, normal traffic of the three kinds, sampled every 30 s; in it single faults of each
kind, and two that all streams of a switch have at the same time. All of it comes from one seed.

The answers: a judge looked at each sample by itself, before any saving plays a part, with the written risk table and no
memory of what it said before. Its risk lies up to 3 beside the table's, inside of the class; its words are its own,
with 2 to 5 figures of the sample in several roundings. What it said is kept by sample: by stream and the five values as
a prompt tells them. A stand-in for the gateway looks the answers up, whatever the prompt is like; the lookup fails
where a prompt asks about a sample that is not in the day.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from bdp.detect.fabric.detector import FabricDetector, FabricSettings
from bdp.explain.insight.figures import told
from bdp.explain.insight.form import NORMAL
from bdp.llm.ask import Prompt
from bdp.model.inquiry import Inquiry, Measure
from bdp.model.insight import Insight, severity_of
from bdp.model.metric import MetricPoint
from tests.scenario.detect.fabric_traffic import FAULTS, Series, normal

INTERVAL: Final = 30
METRICS: Final = ("latency_p99", "utilization", "error_rate", "bandwidth_gbps", "qp_errors")
_KINDS: Final = ("steady", "steady", "steady", "steady", "steady", "jobs", "steady", "light")
_SHARED: Final = ("saturation", "latency spike")
_SECOND: Final = 1
Record = dict[str, Any]


def day(seed: int, streams: int, hours: float) -> list[Series]:
    """Return the streams of a day with their faults."""
    rng = np.random.default_rng((seed, 11))
    found = [normal(seed + number, hours, INTERVAL, _KINDS[number % len(_KINDS)]) for number in range(streams)]
    length, names = len(found[0]), [name for name in FAULTS if name != "slow degradation"]
    half = streams // 2
    for number, name in enumerate(_SHARED):
        first = int(length * (0.3 + 0.4 * number))
        for series in found[number * half : number * half + half]:
            same = np.random.default_rng((seed, 17, number))  # of one size everywhere
            FAULTS[name](series, same, first + int(rng.integers(0, 3)), 40)
    for number, series in enumerate(found):
        for place in (0.12, 0.52, 0.88):
            if rng.uniform() < 0.5:
                name = names[int(rng.integers(len(names)))]
                FAULTS[name](series, rng, int(length * place) + int(rng.integers(0, 60)), int(rng.integers(10, 40)))
        if number % 8 == 4 and hours >= 24:
            begin = length - 8 * 120
            FAULTS["slow degradation"](series, rng, begin, 7 * 120)
    return found


def instants(series: Sequence[Series]) -> Iterator[list[MetricPoint]]:
    """Yield the points of all streams, instant by instant."""
    for index in range(len(series[0])):
        yield [point for one in series for point in one.points(index)]


class Recorded:
    """Answers by sample."""

    def __init__(self, series: Sequence[Series]) -> None:
        self.answers: dict[str, Record] = {}
        self.raised: list[Insight] = []
        settings = FabricSettings(ask="every", duplicate_seconds=0, slow_repeat_seconds=0)
        detector = FabricDetector(settings, inquiring=True)
        for points in instants(series):
            self.raised += detector.observe(points)
            for inquiry in detector.inquiries():
                self.answers[_key(inquiry.related_entity, _values(inquiry))] = judged(inquiry)

    def answer(self, prompt: Prompt) -> str:
        """Return the recorded answers about the items of a prompt."""
        items = json.loads(prompt.text.split("<items>\n", 1)[1].split("\n</items>", 1)[0])["items"]
        said = [self.answers[_key(item["stream"], _shown(item))] | {"id": item["id"]} for item in items]
        return json.dumps({"answers": said}, ensure_ascii=False, separators=(",", ":"))


def judged(inquiry: Inquiry) -> Record:
    """Return what the judge says of one sample."""
    rng = random.Random(f"{inquiry.related_entity}{inquiry.timestamp.timestamp()}")
    rules = inquiry.insight
    if rules is None:
        calm = _calm(inquiry, rng)
        steps = ["Nothing is to be done for this stream now.", "Watch the next samples for a trend."]
        return _record(NORMAL, rng.randint(0, 20), calm, steps, rng)
    risk = rules.risk_score + rng.choice((-3, -2, -1, 0, 0, 1, 2, 3))
    if not 0 <= risk <= 100 or severity_of(risk) is not severity_of(rules.risk_score):
        risk = rules.risk_score
    steps = [f"{step}" for step in rules.recommendations]
    return _record(rules.prediction_type.value, risk, _words(inquiry, rng), steps, rng)


def _record(kind: str, risk: int, explanation: str, steps: list[str], rng: random.Random) -> Record:
    return {
        "prediction_type": kind,
        "risk_score": risk,
        "explanation": explanation,
        "recommendations": steps,
        "confidence": round(rng.uniform(0.72, 0.96), 2),
    }


def _words(inquiry: Inquiry, rng: random.Random) -> str:
    """Return an explanation with the figures of what stands out, in the judge's words."""
    ones = [one for one in inquiry.measures if one.stands_out][:2] or list(inquiry.measures[:1])
    said = [_said(one, rng) for one in ones]
    others = [one for one in inquiry.measures[:4] if one not in ones]
    beside = f", while {_named(others[0])} is at {_figure(others[0].value, others[0].unit, rng)}" if others else ""
    end = rng.choice(("This needs a look at the path.", "The pattern fits a fault on this link.", "Jobs here feel it."))
    return f"On {inquiry.related_entity}, {' and '.join(said)}{beside}. {end}"


def _said(measure: Measure, rng: random.Random) -> str:
    now = _figure(measure.value, measure.unit, rng)
    if not measure.baseline:
        return f"{_named(measure)} is {now}"
    usual = _figure(measure.baseline, measure.unit, rng)
    times = f"{told(measure.value / measure.baseline):.{rng.choice((1, 2))}f}"
    return rng.choice(
        (
            f"{_named(measure)} has gone to {now} from a mean of {usual}",
            f"{_named(measure)} stands at {now}, {times} times the {usual} of the last 15 minutes",
        )
    )


def _calm(inquiry: Inquiry, rng: random.Random) -> str:
    shown = [f"{_named(one)} is {_figure(one.value, one.unit, rng)}" for one in inquiry.measures[:2]]
    return f"{' and '.join(shown)}, within what {inquiry.related_entity} shows in this hour; nothing is wrong."


def _named(measure: Measure) -> str:
    return measure.name.replace("_", " ").replace("p99", "P99")


def _figure(value: float, unit: str, rng: random.Random) -> str:
    """Return a figure with two to four significant digits."""
    shown = told(value)
    text = f"{shown:.{rng.choice((2, 3, 3, 4))}g}"
    if "e" in text:
        text = f"{shown:.0f}" if shown >= 1 else f"{shown:f}"
    return f"{text} {unit}".strip()


def _values(inquiry: Inquiry) -> dict[str, float]:
    return {one.name: told(one.value) for one in inquiry.measures if one.name in METRICS}


def _shown(item: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(one["value"]) for name, one in item["measures"].items() if name in METRICS}


def _key(stream: str, values: Mapping[str, float]) -> str:
    return f"{stream} {sorted(values.items())}"
