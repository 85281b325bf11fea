"""Root causes of recorded incidents: which change, which service, found without a model (and with one, where there is).

    python benchmarks/rca.py [--quick] [--model] [rootcausebench|frozen|petshop|nezha|all]

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
from contextlib import ExitStack, closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bdp.clock import SystemClock
from bdp.ids import Ids
from bdp.llm.ask import ChatModel
from bdp.llm.gateway import open_gateway
from bdp.settings import load
from bdp.store.state import open_state
from benchmarks._corpora import data_folder

PARTS = ("rootcausebench", "frozen", "petshop", "nezha")
OWN = Path(__file__).resolve().parents[1] / "tests/evals/frozen"
READERS = {"frozen": "rootcausebench"}
WITH_MODEL = {"rootcausebench", "frozen"}
"""The other parts are series and spans only: there is nothing to read for a model."""


def main() -> None:
    """Run the parts that are asked for and whose data is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="all", choices=(*PARTS, "all"))
    parser.add_argument("--quick", action="store_true", help="every third case")
    parser.add_argument("--model", action="store_true", help="also with the model that the settings name")
    arguments = parser.parse_args()
    with ExitStack() as parts:
        _run(arguments, _model(parts) if arguments.model else None)


def _run(arguments: argparse.Namespace, model: ChatModel | None) -> None:
    for part in PARTS if arguments.part == "all" else (arguments.part,):
        folder = OWN if part == "frozen" else data_folder(part)
        if folder is None:
            continue
        began = time.perf_counter()
        runs = importlib.import_module(f"benchmarks._{READERS.get(part, part)}").run
        runs(folder, quick=arguments.quick, **({"model": model} if part in WITH_MODEL else {}))
        print(f"{part}: {time.perf_counter() - began:.1f} s\n")


def _model(parts: ExitStack) -> ChatModel:
    """Return the model that the settings name (BDP_LLM__CHAIN and so on; docs/guides/models.md)."""
    settings = load()
    state = parts.enter_context(closing(open_state("sqlite://")))
    return parts.enter_context(closing(open_gateway(settings.llm, state.spending, settings.home, SystemClock(), Ids())))


if __name__ == "__main__":
    main()
