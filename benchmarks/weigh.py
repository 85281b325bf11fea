"""Weights of the inquest, found anew: a conditional logit by penalised likelihood, told on sets it has not seen.

    python benchmarks/weigh.py

Sets: the public incidents of RootCauseBench, and our own (tests/evals/frozen) in three sets, as they were written. Each
incident counts once as it is and once with the guilty change's fit halved, as if it were half read. Prints the weights
found on all, and for each set what weights of the other two score there: the share of incidents in which the guilty
change, or none, is named, and how many innocent ones are accused.
"""

from __future__ import annotations

import json
import sys
import tomllib
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bdp.explain.inquest.ruling import CONVICTS, rule
from bdp.explain.inquest.scene import Span, look
from bdp.explain.inquest.weighing import NEVER, WEIGHTS
from bdp.intake.frozen import read_folder
from bdp.store.clickhouse import StoreSettings, open_store
from benchmarks._corpora import data_folder

OWN = Path(__file__).resolve().parents[1] / "tests/evals/frozen"
NAMES = tuple(WEIGHTS)
GUESS = {
    "fit": 5.0, "alters": 1.5, "relation": 1.5, "time": 0.35, "step": 1.0, "touch": 1.0, "placed": 1.0, "echo": 1.5,
    "after": -1.5, "unshipped": -1.0, "flag": -1.0, "gated": 0.5, "measured": 2.0, "none": 3.5, "outer": 3.0,
}  # fmt: skip
"""What was taken before any was found: the penalty pulls to it."""

PENALTY, STEPS, RATE = 1.0, 1_500, 0.03
LEAST = 0.1
"""Of a weight: its direction is a matter of sense, not of 60 incidents."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One incident: a row of traits for each change that may be to blame and, last, for none; which row is right."""

    group: str
    rows: Floats
    guilty: int

    @property
    def half_read(self) -> Trial:
        """The same with the guilty change's fit halved."""
        rows = self.rows.copy()
        rows[self.guilty, NAMES.index("fit")] *= 0.5
        return replace(self, rows=rows)


def main() -> None:
    """Find the weights and tell how they do."""
    trials = [trial for group, folder in _folders() if (trial := _trial(group, folder)) is not None]
    everything = [*trials, *(one.half_read for one in trials)]
    print("found on all:", {name: round(float(value), 2) for name, value in zip(NAMES, found(everything), strict=True)})
    for group in dict.fromkeys(one.group for one in trials):
        weights = found([one for one in everything if one.group != group])
        for label, some in (("as they are", trials), ("half read", [one.half_read for one in trials])):
            right, accused = _told([one for one in some if one.group == group], weights)
            print(f"{group:16} {label:12} right {right:.3f}, innocent accused {accused}")


def found(trials: list[Trial]) -> Floats:
    """Return the weights by gradient descent from the guess."""
    start = np.array([GUESS[name] for name in NAMES])
    scale = np.maximum(0.5, np.abs(start))
    weights = start.copy()
    for _ in range(STEPS):
        slope = 4 * PENALTY * (weights - start) / scale**2
        for one in trials:
            slope -= one.rows[one.guilty] - _chances(one, weights) @ one.rows
        weights -= 4 * RATE * slope / len(trials)
        weights = np.where(start >= 0, np.maximum(weights, LEAST), np.minimum(weights, -LEAST))
    return weights


def _chances(trial: Trial, weights: Floats) -> Floats:
    sums = trial.rows @ weights
    shares = np.exp(sums - sums.max())
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def _told(trials: list[Trial], weights: Floats) -> tuple[float, int]:
    right = accused = 0
    for one in trials:
        chances, none = _chances(one, weights), len(one.rows) - 1
        best = int(chances[:none].argmax()) if none else none
        named = best if chances[best] >= CONVICTS else none
        right += named == one.guilty
        accused += named not in {none, one.guilty}
    return right / len(trials), accused


def _folders() -> list[tuple[str, Path]]:
    public = data_folder("rootcausebench")
    own = sorted(path.parent for path in OWN.glob("*/ground_truth.json"))
    cases = [("rootcausebench", path.parent) for path in sorted(public.glob("*/ground_truth.json"))] if public else []
    sets = tomllib.loads((OWN / "sets.toml").read_text("utf-8"))
    written = {name: group for group, names in sets.items() for name in names}
    return cases + [(f"own, {written[case.name]}", case) for case in own]


def _trial(group: str, folder: Path) -> Trial | None:
    frozen = read_folder(folder)
    alert = frozen.alert
    if alert is None:
        return None
    store = open_store(StoreSettings(database=f"w{uuid.uuid4().hex}"))
    try:
        for kind, records in frozen.records.items():
            store.insert(kind, records, kind.value)
        scene = look(store, Span.of(alert.fired_at, frozen.last or alert.fired_at), alert.text)
    finally:
        store.close()
    ruling = rule(scene, alert.service, alert.metric)
    outer = max((one.score for one in ruling.shown if one.fault.operational), default=0.0)
    known = [one for one in ruling.suspects if one.traits is not None and one.weight > NEVER]
    rows = [[one.traits.parts.get(name, 0.0) for name in NAMES] for one in known if one.traits is not None]
    rows.append([{"none": 1.0, "outer": outer}.get(name, 0.0) for name in NAMES])
    refs = [*(one.ref for one in known), "none"]
    truth = json.loads((folder / "ground_truth.json").read_text("utf-8"))["root_cause_commit"]
    return Trial(group, np.array(rows), refs.index(truth)) if truth in refs else None


if __name__ == "__main__":
    main()
