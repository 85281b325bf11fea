"""Inquiries: a sample that a model is asked about, with the figures that it may speak of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from bdp.model.insight import Insight, InsightSource, Opinion
from bdp.model.noun import Noun


class Measure(Noun):
    """One figure of a sample.

    Attributes:
        name: such as `latency_p99`.
        unit: as people write it: `µs`, `%`, `Gbit/s`; empty for a count.
        baseline: what is usual here, in the same unit; None while unknown.
        reference: what is usual anywhere, such as `< 5` or `40-70`; empty if there is none.
        stands_out: a rule speaks of it, or it is far from what is usual: why the question is asked.
    """

    name: str
    value: float
    unit: str = ""
    baseline: float | None = None
    reference: str = ""
    stands_out: bool = False


class Inquiry(Noun):
    """A question about one sample of one stream or port.

    Attributes:
        inquiry_id: that of the insight it is about; `ask_<stream>_<epoch seconds>` where the rules raised none.
        timestamp: of the sample (event time, UTC).
        measures: everything that an answer may quote.
        insight: what the rules say; None where they say nothing.
        maintenance: reference of a maintenance that goes on there; empty if none does.
        deadline: until when an answer is of use (UTC); set where the question is kept.
    """

    inquiry_id: str
    related_entity: str
    timestamp: datetime
    measures: tuple[Measure, ...]
    insight: Insight | None = None
    maintenance: str = ""
    deadline: datetime | None = None


class Advice(Noun):
    """How a question ended.

    Attributes:
        source: who decides in the end.
        opinion: what the model said; None where none answered.
        reason: why no model's word counts, see `bdp.model.spending.Reason`; `unsure` below the bound of confidence.
        nano_usd: this question's share of what its answer cost.
        tokens: its share of the tokens, prompt and answer.
        insight: as it is to be kept from now on; None: there is nothing to raise.
    """

    source: InsightSource
    opinion: Opinion | None = None
    reason: str = ""
    nano_usd: Annotated[int, Field(ge=0)] = 0
    tokens: Annotated[int, Field(ge=0)] = 0
    insight: Insight | None = None


class InquiryCounts(Noun):
    """How questions were answered.

    Attributes:
        sources: how many by who decided.
        reasons: those that were left to the rules, by reason.
        waiting: not answered yet.
        nano_usd: for the answers that came; what was paid for answers of no use is in no question.
    """

    sources: dict[InsightSource, int]
    reasons: dict[str, int]
    waiting: int
    nano_usd: int
