"""How costs are judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.errors import BadSetting

METHODS: Final = ("ecod", "ratio", "stddev", "trend", "luminol")
PATTERNS: Final = ("day_of_week", "trend", "month_cycle", "service_profile")
WEIGHTS: Final[dict[str, float]] = {"ecod": 0.40, "ratio": 0.25, "stddev": 0.25, "trend": 0.10, "luminol": 0.10}
Method = Literal["ecod", "ratio", "stddev", "trend", "luminol"]
KNOWN: Final[dict[str, str]] = {
    "BDP_DETECTION_METHODS": "detection_methods",
    "BDP_ENSEMBLE_WEIGHTS": "ensemble_weights",
    "BDP_PATTERN_RECOGNITION": "pattern_recognition",
    "BDP_PATTERN_MODE": "pattern_mode",
}
"""Short names of settings in the environment; weaker than the long ones."""


class Budget(BaseModel):
    """Money that is not to be exceeded in a calendar month."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100, description="what people call it")
    amount: float = Field(gt=0, description="for one calendar month (UTC)")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="ISO 4217 code")
    account: str = Field(default="", description="id of an account; empty: all")
    service: str = Field(default="", description="what is billed; empty: all")


class CostSettings(BaseModel):
    """How daily costs are judged, forecast and held against budgets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="judge costs as they come in; reports are made all the same")
    detection_methods: tuple[Method, ...] = Field(
        default=METHODS, min_length=1, description="methods that take part; one that is not installed is left out"
    )
    ensemble_weights: dict[Method, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={},
        description="weight of each method, made to add up to 1 over those that ran; empty: "
        + ", ".join(f"{name} {weight:g}" for name, weight in WEIGHTS.items()),
    )
    threshold: float = Field(default=0.5, gt=0, le=1, description="confidence from which a day is an anomaly")
    sensitivity: float = Field(
        default=0.1, ge=0, le=2, description="0 to 2; a z-score counts from 3 minus this, the other methods follow"
    )
    pattern_recognition: bool = Field(default=True, description="lower the confidence where a rise is expected")
    pattern_mode: Literal["active", "shadow"] = Field(
        default="active", description="shadow: what patterns would change is recorded, but does not decide"
    )
    shadow_methods: tuple[Method, ...] = Field(
        default=(), description="methods that run and are recorded, but do not decide"
    )
    least_impact: float = Field(
        default=1.0, ge=0, description="money above what was expected, below which nobody is told; in each currency"
    )
    cost: Literal["billed", "effective"] = Field(
        default="billed", description="which cost is judged; effective spreads what was paid ahead over its use"
    )
    window_days: int = Field(default=90, ge=14, le=400, description="history that a day is held against")
    least_days: int = Field(default=7, ge=3, le=60, description="days of history below which nothing is judged")
    review_days: int = Field(default=7, ge=1, le=60, description="newest days that are judged when costs come in")
    forecast_days: int = Field(default=30, ge=1, le=365, description="days ahead")
    forecast_level: float = Field(default=0.9, gt=0, lt=1, description="share of days that the interval is to hold")
    budgets: tuple[Budget, ...] = Field(default=(), description="budgets by calendar month")

    @property
    def weights(self) -> dict[str, float]:
        """Weights of the methods that take part; those of them that ran are to add up to 1."""
        given: Mapping[str, float] = dict(self.ensemble_weights.items()) or WEIGHTS
        return {name: given[name] for name in self.detection_methods if given.get(name)}

    @model_validator(mode="after")
    def _some_weight(self) -> CostSettings:
        if not self.weights:
            raise ValueError("ensemble_weights: none of the detection_methods has a weight above 0")
        return self


def read(name: str, text: str) -> Any:
    """Return the value of a setting from the text of its short name: a list with commas or as JSON, a table as JSON.

    Raises:
        BadSetting: it is no JSON.
    """
    try:
        if name == "BDP_ENSEMBLE_WEIGHTS" or (name == "BDP_DETECTION_METHODS" and text.lstrip().startswith("[")):
            return json.loads(text)
    except ValueError as error:
        raise BadSetting(f"The environment variable {name} holds no JSON: {error}.", "Correct it.") from error
    return [item.strip() for item in text.split(",")] if name == "BDP_DETECTION_METHODS" else text
