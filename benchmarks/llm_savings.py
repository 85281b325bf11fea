"""What each saving spares on a day of fabric samples, in tokens that are paid for, and whether the findings stay.

    python benchmarks/llm_savings.py [--quick] [--seed 4100] [--out FILE]

The day and the recorded answers about each of its samples are those of `_judge.py`. It goes through the fabric
detector, the questions in a state database, the prompts, and a stand-in for the gateway that looks the answers up; time
goes on with the samples. All but the model itself is what runs in the product.

The reference is a day without savings: each sample that meets the specification's triggers is asked by itself with the
full prompt. Two others are told beside it: every sample, and only those of which the rules say something, duplicates
included. Then each saving is switched on alone, and left out alone:

    trigger     ask only about what the rules raise (`fabric.ask`), duplicates within 5 minutes left out
    duplicates  that part of it (`fabric.duplicate_seconds`): with it left out, all that the rules say is raised
    batch       several samples in one call (`insights.batch`, `linger_seconds`)
    tiers       the prompt by risk (`insights.tiers`)
    cache       an answer serves alike samples for 5 minutes (`insights.cache_seconds`)
    sampling    a share of the questions (`insights.sampling_rate`), for a rollout: shown at a half, and in no sum,
                since the other half is left to the rules

Tokens are UTF-8 bytes / 4, rounded up for each part: instructions, items, the answer's schema (sent with each request)
and the answer. `by_3` are the same with bytes / 3, as tokenizers split figures and JSON. Asking again is counted.

Findings are insights that a model decided (source ai or cached). They are equal where the day with a saving has, for
each one of the reference, one of the same stream, type and class of risk at most as far away as the same finding is not
repeated (5 minutes; an hour for a slow degradation), one to one, and no others. Insights that were left to the rules
are counted apart: they would be equal without any model.

Prints the table and writes docs/reference/llm_savings.json; the last line is the JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bdp.clock import ManualClock  # noqa: E402
from bdp.detect.fabric.detector import FabricDetector, FabricSettings  # noqa: E402
from bdp.explain.insight.form import Judgements  # noqa: E402
from bdp.explain.insight.sheet import Sheet  # noqa: E402
from bdp.flow.advice import AdviceSettings, Advising, Questions  # noqa: E402
from bdp.flow.comparison import paired  # noqa: E402
from bdp.flow.finding import Finding, of_insight  # noqa: E402
from bdp.llm.ask import Answer, Ask, T  # noqa: E402
from bdp.llm.scripted import Scripted, schema_of  # noqa: E402
from bdp.model.anomaly import SEVERITIES  # noqa: E402
from bdp.model.insight import Insight, InsightSource, PredictionType, severity_of  # noqa: E402
from bdp.store.state import open_state  # noqa: E402
from benchmarks._judge import INTERVAL, Recorded, day, instants  # noqa: E402
from tests.scenario.detect.fabric_traffic import Series  # noqa: E402

OUT = ROOT / "docs" / "reference" / "llm_savings.json"
AIM = 0.75
NONE: dict[str, dict[str, Any]] = {
    "fabric": {"ask": "triggered"},
    "insights": {"batch": 1, "linger_seconds": 0, "tiers": False, "cache_seconds": 0},
}
SAVINGS: dict[str, dict[str, dict[str, Any]]] = {
    "trigger": {"fabric": {"ask": "raised"}},
    "batch": {"insights": {"batch": 8, "linger_seconds": 20}},
    "tiers": {"insights": {"tiers": True}},
    "cache": {"insights": {"cache_seconds": 300}},
}
OFF: dict[str, dict[str, dict[str, Any]]] = {
    "trigger": {"fabric": {"ask": "triggered"}},
    "duplicates": {"fabric": {"duplicate_seconds": 0, "slow_repeat_seconds": 0}},
    "batch": {"insights": {"batch": 1, "linger_seconds": 0}},
    "tiers": {"insights": {"tiers": False}},
    "cache": {"insights": {"cache_seconds": 0}},
}
STEP = timedelta(seconds=10)


class Counting(Scripted):
    """Counts bytes as well."""

    sent = 0

    def ask(self, ask: Ask[T]) -> Answer[T]:
        """Return the recorded answer."""
        before = self.requests
        answer = super().ask(ask)
        for done in list(self.exchanges)[before - self.requests :]:
            texts = (*done.prompt, schema_of(ask.form), done.answer)
            self.sent += sum(len(text.encode()) for text in texts)
        return answer


class Day(NamedTuple):
    """What one way of working through the day came to."""

    figures: dict[str, Any]
    findings: list[Finding]


def main() -> None:
    """Play the day in every way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="half a day of fewer streams, for a first look")
    parser.add_argument("--seed", type=int, default=4100, help="of the day")
    parser.add_argument("--out", type=Path, help=f"write the figures there (default: {OUT.name}; with --quick none)")
    arguments = parser.parse_args()
    streams, hours = (8, 6.0) if arguments.quick else (16, 24.0)
    series = day(arguments.seed, streams, hours)
    recorded = Recorded(series)
    samples = sum(1 for one in series for index in range(len(one)) if one.points(index))
    print(f"{streams} streams, {hours:g} h, {samples:,} samples every {INTERVAL} s, "
          f"{len(recorded.raised):,} of which the rules say something")  # fmt: skip
    print(f"{'':<22}{'asked':>8}{'calls':>8}{'tokens in':>12}{'out':>10}{'saved':>9}{'findings':>10}{'equal':>8}")
    figures = measured(series, recorded)
    figures |= {"seed": arguments.seed, "streams": streams, "hours": hours, "samples": samples}
    out = arguments.out or (None if arguments.quick else OUT)
    if out:
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    whole = figures["all"]
    print(f"by bytes / 3: {whole['saved_by_3']:.1%}; of what the rules speak of: {whole['saved_of_spoken']:.1%}")
    if whole["saved"] < AIM or not whole["equal"]:
        raise SystemExit("the aim was missed")


