"""RootCauseBench (EdgeDelta): frozen incidents with alert, logs, metrics, traces, changes; most have a guilty commit.

Graded as its authors do: 1 for the guilty commit, or "none" where none is guilty; 0 for an innocent one accused; else
at most 0.5: half of 0.5 for the first failing service, 0.3 for the blast radius (Jaccard), 0.2 for the remedy.
Published: claude-haiku-4.5 0.507, gpt-oss-20b 0.386; the best script names 7 of 24 exactly. Eight incidents are public
here; all of them were seen while the rules were written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bdp.clock import SystemClock
from bdp.explain.settings import ExplainSettings
from bdp.flow.investigating import Investigated, investigate_folder
from bdp.store.clickhouse import StoreSettings, open_store

NONE = "none"


def run(folder: Path, *, quick: bool = False) -> None:
    """Investigate each incident of a folder and print how it was graded."""
    cases = sorted(path.parent for path in folder.glob("*/ground_truth.json"))[:: 3 if quick else 1]
    rewards, exact, accused = [], 0, 0
    print(f"{'incident':42} {'reward':>6}  {'change':8} {'service':8} {'blast':>5}  {'remedy':8} {'s':>5}  verdict")
    for number, case in enumerate(cases):
        truth = json.loads((case / "ground_truth.json").read_text("utf-8"))
        found = _investigated(case, f"bench_{number}")
        reward, parts = grade(found, truth)
        rewards.append(reward)
        exact += parts["change"] == "right"
        accused += parts["change"] == "innocent"
        print(
            f"{case.name:42} {reward:6.3f}  {parts['change']:8} {parts['service']:8} {parts['blast']:5.2f}  "
            f"{parts['remedy']:8} {found.seconds:5.1f}  {found.analysis.verdict}"
        )
    print(f"mean reward {sum(rewards) / len(rewards):.3f} of {len(rewards)}: {exact} exact, {accused} innocent accused")


def grade(found: Investigated, truth: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Return the reward, and what it is made of."""
    analysis = found.analysis
    culprit, guilty = analysis.culprit_change or NONE, truth["root_cause_commit"]
    hit, real = set(analysis.blast_radius), set(truth["blast_radius"])
    blast = len(hit & real) / len(hit | real) if hit | real else 1.0
    service = analysis.first_failing_service == truth["first_failing_service"]
    remedy = analysis.remediation == truth["remediation"]
    change = "right" if culprit == guilty else "abstains" if culprit == NONE else "innocent"
    partial = 0.5 * (0.5 * service + 0.3 * blast + 0.2 * remedy)
    reward = {"right": 1.0, "innocent": 0.0}.get(change, partial)
    said = {True: "right", False: "wrong"}
    return reward, {"change": change, "service": said[service], "blast": blast, "remedy": said[remedy]}


def _investigated(case: Path, database: str) -> Investigated:
    store = open_store(StoreSettings(database=database))
    try:
        return investigate_folder(case, store, ExplainSettings(), SystemClock())
    finally:
        store.close()
