"""How far models and rules agree on the insights of a stretch, from what is kept of both: nothing is asked again.

An insight that a model decided has the rules' opinion beside it; one that the rules decided has a model's, where one
was asked and answered. Both speak of the very same sample, so they are paired by the insight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from bdp.errors import BadRequest
from bdp.flow.comparison import Comparison, Judgement, compared
from bdp.flow.finding import MOST, too_many
from bdp.model.inquiry import InquiryCounts
from bdp.model.insight import Insight, InsightFilter, InsightSource, Opinion
from bdp.model.noun import Noun
from bdp.ports import Inquiries, Insights

RULES: Final = "rules"
MODEL: Final = "model"
_PAGE: Final = 1000


class Concord(Noun):
    """Rules and models held against each other.

    Attributes:
        sources: insights of the stretch by who decided.
        calm: of these, how many a model saw nothing wrong in; they are none of the second's judgements.
        comparison: first the rules, second the models.
        inquiries: questions closed since the stretch began (wall time), by who decided and why.
        fallback_percent: of these, the share that was left to the rules; None without any.
    """

    sources: dict[InsightSource, int]
    calm: int
    comparison: Comparison
    inquiries: InquiryCounts
    fallback_percent: float | None


def concord(insights: Insights, inquiries: Inquiries, since: datetime, until: datetime, entity: str = "") -> Concord:
    """Return how far models and rules agree on insights from `since` up to but not including `until` (event time).

    Args:
        entity: only of this stream or port.

    Raises:
        BadRequest: the range is empty, or holds too many insights.
    """
    if since >= until:
        raise BadRequest("The range ends before it begins.", "Give --from before --to.")
    wanted = InsightFilter(since=since, until=until, related_entity=entity or None)
    found = list(_all(insights, wanted))
    first = [one for insight in found if (one := _judgement(insight, RULES))]
    second = [one for insight in found if (one := _judgement(insight, MODEL))]
    counts = inquiries.counts(since)
    closed = sum(counts.sources.values())
    left = counts.sources.get(InsightSource.RULES, 0)
    return Concord(
        sources={source: sum(one.source is source for one in found) for source in InsightSource},
        calm=sum(1 for one in found if one.beside is not None and one.beside.prediction_type is None),
        comparison=compared((RULES, MODEL), first, second),
        inquiries=counts,
        fallback_percent=round(100 * left / closed, 1) if closed else None,
    )


def _all(insights: Insights, wanted: InsightFilter) -> Iterator[Insight]:
    count, cursor = 0, ""
    while True:
        page = insights.recent(wanted, _PAGE, cursor)
        count += len(page.insights)
        if count > MOST:
            raise too_many("insights")
        yield from page.insights
        cursor = page.next
        if not cursor:
            return


def _judgement(insight: Insight, source: str) -> Judgement | None:
    """Return what one source says of an insight's sample; None where it says nothing, or sees nothing wrong."""
    for said in _said(insight):
        if said.prediction_type is not None and (said.source is InsightSource.RULES) is (source == RULES):
            return Judgement(
                source=source,
                subject=(insight.entity_id,),
                start=insight.timestamp,
                prediction_type=said.prediction_type,
                risk=said.risk_score,
                confidence=said.confidence,
                explanation=said.explanation,
            )
    return None


def _said(insight: Insight) -> Iterable[Insight | Opinion]:
    return (insight,) if insight.beside is None else (insight, insight.beside)