def measured(series: Sequence[Series], recorded: Recorded) -> dict[str, Any]:
    """Play the day in every way."""
    reference = play(series, recorded, with_(NONE))
    wanted = reference.figures["tokens"]
    found: dict[str, Any] = {"reference": shown("no saving", reference, reference)}
    found["every"] = every(series, recorded, wanted)
    spoken = play(series, recorded, with_(NONE, {"fabric": {**OFF["duplicates"]["fabric"], "ask": "raised"}}))
    found["spoken"] = shown("rules speak, no saving", spoken, reference)
    found["all"] = shown("all savings", play(series, recorded, with_({})), reference)
    found["alone"] = {
        name: shown(f"only {name}", play(series, recorded, with_(NONE, saving)), reference)
        for name, saving in SAVINGS.items()
    }
    found["left_out"] = {
        name: shown(f"without {name}", play(series, recorded, with_(missing)), reference)
        for name, missing in OFF.items()
    }
    half = play(series, recorded, with_({"insights": {"sampling_rate": 0.5}}))
    found["sampling_half"] = shown("all, a half asked", half, reference)
    found["all"]["saved_of_spoken"] = round(1 - found["all"]["tokens"] / spoken.figures["tokens"], 4)
    return found


def with_(*changes: dict[str, dict[str, Any]]) -> tuple[FabricSettings, AdviceSettings]:
    """Return the default settings with changes."""
    rooms: dict[str, dict[str, Any]] = {"fabric": {}, "insights": {"old_seconds": 86_400}}
    for change in changes:
        for room, values in change.items():
            rooms[room] |= values
    return FabricSettings(**rooms["fabric"]), AdviceSettings(**rooms["insights"])


