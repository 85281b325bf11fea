"""What is live beside what runs in the shadow, for costs."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli.cost_labels import label, word
from bdp.cli.cost_notes import heading, notes
from bdp.cli.money import figure, stretch
from bdp.cli.screen import hanging, plain
from bdp.model.cost_result import CostReport, ShadowCount
from bdp.model.noun import Language


def shadow_view(report: CostReport, language: Language) -> Iterator[RenderableType]:
    """Yield how often both agreed, what the differences come to in money, and examples."""
    if not report.shadow:
        yield Text(label("no_shadow", language))
        yield from notes(report, language)
        return
    title = label("shadow", language)
    days = f"  {stretch(report.start, report.end, language)}" if report.start and report.end else ""
    yield Text.assemble((title, "bold"), days)
    yield Text(label("shadow_counts", language), "dim")
    yield Text()
    yield _table(report, language)
    if not any(one.live_only or one.shadow_only for one in report.shadow):
        yield Text(f"\n{label('agree', language)}", "green")
    for one in report.shadow:
        yield from _examples(one, language)
    yield from notes(report, language)


def _table(report: CostReport, language: Language) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", overflow="fold")
    for name in ("both", "live_only", "shadow_only", "money_live", "money_shadow"):
        table.add_column(label(name, language), justify="right")
    for one in report.shadow:
        counts = (f"{count:,}" for count in (one.both, one.live_only, one.shadow_only))
        sums = (figure(amount) for amount in (one.money_live_only, one.money_shadow_only))
        table.add_row(Text(word(plain(one.name), language), "bold"), *counts, *sums)
    return table


def _examples(one: ShadowCount, language: Language) -> Iterator[RenderableType]:
    if one.examples:
        yield heading(label("examples", language, name=word(plain(one.name), language)))
        yield from (hanging(Text("·", "dim"), Text(plain(text))) for text in one.examples)
