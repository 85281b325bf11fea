"""Settings of the online detector for metric series."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SeriesSettings(BaseModel):
    """When a metric is abnormal, and which series are watched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="watch metric series")
    threshold: float = Field(
        default=0.5, gt=0, lt=1, description="score from which a point is an anomaly; lower finds more and errs more"
    )
    rest_hours: float = Field(
        default=20.0, gt=0, le=720, description="time in which the bar that an alarm sets for the next one halves"
    )
    learn_points: int = Field(default=50, ge=20, le=10_000, description="points of a series before it is judged")
    memory_points: int = Field(
        default=20_000,
        ge=1000,
        description="points after which half of what was learnt about rarity is forgotten; of a series with more than "
        "one point in 5 minutes as many as come in that time",
    )
    max_series: int = Field(
        default=100_000, ge=1, le=1_000_000, description="series watched, about 5 KiB each; the least recent one goes"
    )
    ignore: tuple[str, ...] = Field(
        default=("*_bucket", "*_created"), description="names of metrics that are not watched; * stands for anything"
    )
    counters: tuple[str, ...] = Field(
        default=("*_total", "*_count", "*_sum"), description="names of metrics that only grow: their rate is judged"
    )
    snapshot_seconds: float = Field(
        default=300.0, ge=1, le=86_400, description="a crash forgets at most so much of what was learnt (event time)"
    )