def play(series: Sequence[Series], recorded: Recorded, settings: tuple[FabricSettings, AdviceSettings]) -> Day:
    """Let the day go by."""
    fabric, advice = settings
    state, clock = open_state("sqlite://"), ManualClock(series[0].time(0))
    model = Counting(recorded.answer)
    questions = Questions(state.inquiries, clock, advice)
    advising = Advising(state.inquiries, state.insights, model, clock, advice, fabric)
    detector = FabricDetector(fabric, inquiring=True)
    asked = closed = 0
    begun = time.process_time()
    for points in instants(series):
        found = detector.observe(points)
        clock.at = max([clock.at, *(point.ts for point in points)])
        if found:
            state.insights.add_all(found, clock.now())
        inquiries = detector.inquiries()
        questions.keep(inquiries)
        asked += len(inquiries)
        for _ in range(INTERVAL // round(STEP.total_seconds())):
            while closed < asked and (done := advising.step(clock.now())):
                closed += done
            clock.advance(STEP)
    for _ in range(12):
        closed += advising.step(clock.now())
        clock.advance(STEP)
    kept = state.insights.recent(limit=1_000_000).insights
    state.close()
    sources = Counter(one.source.value for one in kept)
    figures = {
        "asked": asked,
        "calls": model.requests,
        "tokens_in": model.tokens_in,
        "tokens_out": model.tokens_out,
        "tokens": model.tokens_in + model.tokens_out,
        "by_3": -(-model.sent // 3),
        "unanswered": asked - closed,
        "sources": dict(sources),
        "cpu_seconds": round(time.process_time() - begun, 1),
    }
    return Day(figures, findings(kept))


def findings(insights: Sequence[Insight]) -> list[Finding]:
    """Return what a model decided, without what repeats it within the time in which nothing is repeated."""
    found: list[Insight] = []
    for one in sorted(insights, key=lambda one: one.timestamp):
        if one.source is InsightSource.RULES:
            continue
        near = [other for other in found if _same(other, one) and one.timestamp - other.timestamp < _apart(one)]
        if all(_rank(other) < _rank(one) for other in near):
            found.append(one)
    return [of_insight(one) for one in found]


def _same(one: Insight, other: Insight) -> bool:
    return (one.related_entity, one.prediction_type) == (other.related_entity, other.prediction_type)


def _rank(insight: Insight) -> int:
    return -SEVERITIES.index(severity_of(insight.risk_score))


def _apart(insight: Insight) -> timedelta:
    slow = insight.prediction_type is PredictionType.PERFORMANCE_DEGRADATION
    return timedelta(seconds=3600 if slow else 300)


def differing(one: Sequence[Finding], other: Sequence[Finding]) -> tuple[int, int]:
    """Return how many findings only one of two days has, each."""
    counts = [0, 0]
    for slow in (False, True):
        kind = PredictionType.PERFORMANCE_DEGRADATION
        sides = [[f for f in side if (f.prediction_type is kind) is slow] for side in (one, other)]
        near = timedelta(seconds=3600 if slow else 300)
        pairs = paired(sides[0], sides[1], lambda found: (*found.subject, found.severity), near)
        counts[0] += len(pairs.only_first)
        counts[1] += len(pairs.only_second)
    return counts[0], counts[1]


def shown(title: str, played: Day, reference: Day) -> dict[str, Any]:
    """Print one line and return its figures."""
    figures = dict(played.figures)
    missing, more = differing(reference.findings, played.findings)
    figures["saved"] = round(1 - figures["tokens"] / reference.figures["tokens"], 4)
    figures["saved_by_3"] = round(1 - figures["by_3"] / reference.figures["by_3"], 4)
    figures |= {"findings": len(played.findings), "missing": missing, "more": more, "equal": not (missing or more)}
    print(
        f"{title:<22}{figures['asked']:>8,}{figures['calls']:>8,}{figures['tokens_in']:>12,}{figures['tokens_out']:>10,}"
        f"{figures['saved']:>9.1%}{figures['findings']:>10,}{'yes' if figures['equal'] else f'-{missing} +{more}':>8}"
    )
    return figures


def every(series: Sequence[Series], recorded: Recorded, wanted: int) -> dict[str, Any]:
    """Return what asking about every sample would take, each by itself with the full prompt."""
    model = Counting(recorded.answer)
    detector = FabricDetector(FabricSettings(ask="every"), inquiring=True)
    for points in instants(series):
        detector.observe(points)
        for inquiry in detector.inquiries():
            sheet = Sheet([inquiry], "en", tiers=False)
            model.ask(Ask(agent="insights", prompt=sheet.prompt, form=Judgements, seconds=30, check=sheet.check))
    tokens = model.tokens_in + model.tokens_out
    print(f"{'every sample':<22}{model.requests:>8,}{model.requests:>8,}{model.tokens_in:>12,}{model.tokens_out:>10,}"
          f"{1 - tokens / wanted:>9.1%}")  # fmt: skip
    return {"asked": model.requests, "calls": model.requests, "tokens": tokens, "by_3": -(-model.sent // 3)}


if __name__ == "__main__":
    main()
