"""Two sources held against each other: what both say, what only one says, and how far they agree on one input.

Pairing: findings of the same subject are put in the order of their time, and the earliest of each source that overlap,
or lie at most five minutes apart, are a pair; a finding is in one pair at most. Nothing in this depends on which source
is named first. As the findings of one source on one subject follow each other, no other way gives more pairs.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from bdp.flow.finding import Finding, FindingKind, badness
from bdp.model.insight import PredictionType
from bdp.model.noun import Noun

TOLERANCE: Final = timedelta(minutes=5)
_AT_ONCE: Final = timedelta(0)
_P95: Final = 0.95


class Timed(Protocol):
    """What has a time."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


T = TypeVar("T", bound=Timed)


class Paired(NamedTuple):
    """What two lists have in common, as indexes into them."""

    both: list[tuple[int, int]]
    only_first: list[int]
    only_second: list[int]


def paired(
    first: Sequence[T], second: Sequence[T], subject: Callable[[T], Hashable], tolerance: timedelta = TOLERANCE
) -> Paired:
    """Pair the items of two lists, one to one; see above."""
    found = Paired([], [], [])
    ones, others = _by_subject(first, subject), _by_subject(second, subject)
    for name in dict.fromkeys([*ones, *others]):
        _pair(found, first, second, (ones.get(name, []), others.get(name, [])), tolerance)
    return Paired(sorted(found.both), sorted(found.only_first), sorted(found.only_second))


def _by_subject(items: Sequence[T], subject: Callable[[T], Hashable]) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        found[subject(item)].append(place)
    for places in found.values():
        places.sort(key=lambda place: (items[place].start, items[place].end))
    return found


def _pair(
    found: Paired, first: Sequence[T], second: Sequence[T], places: tuple[list[int], list[int]], tolerance: timedelta
) -> None:
    ones, others = iter(places[0]), iter(places[1])
    one, other = next(ones, None), next(others, None)
    while one is not None and other is not None:
        if first[one].end + tolerance < second[other].start:
            found.only_first.append(one)
            one = next(ones, None)
        elif second[other].end + tolerance < first[one].start:
            found.only_second.append(other)
            other = next(others, None)
        else:
            found.both.append((one, other))
            one, other = next(ones, None), next(others, None)
    found.only_first.extend(place for place in (one, *ones) if place is not None)
    found.only_second.extend(place for place in (other, *others) if place is not None)


class Tally(Noun):
    """How many findings of one kind two sources have; first = both + only_first."""

    kind: FindingKind
    first: int
    second: int
    both: int
    only_first: int
    only_second: int


class Difference(Noun):
    """What only one source says.

    Attributes:
        only: the source.
    """

    only: str
    finding: Finding


class Differences(Noun):
    """Two sources of findings held against each other.

    Attributes:
        first: name of one source.
        second: name of the other.
        kinds: every kind that one of them has.
        worst: what only one of them says, worst first.
        more: how many differences are not listed.
    """

    first: str
    second: str
    kinds: tuple[Tally, ...]
    worst: tuple[Difference, ...]
    more: int


Named = tuple[str, Sequence[Finding]]


def differences(first: Named, second: Named, most: int) -> Differences:
    """Hold two sources of findings against each other.

    Args:
        first: name of the source, and what it says; `second` as well.
        most: differences to list.
    """
    (name, ones), (other_name, others) = first, second
    found = paired(ones, others, lambda finding: finding.subject)
    apart = [Difference(only=name, finding=ones[place]) for place in found.only_first]
    apart += [Difference(only=other_name, finding=others[place]) for place in found.only_second]
    apart.sort(key=lambda difference: (badness(difference.finding), difference.only))
    kinds = (_tally(kind, ones, others, found) for kind in FindingKind)
    return Differences(
        first=name,
        second=other_name,
        kinds=tuple(tally for tally in kinds if tally.first or tally.second),
        worst=tuple(apart[:most]),
        more=max(0, len(apart) - most),
    )


def _tally(kind: FindingKind, ones: Sequence[Finding], others: Sequence[Finding], found: Paired) -> Tally:
    both = sum(ones[one].kind is kind for one, _ in found.both)
    only_first = sum(ones[place].kind is kind for place in found.only_first)
    only_second = sum(others[place].kind is kind for place in found.only_second)
    return Tally(
        kind=kind,
        first=both + only_first,
        second=both + only_second,
        both=both,
        only_first=only_first,
        only_second=only_second,
    )


