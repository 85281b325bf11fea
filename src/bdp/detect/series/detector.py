"""The detector of metric series as the pipeline uses it: points in, insights out, state in rows.

    points -> rows of the bank (`roster`) -> rounds of one point a series -> rates of counters -> bank -> insights

A series is told again while its anomaly goes on only when it reaches a higher class of risk.

State: a row of the journal a series, written when an anomaly begins or ends and else every `snapshot_seconds` of the
series' time, spread over that time, so that what a crash takes away is the learning of minutes and never an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bdp.detect.series import counter
from bdp.detect.series.bank import SIGNALS, SeriesBank, Verdicts
from bdp.detect.series.columns import Columns
from bdp.detect.series.reason import why
from bdp.detect.series.roster import Key, Names, Roster, hashed, key_of
from bdp.detect.series.settings import SeriesSettings
from bdp.model.insight import TTL, Insight, InsightSource, PredictionType
from bdp.model.metric import BAND_HIGH, BAND_LOW, MetricPoint

_ROW: Final = "series/"
_FIRST_ROWS: Final = 256
_MOST_AT_ONCE: Final = 2000
"""Rows that one call returns beside the urgent ones: 12 MiB."""
_SPREAD: Final = 0.618034
"""Golden ratio: however many series begin at once, their snapshots are spread evenly over time."""
RISKS: Final = ((0.5, 45), (0.6, 60), (0.75, 70), (0.9, 79))
"""Score -> risk. One odd series is never critical by itself: that takes a rule that knows what the metric means."""
_SCORES: Final = np.array([score for score, _ in RISKS])
_EXTRA: Final = {
    "grows": ((), np.bool_, False),
    "told": ((), np.uint8, 0),
    "saved": ((), np.float64, -np.inf),
    **counter.layout(),
}
_ADVICE: Final = (
    "Look at what changed around this time: deploys, configuration, traffic, neighbours on the same machine.",
    "Compare with the other metrics of the same entity; several that turn together point to the cause.",
    "If this is the new normal, nothing is to be done: the detector learns it by itself.",
)


class SeriesDetector:
    """Finds what is abnormal in metric series, in any cut of their points into micro-batches."""

    def __init__(self, settings: SeriesSettings) -> None:
        self._settings = settings
        self._ignored, self._counters = Names(settings.ignore), Names(settings.counters)
        self.evicted = 0
        """Series that were forgotten because there were too many."""
        self._begin()

    def _begin(self) -> None:
        rows = min(_FIRST_ROWS, self._settings.max_series)
        self._bank = SeriesBank(self._settings, rows)
        self._extra = Columns(_EXTRA, rows)
        self._roster = Roster()
        self._units: dict[int, str] = {}
        self._present: set[int] = set()
        self._touched: set[int] = set()
        self._urgent: set[int] = set()
        self._gone: set[str] = set()

    @property
    def series(self) -> int:
        """Series held now."""
        return len(self._roster)

    def observe(self, points: Sequence[MetricPoint]) -> list[Insight]:
        """Take in one micro-batch, in any order inside, and return what it raises, by time.

        Points that are not later than the newest of their series are not judged and not learnt.
        """
        if not self._settings.enabled:
            return []
        watched = [point for point in points if self._watches(point)]
        found: list[Insight] = []
        # No more series at once than are kept: else one of this batch would lose its row to another.
        for begin in range(0, len(watched), self._settings.max_series):
            found += self._observe(watched[begin : begin + self._settings.max_series])
        return sorted(found, key=lambda insight: (insight.timestamp, insight.entity_id))

    def changed_rows(self) -> dict[str, bytes | None]:
        """Return the rows that are due to be written since the last call; None deletes."""
        due = self._urgent | self._due()
        self._touched -= due
        self._urgent = set()
        rows: dict[str, bytes | None] = dict.fromkeys(self._gone)
        self._gone = set()
        for row in due:
            key = self._roster.keys[row]
            if key is not None:
                self._extra["saved"][row] = self._bank.columns["ts"][row]
                state = (key, self._bank.columns.dump(row), self._extra.dump(row), self._units.get(row, ""))
                rows[_ROW + hashed(key)] = msgspec.msgpack.encode(state)
        return rows

    def restore(self, rows: Mapping[str, bytes]) -> None:
        """Take over the state that `changed_rows` described; rows of others, and of another layout, are left alone."""
        self._begin()
        for name, data in rows.items():
            if name.startswith(_ROW) and len(self._roster) < self._settings.max_series:
                key, state, extra, unit = msgspec.msgpack.decode(data, type=tuple[Key, bytes, bytes, str])
                row = self._admit(key)
                if not (self._bank.columns.load(row, state) and self._extra.load(row, extra)):
                    self._bank.columns.clear(np.array([row]))
                    self._extra.clear(np.array([row]))
                # By the present settings, whatever they were when it was saved.
                self._extra["grows"][row] = key[0] in self._counters
                self._units[row] = unit
        self._gone = set()

    def save_all(self) -> None:
        """Let the next `changed_rows` return every series that has learnt something."""
        self._urgent |= self._touched

    def _watches(self, point: MetricPoint) -> bool:
        return not point.name.endswith((BAND_LOW, BAND_HIGH)) and point.name not in self._ignored

    def _observe(self, points: Sequence[MetricPoint]) -> list[Insight]:
        self._present.clear()
        rows = np.fromiter((self._row(point) for point in points), dtype=np.intp, count=len(points))
        ts = np.fromiter((point.ts.timestamp() for point in points), dtype=np.float64, count=len(points))
        values = np.fromiter((point.value for point in points), dtype=np.float64, count=len(points))
        self._touched.update(rows.tolist())
        found: list[Insight] = []
        for chosen in _rounds(rows, ts):
            judged = self._rates(rows[chosen], ts[chosen], values[chosen])
            verdicts = self._bank.observe(rows[chosen], ts[chosen], judged)
            found += self._tell(rows[chosen], ts[chosen], judged, verdicts)
        return found

    def _rates(
        self, rows: NDArray[np.intp], ts: NDArray[np.float64], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        growing = self._extra["grows"][rows]
        if not growing.any():
            return values
        judged = values.copy()
        judged[growing] = counter.rates(self._extra, rows[growing], ts[growing], values[growing])
        return judged

    def _tell(
        self, rows: NDArray[np.intp], ts: NDArray[np.float64], values: NDArray[np.float64], verdicts: Verdicts
    ) -> list[Insight]:
        """Return insights for anomalies that begin, or reach a higher class."""
        told = self._extra["told"]
        told[rows[verdicts.closed]] = 0
        reached = np.searchsorted(_SCORES, verdicts.score, side="right").astype(np.uint8)
        # At a threshold below the first class an anomaly is of the first class all the same.
        reached = np.where(verdicts.opened, np.maximum(reached, 1), reached)
        news = np.flatnonzero(verdicts.is_anomaly & (reached > told[rows]))
        told[rows[news]] = reached[news]
        self._urgent.update(rows[news].tolist(), rows[verdicts.closed].tolist())
        return [self._insight(int(rows[i]), float(ts[i]), float(values[i]), verdicts, int(i)) for i in news]

    def _insight(self, row: int, ts: float, value: float, verdicts: Verdicts, i: int) -> Insight:
        key = self._roster.keys[row] or ("", "")
        at = datetime.fromtimestamp(ts, UTC)
        score = float(verdicts.score[i])
        text = why(
            SIGNALS[verdicts.reason[i]],
            int(verdicts.direction[i]),
            value=value,
            low=float(verdicts.expected_low[i]),
            high=float(verdicts.expected_high[i]),
            nearest=float(verdicts.nearest[i]),
            unit=self._unit(row, key),
        )
        entity = key[1] or key[0]
        return Insight(
            entity_id=f"alert_{entity}/{key[0]}_{hashed(key)[:8]}_{int(ts)}",
            timestamp=at,
            prediction_type=PredictionType.ANOMALY_DETECTED,
            risk_score=max((risk for bound, risk in RISKS if score >= bound), default=RISKS[0][1]),
            explanation=f"{_shown(key)}: {text}",
            recommendations=_ADVICE,
            confidence=round(min(score, 0.99), 2),
            model_used="rules",
            source=InsightSource.RULES,
            related_entity=entity,
            ttl=at + TTL,
        )

    def _unit(self, row: int, key: Key) -> str:
        unit = self._units.get(row, "")
        return f"{unit}/s" if key[0] in self._counters else unit

    def _row(self, point: MetricPoint) -> int:
        key = key_of(point)
        row = self._roster.rows.get(key)
        if row is None:
            if len(self._roster) >= self._settings.max_series:
                self._evict()
            row = self._admit(key)
            waited = row * _SPREAD % 1 * self._settings.snapshot_seconds
            self._extra["saved"][row] = point.ts.timestamp() - waited
            if point.unit:
                self._units[row] = point.unit[:40]
        self._present.add(row)
        return row

    def _admit(self, key: Key) -> int:
        row = self._roster.admit(key)
        if row >= self._bank.columns.rows:
            rows = min(max(2 * row, _FIRST_ROWS), max(self._settings.max_series, row + 1))
            self._bank.columns.grow(rows)
            self._extra.grow(rows)
        self._extra["grows"][row] = key[0] in self._counters
        return row

    def _evict(self) -> None:
        """Forget the series that were silent longest, one in a hundred at a time; none of the present batch."""
        absent = (row for row in self._roster.rows.values() if row not in self._present)
        held = np.fromiter(absent, dtype=np.intp)
        many = min(len(held), max(1, self._settings.max_series // 100))
        chosen = held[np.argpartition(self._bank.columns["ts"][held], many - 1)[:many]]
        for row in chosen.tolist():
            self._gone.add(_ROW + hashed(self._roster.release(row)))
            self._units.pop(row, None)
            self._touched.discard(row)
            self._urgent.discard(row)
        self._bank.columns.clear(chosen)
        self._extra.clear(chosen)
        self.evicted += len(chosen)

    def _due(self) -> set[int]:
        """Return the rows that were not written for long, the longest first, no more than one commit should carry."""
        touched = np.fromiter(self._touched, dtype=np.intp, count=len(self._touched))
        age = self._bank.columns["ts"][touched] - self._extra["saved"][touched]
        due = np.flatnonzero(age >= self._settings.snapshot_seconds)
        if len(due) > _MOST_AT_ONCE:
            due = due[np.argpartition(-age[due], _MOST_AT_ONCE)[:_MOST_AT_ONCE]]
        return set(touched[due].tolist())


def _rounds(rows: NDArray[np.intp], ts: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Cut a batch into rounds in which each series has one point, the earliest first."""
    if not len(rows):
        return []
    order = np.lexsort((ts, rows))
    sorted_rows = rows[order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_rows[1:] != sorted_rows[:-1]]))
    lengths = np.diff(np.append(starts, len(rows)))
    place = np.arange(len(rows)) - np.repeat(starts, lengths)
    by_round = np.argsort(place, kind="stable")
    cuts = np.cumsum(np.bincount(place))[:-1]
    return [order[part] for part in np.split(by_round, cuts)]


def _shown(key: Key) -> str:
    """Return a series as people read it."""
    labels = ", ".join(f"{name}={value}" for name, value in zip(key[2::2], key[3::2], strict=True))
    where = f" of {key[1]}" if key[1] else ""
    return f"{key[0]}{where}{f' ({labels[:200]})' if labels else ''}"
