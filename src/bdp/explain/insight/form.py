"""The form of a model's answer. It is lenient, so that one bad item does not spoil its neighbours; see `sheet.py`."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field

from bdp.model.insight import PredictionType

NORMAL: Final = "normal"
"""In the place of a prediction type: nothing is wrong."""
TYPES: Final = (*(kind.value for kind in PredictionType), NORMAL)
LONGEST_EXPLANATION: Final = 600
LONGEST_STEP: Final = 240
FEWEST_STEPS, MOST_STEPS = 2, 4


class Judged(BaseModel):
    """What a model says of one item."""

    id: str = Field(description="id of the item")
    prediction_type: str = Field(json_schema_extra={"enum": list(TYPES)})
    risk_score: float = Field(description="0 to 100")
    explanation: str = Field(description="one or two sentences")
    recommendations: list[str] = Field(description="2 to 4 steps")
    confidence: float = Field(description="0 to 1")


class Judgements(BaseModel):
    """What a model says of all items."""

    answers: list[Judged]