class Judgement(Noun):
    """What one source says of one input: the samples of one stream, port or series up to an instant.

    Attributes:
        source: such as `rules`, or a model's name.
        subject: the stream, port or series.
        start: time of the sample (UTC).
        prediction_type: what is about to go wrong; a source that sees nothing gives no judgement.
        risk: 0..100.
    """

    source: str
    subject: tuple[str, ...]
    start: datetime
    prediction_type: PredictionType
    risk: int
    confidence: float
    explanation: str

    @property
    def end(self) -> datetime:
        """The instant itself."""
        return self.start


class Agreement(Noun):
    """How far two sources agree on inputs.

    Attributes:
        prediction_type: what the first says of these inputs (the second, where only it speaks); None: all inputs.
        inputs: judged by both.
        near: of these, how many where the two spoke of samples at most five minutes apart, not of the very same one.
        same_type: of these, how many got the same type.
        type_percent: the same in percent of `inputs`; None without any.
        risk_mean: mean of second minus first.
        risk_p95: 95 % of the differences are at most this far from 0 (nearest rank).
        length_first: mean characters of the first's explanations of these inputs; `length_second` as well.
        only_first: inputs of which only the first spoke; `only_second` as well.
    """

    prediction_type: PredictionType | None
    inputs: int
    near: int
    same_type: int
    type_percent: float | None
    risk_mean: float | None
    risk_p95: int | None
    length_first: float | None
    length_second: float | None
    only_first: int
    only_second: int


class Comparison(Noun):
    """Two sources of judgements held against each other."""

    first: str
    second: str
    total: Agreement
    types: tuple[Agreement, ...]


def judgements(source: str, findings: Iterable[Finding]) -> list[Judgement]:
    """Return what findings say of inputs; anomalies, which sum up several inputs, are left out."""
    return [
        Judgement(
            source=source,
            subject=(finding.kind, *finding.entity),
            start=finding.start,
            prediction_type=finding.prediction_type,
            risk=finding.risk,
            confidence=finding.confidence or 0.0,
            explanation=finding.text,
        )
        for finding in findings
        if finding.prediction_type is not None and finding.risk is not None
    ]


class _Pair(NamedTuple):
    one: Judgement | None
    other: Judgement | None
    near: bool = False

    @property
    def type(self) -> PredictionType | None:
        """Under which type it is counted."""
        spoken = self.one or self.other
        return spoken.prediction_type if spoken else None


def compared(names: tuple[str, str], first: Sequence[Judgement], second: Sequence[Judgement]) -> Comparison:
    """Hold two sources of judgements against each other: first the same samples, then what is left near in time."""
    pairs = _inputs(first, second)
    types = [kind for kind in PredictionType if any(pair.type is kind for pair in pairs)]
    return Comparison(
        first=names[0],
        second=names[1],
        total=_agreement(None, pairs),
        types=tuple(_agreement(kind, [pair for pair in pairs if pair.type is kind]) for kind in types),
    )


def _inputs(first: Sequence[Judgement], second: Sequence[Judgement]) -> list[_Pair]:
    same = paired(first, second, lambda judgement: judgement.subject, _AT_ONCE)
    ones, others = [first[i] for i in same.only_first], [second[i] for i in same.only_second]
    near = paired(ones, others, lambda judgement: judgement.subject)
    pairs = [_Pair(first[one], second[other]) for one, other in same.both]
    pairs += [_Pair(ones[one], others[other], near=True) for one, other in near.both]
    pairs += [_Pair(ones[one], None) for one in near.only_first]
    return pairs + [_Pair(None, others[other]) for other in near.only_second]


def _agreement(kind: PredictionType | None, pairs: Sequence[_Pair]) -> Agreement:
    both = [(pair.one, pair.other) for pair in pairs if pair.one and pair.other]
    same = sum(one.prediction_type is other.prediction_type for one, other in both)
    risks = [other.risk - one.risk for one, other in both]
    figures: dict[str, Any] = {}
    if both:
        figures = {
            "type_percent": round(100 * same / len(both), 1),
            "risk_mean": round(fmean(risks), 2),
            "risk_p95": sorted(map(abs, risks))[math.ceil(_P95 * len(risks)) - 1],
            "length_first": round(fmean(len(one.explanation) for one, _ in both), 1),
            "length_second": round(fmean(len(other.explanation) for _, other in both), 1),
        }
    empty = dict.fromkeys(("type_percent", "risk_mean", "risk_p95", "length_first", "length_second"))
    return Agreement(
        prediction_type=kind,
        inputs=len(both),
        near=sum(pair.near for pair in pairs),
        same_type=same,
        only_first=sum(pair.other is None for pair in pairs),
        only_second=sum(pair.one is None for pair in pairs),
        **(empty | figures),
    )
