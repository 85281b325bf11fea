"""The fault suite by hand: `python -m tests.faults --runs 500 --seed 1 --out docs/reference/faults.json`.

Each run has a seed; a run that fails prints it and keeps its folder. `--seed S --runs 1` does the same plan again: the
same faults at the same moments, with the same records; threads and processes may fall into another order.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from tests.faults import campaign, shim
from tests.faults.campaign import Report


def main() -> int:
    """Do the runs and print the table; 1 if any failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run; the next ones count up")
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    arguments = parser.parse_args()
    found = campaign.means()
    for reason in found.missing:
        print(f"left out: {reason}")
    seeds = range(arguments.seed, arguments.seed + arguments.runs)
    began = time.monotonic()
    reports: list[Report] = []
    try:
        for report in campaign.runs(seeds, found.names, arguments.jobs):
            reports.append(report)
            tell(report, len(reports), len(seeds))
    except shim.NoCompiler as error:
        print(f"not possible here: {error}")
        return 2
    summary = campaign.summarise(reports)
    campaign.show(summary)
    figures = {
        "benchmark": "faults",
        "first_seed": arguments.seed,
        "seconds": round(time.monotonic() - began),
        "jobs": arguments.jobs,
        "means": sorted(found.names),
        **summary,
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps({name: value for name, value in figures.items() if name != "by_fault"}))
    return 1 if summary["failed_runs"] else 0


def tell(report: Report, number: int, runs: int) -> None:
    """Print one line about a run, and what is wrong with it."""
    state = "FAIL" if report.problems else "ok"
    figures = report.figures
    print(
        f"{number:>4}/{runs} seed {report.seed:<6} {state:<4} {report.seconds:5.1f} s  lives {report.lives:<2} "
        f"sent {figures.get('sent', 0):<6} dropped {figures.get('dropped', 0):<5} "
        f"{'>'.join(report.sinks)}{'(pg)' if report.table == 'postgresql' else ''}: {', '.join(report.kinds)}",
        flush=True,
    )
    for problem in report.problems:
        print(f"     {problem}", flush=True)
    if report.problems:
        print(f"     kept: {report.folder}   again: python -m tests.faults --seed {report.seed} --runs 1", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
