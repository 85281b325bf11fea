"""What a reader of costs must know beside the figures: of the data, or why there are none."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from bdp.cli.cost_labels import label
from bdp.cli.cost_panel import paragraphs
from bdp.cli.screen import hanging
from bdp.model.cost_result import CostReport
from bdp.model.noun import Language


def heading(text: str) -> Text:
    """Return the line above a part."""
    return Text(f"\n{text}", "bold")


def notes(report: CostReport, language: Language) -> Iterator[RenderableType]:
    """Yield what a reader of the figures must know of the data."""
    if report.notes:
        yield heading(label("notes", language))
        yield from _hanging(report, language)


def nothing(report: CostReport, language: Language, *, files: bool) -> Iterator[RenderableType]:
    """Say that there are no costs, and why; or what to give."""
    yield Text(label("no_costs", language))
    if report.notes:
        yield from _hanging(report, language)
        return
    yield Text(label("teach_files" if files else "teach_home", language), "dim")


def _hanging(report: CostReport, language: Language) -> Iterator[RenderableType]:
    return (hanging(Text("!", "yellow"), paragraphs(note.worded("text", language))) for note in report.notes)
