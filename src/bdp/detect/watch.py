"""All detectors as one: what the pipeline shows its records to.

events  -> bursts ------------------------------> anomalies
metrics -> fabric, series, edges -> insights ---> anomalies of the same incident list (`trouble`)
           fabric -----------------------------> inquiries: samples that a model is to be asked about
changes -> fabric (maintenance)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bdp.detect.burst.detector import BurstDetector, BurstSettings
from bdp.detect.fabric.detector import FabricDetector
from bdp.detect.fabric.sample import SLOTS
from bdp.detect.fabric.settings import FabricSettings
from bdp.detect.series.detector import SeriesDetector
from bdp.detect.series.edges import EdgeDetector
from bdp.detect.series.settings import SeriesSettings
from bdp.detect.trouble import Troubles
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyKind, AnomalyProgress
from bdp.model.change import Change
from bdp.model.event import EventSignal
from bdp.model.inquiry import Inquiry
from bdp.model.insight import Insight
from bdp.model.metric import MetricPoint

Finding = Anomaly | AnomalyEnd | AnomalyProgress | Insight | Inquiry


class Watch:
    """Shows records to every detector that has to do with them, and gathers what they find.

    Args:
        inquiring: also say what a model is to be asked about the fabric's samples.
    """

    def __init__(
        self,
        bursts: BurstSettings,
        series: SeriesSettings | None = None,
        fabric: FabricSettings | None = None,
        *,
        inquiring: bool = False,
    ) -> None:
        self.bursts = BurstDetector(bursts)
        self.series = SeriesDetector(series or SeriesSettings())
        self.edges = EdgeDetector()
        self.fabric = FabricDetector(fabric or FabricSettings(), inquiring=inquiring)
        self.troubles = Troubles()
        self._parts = (self.bursts, self.series, self.edges, self.fabric, self.troubles)

    def observe(
        self, signals: Sequence[EventSignal] = (), points: Sequence[MetricPoint] = (), changes: Sequence[Change] = ()
    ) -> list[Finding]:
        """Take in one micro-batch, in any order inside, and return what it raises, closes or lets grow."""
        found: list[Finding] = []
        if signals:
            found += self.bursts.observe(signals)
            found += self.bursts.progress()
        if points or changes:
            found += self._told(self.fabric.observe(points, changes), AnomalyKind.FABRIC)
            # Fabric samples have rules of their own; the same values would else be told twice.
            others = [point for point in points if point.name not in SLOTS or not self.fabric.holds(point.entity)]
            odd = [*self.series.observe(others), *self.edges.observe(others)]
            found += self._told(sorted(odd, key=lambda insight: insight.timestamp), AnomalyKind.METRIC)
        if points:
            newest = max(point.ts for point in points)
            found += self._told(self.fabric.advance(newest), AnomalyKind.FABRIC)
            found += self.troubles.advance(newest)
        return found + self.fabric.inquiries()

    def advance(self, watermark: datetime) -> list[Finding]:
        """Let event time pass without records and return what that raises or closes."""
        found: list[Finding] = [*self.bursts.advance(watermark)]
        found += self._told(self.fabric.advance(watermark), AnomalyKind.FABRIC)
        found += self.troubles.advance(watermark)
        return found + self.fabric.inquiries()

    def finish(self) -> list[Finding]:
        """The bounded input is over: judge what waits, close what is open."""
        self.series.save_all()
        found: list[Finding] = [*self.bursts.finish()]
        found += self._told(self.fabric.finish(), AnomalyKind.FABRIC)
        found += self.troubles.finish()
        return found + self.fabric.inquiries()

    def changed_rows(self) -> dict[str, bytes | None]:
        """Return the rows that changed since the last call; None deletes."""
        rows: dict[str, bytes | None] = {}
        for part in self._parts:
            rows |= part.changed_rows()
        return rows

    def restore(self, rows: Mapping[str, bytes]) -> None:
        """Take over the state that `changed_rows` described."""
        for part in self._parts:
            part.restore(rows)

    def save_all(self) -> None:
        """Let the next `changed_rows` return all that was learnt, not only what is due."""
        self.series.save_all()

    def _told(self, insights: Sequence[Insight], kind: AnomalyKind) -> list[Finding]:
        return [*insights, *self.troubles.observe(insights, kind)]
