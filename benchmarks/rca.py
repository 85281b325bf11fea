"""Root causes of recorded incidents: which change, which service, found without a model (and with one, where there is).

    python benchmarks/rca.py [--quick] [rootcausebench|frozen|petshop|nezha|all]

- rootcausebench: whole incidents with alert, logs, metrics, traces, changes; graded as its authors do. See
  `_rootcausebench.py`.
- frozen: incidents of the same form, of our own making (tests/evals/frozen).
- petshop: five-minute metrics of the components of an application. See `_petshop.py`.
- nezha: metrics, spans and logs of a microservice application a minute before and after a fault. See `_nezha.py`.

The recordings are read from the folder that BDP_DATA names; none of them is part of the project. The readers here know
the recordings' formats; what finds the culprit is the product's own code. `--quick` takes every third case.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._corpora import data_folder

PARTS = ("rootcausebench", "frozen", "petshop", "nezha")
OWN = Path(__file__).resolve().parents[1] / "tests/evals/frozen"
READERS = {"frozen": "rootcausebench"}


def main() -> None:
    """Run the parts that are asked for and whose data is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="all", choices=(*PARTS, "all"))
    parser.add_argument("--quick", action="store_true", help="every third case")
    arguments = parser.parse_args()
    for part in PARTS if arguments.part == "all" else (arguments.part,):
        folder = OWN if part == "frozen" else data_folder(part)
        if folder is None:
            continue
        began = time.perf_counter()
        importlib.import_module(f"benchmarks._{READERS.get(part, part)}").run(folder, quick=arguments.quick)
        print(f"{part}: {time.perf_counter() - began:.1f} s\n")


if __name__ == "__main__":
    main()
