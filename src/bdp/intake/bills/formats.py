"""Formats of bills: one reader a file; a new one is one file and one line here.

They are told by their columns, in this order, so that what is more particular comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bdp.intake.bills import azure, cost_explorer, cur, daily, focus, oci, wide
from bdp.intake.bills.cells import header_of
from bdp.intake.bills.table import Delivery, Table, plain
from bdp.model.cost import CostLine


@dataclass(frozen=True)
class TableFormat:
    """A bill that is a table.

    Attributes:
        fits: whether these are its columns' names.
        lines: the lines of some of its rows; refused ones are noted in the table.
    """

    fits: Callable[[Sequence[str]], bool]
    lines: Callable[[Table, Delivery], list[CostLine]]


def _having(needed: tuple[tuple[str, ...], ...]) -> Callable[[Sequence[str]], bool]:
    """Return a test for at least one of the names of each group."""
    return lambda names: all(not known.isdisjoint(group) for known in (set(map(plain, names)),) for group in needed)


TABLES: Final[dict[str, TableFormat]] = {
    "focus": TableFormat(_having(focus.NEEDED), focus.lines),
    "aws_cur": TableFormat(_having(cur.NEEDED), cur.lines),
    "azure_costs": TableFormat(_having(azure.NEEDED), azure.lines),
    "oci_costs": TableFormat(_having(oci.NEEDED), oci.lines),
    "cost_wide": TableFormat(wide.fits, wide.lines),
    "cost_table": TableFormat(lambda names: daily.fits(map(plain, names)), daily.lines),
}
COST_EXPLORER: Final = "cost_explorer"
BILLS: Final = (*TABLES, COST_EXPLORER)
"""Every name that `--format` takes for a bill."""
KNOWN: Final = (
    "Bills are FOCUS, AWS CUR, Azure and OCI exports (CSV; FOCUS and CUR as Parquet too), answers of Cost Explorer, "
    "and tables with a column of days and one of costs."
)
_ANSWER = re.compile(rb'"' + cost_explorer.RESULTS.encode() + rb'"\s*:\s*\[')


def is_bill(head: bytes, label: str) -> str:
    """Return the format of the bill that begins so; empty for what is no bill.

    Args:
        head: the first 64 KiB after decompression.
        label: the file's name; nothing is told from it.
    """
    if head.lstrip()[:1] in (b"{", b"["):
        return COST_EXPLORER if _ANSWER.search(head) else ""
    return table_format(header_of(head)[0])


def table_format(names: Sequence[str]) -> str:
    """Return the format of a table with these columns; empty for what is no bill."""
    return next((name for name, format in TABLES.items() if format.fits(names)), "") if len(names) > 1 else ""


def is_table(head: bytes) -> bool:
    """Return whether a text seems to be a table: its first two lines have as many columns, three or more."""
    lines = [line for line in head.split(b"\n") if line.strip()][:2]
    names, delimiter = header_of(head)
    return len(lines) > 1 and len(names) > 2 and len(lines[1].split(delimiter.encode())) >= len(names)
