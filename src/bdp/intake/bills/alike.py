"""Files of one reading that seem to tell the same costs twice, such as the actual and the amortised export of a bill.

Two forms of one bill have the same usage at the same prices, so that most of their cells (one period of one account,
service, resource and meter) cost exactly the same, however much their reservations differ. Parts of one report have
no cells in common, or different sums in them: parts by account or by hour share none, parts by row count those at their
edges. What costs the same in all its cells, such as ten equal disks, tells nothing; so sums must differ among
themselves.

Memory is bounded: of large readings a sample of cells is kept, the same ones of every file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from math import isclose
from typing import Final
from zlib import crc32

from bdp.model.cost import CostLine

_CELLS: Final = 20_000
"""Cells that are kept, counted once for each file that has them."""
_FILES: Final = 8
"""Files that a cell is kept of."""
_LEAST: Final = 10
_LEAST_SUMS: Final = 5
"""Sums that must be different ones."""
_OF_SHARED: Final = 0.5
_OF_SMALLER: Final = 0.25
_TOLD: Final = 5
_EXACT: Final = 1e-9
"""Sums of the same costs in another order may differ by so much."""
_SCATTER: Final = 2654435761
_Cell = tuple[int, str, str, str, str, str, str]


@dataclass(frozen=True)
class Alike:
    """Two files that seem to be two forms of one bill.

    Attributes:
        files: their labels.
        share: of the costs that both have, those that are equal.
    """

    files: tuple[str, str]
    share: float

    @property
    def text(self) -> str:
        """Say what was seen, and what to do."""
        one, other = self.files
        return (
            f"{one} and {other} seem to be two forms of one bill, such as its actual and its amortised export: "
            f"{self.share:.0%} of the costs that both have are the same in both. They were added up, so totals may be "
            "twice what was charged. If they are, give one of them alone; in a home it takes the place of both on its "
            "days."
        )

    @property
    def text_ko(self) -> str:
        """Say the same in Korean."""
        one, other = self.files
        return (
            f"{one} 파일과 {other} 파일은 한 청구서의 두 형태(예: 실제 비용과 상각 비용 내보내기)로 보입니다: "
            f"두 파일에 모두 있는 비용의 {self.share:.0%}가 서로 같습니다. 두 파일을 더했으므로 합계가 실제 청구액의 "
            "두 배일 수 있습니다. 같은 청구서라면 하나만 주십시오. 홈에서는 그 파일의 날짜에 대해 두 파일을 대신합니다."
        )


@dataclass
class Sample:
    """What cells cost in each file.

    Attributes:
        held: sums that are kept.
    """

    _costs: dict[_Cell, dict[str, float]] = field(default_factory=dict)
    held: int = 0
    _mask: int = 0

    def add(self, label: str, lines: Sequence[CostLine]) -> None:
        """Take in lines of a file."""
        mask = self._mask
        places = {start: _place(start) for start in {line.charge_period_start for line in lines}}
        for line in lines:
            at = places[line.charge_period_start]
            if mask and crc32((line.resource_id or line.sku_meter).encode(), at) & mask:
                continue
            cell = (
                at, line.billing_account_id, line.sub_account_id, line.service_name, line.resource_id, line.sku_meter,
                line.billing_currency,
            )  # fmt: skip
            costs = self._costs.get(cell)
            if costs is None:
                costs = self._costs[cell] = {}
            if label in costs:
                costs[label] += line.billed_cost
            elif len(costs) < _FILES:
                costs[label] = line.billed_cost
                self.held += 1
        while self.held > _CELLS and self._mask < 2**31:
            self._thin()

    def _thin(self) -> None:
        """Keep about half of the cells."""
        self._mask = self._mask * 2 + 1
        self._costs = {cell: costs for cell, costs in self._costs.items() if not _mark(cell) & self._mask}
        self.held = sum(map(len, self._costs.values()))

    def alike(self) -> Sequence[Alike]:
        """Return the files that seem to be of one bill, those with the most equal costs first."""
        size, shared, equal = Counter[str](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        sums: dict[tuple[str, str], set[float]] = {}
        for costs in self._costs.values():
            there = {label: cost for label, cost in costs.items() if cost}
            size.update(there.keys())
            for pair in combinations(sorted(there), 2):
                shared[pair] += 1
                if isclose(there[pair[0]], there[pair[1]], rel_tol=_EXACT):
                    equal[pair] += 1
                    sums.setdefault(pair, set()).add(round(there[pair[0]], 9))
        found = [
            Alike(pair, count / shared[pair])
            for pair, count in equal.most_common()
            if count >= max(_LEAST, _OF_SHARED * shared[pair], _OF_SMALLER * min(size[label] for label in pair))
            and len(sums[pair]) >= _LEAST_SUMS
        ]
        return found[:_TOLD]


def _place(start: datetime) -> int:
    """Return a number below 2**32 for the hour of a start, of which each bit differs from hour to hour."""
    return int(start.timestamp() // 3600) * _SCATTER % 2**32


def _mark(cell: _Cell) -> int:
    """Return what tells whether a cell is in the sample; the same in every run."""
    at, *_, resource, meter, _ = cell
    return crc32((resource or meter).encode(), at)
