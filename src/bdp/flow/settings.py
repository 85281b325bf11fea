"""Settings of the durable engine, of the incident's workflow and of shadow detection; reading them starts none."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bdp.detect.burst.detector import BurstSettings
from bdp.detect.fabric.settings import FabricSettings
from bdp.detect.series.settings import SeriesSettings


class EngineSettings(BaseModel):
    """How the durable engine polls, waits and forgets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr = Field(
        default=SecretStr(""), description="sqlite:///PATH or postgresql://…; empty: workflows.db in the home"
    )
    executor_id: str = Field(default="bdp-0", min_length=1, description="stable name of this worker across restarts")
    look_seconds: float = Field(
        default=1.0, ge=0.01, le=60, description="how often answers to questions, and their deadlines, are looked for"
    )
    lease_seconds: float = Field(
        default=30.0,
        ge=0.1,
        le=3600,
        description="a worker not heard of for so long is gone, and others go on with its work; keep it over "
        "`watchdog_seconds`",
    )
    watchdog_seconds: float = Field(default=15.0, ge=0.05, le=600, description="how often stranded work is looked for")
    stranded_seconds: float = Field(
        default=30.0, ge=0, le=3600, description="pending work that nothing runs for so long is resumed"
    )
    close_seconds: float = Field(default=10.0, ge=0, le=120, description="how long closing waits for running steps")
    max_restarts: int = Field(default=1000, ge=1, description="a workflow restarted more often is handed over")
    keep_days: int = Field(default=30, ge=1, description="finished workflows are forgotten after this time")
    steps_at_once: int = Field(
        default=8, ge=1, le=256, description="more wait their turn; SQLite has one writer anyway"
    )
    step_patience_seconds: float = Field(default=60.0, ge=0, description="how long a step repeats errors that may pass")


class WorkflowSettings(BaseModel):
    """How an incident is worked on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    approval_seconds: float = Field(default=3600.0, gt=0, le=7 * 86400, description="how long a person may think")
    verify_after_seconds: float = Field(default=60.0, ge=0, le=86400, description="from the act to asking if it helped")
    undo_useless: bool = Field(default=True, description="take back what was done and did not help, where possible")
    max_replans: int = Field(default=3, ge=0, le=10, description="further analyses after the first, then a person")
    hand_over_patience_seconds: float = Field(
        default=3600.0, ge=0, description="how long handing over is tried while the state database is away"
    )
    engine: EngineSettings = Field(default=EngineSettings(), description="the durable engine")


class ShadowSettings(BaseModel):
    """Settings of detection to try beside the live ones; what is not given is as it is live. Empty: off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    detect: dict[str, Any] = Field(default={}, description="settings of `[detect]` that differ")
    series: dict[str, Any] = Field(default={}, description="settings of `[series]` that differ")
    fabric: dict[str, Any] = Field(default={}, description="settings of `[fabric]` that differ")

    @property
    def given(self) -> dict[str, dict[str, Any]]:
        """What is set, by room."""
        rooms = {"detect": self.detect, "series": self.series, "fabric": self.fabric}
        return {name: room for name, room in rooms.items() if room}


class Detection(NamedTuple):
    """All settings that detection works by."""

    detect: BurstSettings
    series: SeriesSettings
    fabric: FabricSettings
