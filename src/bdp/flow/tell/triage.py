"""Which critical insights are told, how, and which are not: a decision without any effect.

Three rules, in this order:

old         the insight was detected long after its event time, as in a replay. It pages nobody; the digest tells it.
            The age is taken at detection, so that a message which waits for a channel does not become old.
duplicate   the same prediction type at the same stream reached people minutes ago, or its message is still on its
            way. This is measured in wall time from when the first channel had the message, since it is people who are
            to be spared: when a backlog of an hour is worked off in seconds, they hear of a stream once.
flood       more different streams within a minute than people can read: one summary instead. A burst is told at
            once; what trickles in, or follows a summary, is held for `summary_seconds` and then told together. While
            messages reach nobody, all is held once enough of them wait, so that people find one summary when they can
            be reached again.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from bdp.model.anomaly import Severity
from bdp.model.insight import DueAlert, PredictionType

FLOOD_WINDOW = timedelta(minutes=1)


class AlertingSettings(BaseModel):
    """When people are told of incidents and of critical insights (risk 80 and more), and what goes to the digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pass_seconds: float = Field(
        default=1.0, ge=0.05, le=20, description="time between two looks for what is to be told"
    )
    linger_seconds: float = Field(
        default=0.05, ge=0, le=1, description="what this process posts is told so much later, with what comes meanwhile"
    )
    least_severity: Severity = Field(
        default=Severity.LOW, description="less severe incidents and events are told in the digest only"
    )
    flood_incidents: int = Field(
        default=10, ge=1, le=1_000_000, description="more incidents, or events, within a minute become one message"
    )
    repeat_seconds: float = Field(
        default=300.0, ge=0, le=86_400, description="the same, of one stream or one incident, is told once in this time"
    )
    old_seconds: float = Field(
        default=3600.0, ge=0, description="found so long after its event time, it goes to the digest only"
    )
    flood_streams: int = Field(
        default=10, ge=1, le=1000, description="alerts of more streams within a minute become one summary"
    )
    summary_seconds: float = Field(
        default=40.0,
        ge=1,
        le=3600,
        description="in a flood, alerts are held so long for a summary; over 50, they are told later than 60 s",
    )
    first_retry_seconds: float = Field(default=2.0, gt=0, description="wait after a channel was away")
    factor: float = Field(default=2.0, ge=1, le=10, description="each further wait is so many times longer")
    longest_seconds: float = Field(default=60.0, gt=0, description="longest wait between two tries of a channel")
    claim_seconds: float = Field(
        default=30.0,
        ge=1,
        le=3600,
        description="a message that a process took and did not send is free again then; keep it over the longest time "
        "that one channel may take",
    )
    late_seconds: float = Field(
        default=3600.0, ge=0, description="what one channel has is tried at the others for so long"
    )
    give_up_seconds: float = Field(
        default=86_400.0, ge=60, description="what reached nobody for so long goes to the digest"
    )
    digest: bool = Field(default=True, description="once an hour, tell of risk 40-79 and of what was not told at once")


@dataclass(frozen=True)
class Known:
    """What was told lately.

    Attributes:
        covered: stream and type that people heard of lately, or are about to.
        streams: streams told within the flood window.
        last_summary: when the latest summary was written.
        untold: messages that were tried and have reached nobody.
    """

    covered: Set[tuple[str, PredictionType]] = frozenset()
    streams: Set[str] = frozenset()
    last_summary: datetime | None = None
    untold: int = 0


@dataclass
class Verdict:
    """What is to be done with each insight that is due."""

    alone: list[DueAlert] = field(default_factory=list)
    together: list[DueAlert] = field(default_factory=list)
    held: list[DueAlert] = field(default_factory=list)
    duplicate: list[DueAlert] = field(default_factory=list)
    old: list[DueAlert] = field(default_factory=list)


def is_old(due: DueAlert, settings: AlertingSettings) -> bool:
    """Return whether it was found too long after it was true."""
    return due.detected_at - due.timestamp > timedelta(seconds=settings.old_seconds)


def triage(due: Sequence[DueAlert], known: Known, now: datetime, settings: AlertingSettings) -> Verdict:
    """Return what is to be done with each; every one is in one list of the verdict."""
    verdict, fresh, covered = Verdict(), [], set(known.covered)
    for one in sorted(due, key=lambda one: (-one.risk_score, one.detected_at)):  # of several, people hear the worst
        pair = (one.related_entity, one.prediction_type)
        if is_old(one, settings):
            verdict.old.append(one)
        elif pair in covered:
            verdict.duplicate.append(one)
        else:
            covered.add(pair)
            fresh.append(one)
    _place(verdict, fresh, known, now, settings)
    return verdict


def _place(verdict: Verdict, fresh: list[DueAlert], known: Known, now: datetime, settings: AlertingSettings) -> None:
    """Put what is to be told alone, together, or off."""
    new = {one.related_entity for one in fresh}
    if known.untold >= settings.flood_streams:
        verdict.held = fresh
    elif len(new | known.streams) <= settings.flood_streams:
        verdict.alone = fresh
    elif not _is_time(fresh, len(new) > settings.flood_streams, known, now, settings):
        verdict.held = fresh
    elif len(fresh) == 1:
        verdict.alone = fresh
    else:
        verdict.together = fresh


def _is_time(fresh: Sequence[DueAlert], burst: bool, known: Known, now: datetime, settings: AlertingSettings) -> bool:
    """Return whether a flood's summary is to be written now: at once for a burst, else when one has waited enough."""
    distance = timedelta(seconds=settings.summary_seconds)
    recent = known.last_summary is not None and timedelta(0) <= now - known.last_summary < distance
    return (burst and not recent) or now - min(one.detected_at for one in fresh) >= distance
