"""Dedup: does an anomaly open an incident, or is it a repeat of one that is known?

    previous sighting of the signature        the anomaly is
    ----------------------------------        ------------------------------------
    none                                      NEW
    last seen more than 7 days before it      NEW: the memory of it is gone
    last seen at most 1 h before it           REPEAT: counts up, opens nothing, also when it was resolved meanwhile
    last seen longer ago                      NEW: the store closes the quiet one, so one incident a signature is live

Ages are event time. An anomaly that lies before the last sighting (late data) has age 0.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from bdp.model.anomaly import Anomaly, Sighting


class DedupSettings(BaseModel):
    """How long a trouble is remembered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    repeat_seconds: int = Field(
        default=3600, ge=0, description="A repeat this soon after the last sighting only counts up."
    )
    memory_days: int = Field(default=7, ge=1, le=365, description="Days after which a signature is forgotten.")


class Judgement(StrEnum):
    """What an anomaly is to the incidents that exist."""

    NEW = "new"
    REPEAT = "repeat"


def judge(previous: Sighting | None, anomaly: Anomaly, settings: DedupSettings) -> Judgement:
    """Return whether the anomaly opens an incident or counts up a known one.

    Args:
        previous: the latest sighting of the anomaly's signature; None if there is none.
    """
    if previous is None or previous.signature != anomaly.signature:
        return Judgement.NEW
    age = max(timedelta(0), anomaly.detected_at - previous.last_seen)
    if age > timedelta(days=settings.memory_days):
        return Judgement.NEW
    if age <= timedelta(seconds=settings.repeat_seconds):
        return Judgement.REPEAT
    return Judgement.NEW
