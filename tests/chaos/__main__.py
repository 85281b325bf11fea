"""`python -m tests.chaos sqlite|postgresql [--incidents 300] [--kills 60] [--seed 1]`: one run, with its figures."""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chaos.judge import judge
from tests.chaos.play import Play, postgresql_place, sqlite_place
from tests.chaos.receiver import World

PLACES = {"sqlite": sqlite_place, "postgresql": postgresql_place}


def run(kind: str, home: Path, incidents: int, kills: int, seed: int, patience: float) -> dict[str, Any]:
    """Play one run and return its figures; `wrong` is empty when all is as it must be."""
    began, chance = time.monotonic(), random.Random(seed)
    with PLACES[kind](home) as place, World(random.Random(seed + 1)) as world:
        play = Play(home, place, world, incidents, kills, chance)
        with contextlib.closing(play.until_over(patience)) as state:
            verdict = judge(state, world, home, incidents)
        return {
            "database": kind,
            "workers": place.workers,
            "seed": seed,
            **asdict(play.tally),
            **asdict(verdict),
            "lost_answers": world.lost_answers,
            "seconds": round(time.monotonic() - began, 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", choices=sorted(PLACES))
    parser.add_argument("--incidents", type=int, default=300)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=1800.0)
    parser.add_argument("--home", type=Path, default=None, help="kept; default: a folder that is removed")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = given.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bdp-chaos-")))
        home.mkdir(parents=True, exist_ok=True)
        found = run(given.database, home, given.incidents, given.kills, given.seed, given.patience)
    print(json.dumps(found, indent=2))
    sys.exit(bool(found["wrong"]))


if __name__ == "__main__":
    main()
