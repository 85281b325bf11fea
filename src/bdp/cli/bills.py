"""Where the verbs that judge costs have them from, if not from the home: bills, and costs that a seed makes up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from bdp.cli import screen
from bdp.cli.reading import Named
from bdp.errors import BadRequest
from bdp.ids import Ids

if TYPE_CHECKING:
    from bdp.intake.bills.files import Took
    from bdp.intake.limits import IntakeSettings
    from bdp.model.batch import Batch
    from bdp.model.cost_result import CostReport


_NAMED: Final = 10
_BATCH: Final = 5000


class Bills(Named):
    """The bills that a user named.

    Args:
        format: of all of them; empty to tell each file's by its columns.

    Attributes:
        took: what was found in them so far.
    """

    def __init__(self, paths: list[str], format: str, now: datetime, settings: IntakeSettings) -> None:
        from bdp.intake.bills.files import Took, scan  # type: ignore[import-untyped, unused-ignore]

        super().__init__(paths)
        self._format, self._now, self._settings = format, now, settings
        self.found = scan(paths, settings, format)
        self.took: Took = Took()

    def batches(self) -> Iterator[Batch]:
        """Yield the cost lines of all files, as one delivery.

        Raises:
            BadRequest: there is no bill at all.
        """
        from bdp.intake.bills.files import delivery_at, read_bills

        self._warn()
        if all(info.problem for info in self.found):
            raise BadRequest(
                "None of these paths holds a bill that can be read.",
                "Give FOCUS, AWS CUR, Azure or OCI exports, or Cost Explorer answers, or their folder.",
            )
        delivery = delivery_at(self._now, Ids())
        batches: Iterator[Batch] = read_bills(
            self._paths,
            statement=delivery.statement,
            stated_at=delivery.stated_at,
            now=self._now,
            settings=self._settings,
            format=self._format,
            progress=self._progress,
            took=self.took,
        )
        return batches

    def _warn(self) -> None:
        """Say what is no bill, the first one with the reason."""
        skipped = [info for info in self.found if info.problem]
        for info in skipped[:1]:
            screen.err.print(f"skipped: {screen.plain(info.problem)}")
        others = skipped[1:]
        if others:
            names = ", ".join(screen.plain(info.label) for info in others[:_NAMED])
            more = f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
            screen.err.print(f"skipped as well: {names}{more}")

    def noted(self, report: CostReport) -> CostReport:
        """Return a report of these bills with what is to be known of the files as well."""
        from bdp.model.cost_result import CostNote

        found = [CostNote(kind=one.kind, text=one.text, text_ko=one.text_ko) for one in self.took.remarks]
        if self.took.refused:
            every = f"{self.took.refused + self.took.lines + self.took.repeated:,}"
            english = f"{self.took.refused:,} of {every} lines could not be read: what they cost is in no figure."
            korean = (
                f"{every}행 중 {self.took.refused:,}행을 읽지 못했으며, 그 비용은 어떤 수치에도 들어 있지 않습니다."
            )
            found.insert(0, CostNote(kind="refused", text=english, text_ko=korean))
        return report.model_copy(update={"notes": (*found, *report.notes)})


def made_up(seed: int, now: datetime, settings: IntakeSettings) -> Iterator[Batch]:
    """Yield four months of costs that a seed makes up, with a spike and a step in the last weeks."""
    from bdp.intake.limits import Edge
    from bdp.intake.parcel import Parcel
    from bdp.intake.providers.catalogue import CATALOGUE, COMPUTE  # type: ignore[import-untyped, unused-ignore]
    from bdp.intake.providers.generated import (  # type: ignore[import-untyped, unused-ignore]
        GeneratedCosts,
        GeneratedSettings,
        Planted,
    )
    from bdp.model.batch import RecordKind

    last = now.date() - timedelta(days=1)
    spike = Planted(start=last - timedelta(days=2), end=last, factor=3.5, account="team-01", service=COMPUTE)
    step = Planted(
        kind="step", start=last - timedelta(days=16), factor=1.7, account="team-02", service=CATALOGUE[1].name
    )
    costs = GeneratedCosts(GeneratedSettings(seed=seed, last_day=last, planted=(spike, step)))
    lines = iter(costs.lines(last - timedelta(days=400), last + timedelta(days=1)))
    for number, part in enumerate(iter(lambda: list(islice(lines, _BATCH)), [])):
        parcel = Parcel(RecordKind.COSTS, Edge(now, settings), "generated")
        for line in part:
            parcel.point(line, bytes)
        yield parcel.batch(f"generated:{seed}:{number}", Ids())
