"""RootCauseBench (EdgeDelta): frozen incidents with alert, logs, metrics, traces, changes; most have a guilty commit.

Graded as its authors do: 1 for the guilty commit, or "none" where none is guilty; 0 for an innocent one accused; else
at most 0.5: half of 0.5 for the first failing service, 0.3 for the blast radius (Jaccard), 0.2 for the remedy.
Published: claude-haiku-4.5 0.507, gpt-oss-20b 0.386; the best script names 7 of 24 exactly. Eight incidents are public
here; all of them were seen while the rules were written.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bdp.clock import SystemClock
from bdp.explain.agents.reply import Reply
from bdp.explain.settings import ExplainSettings
from bdp.flow.asking import Asking
from bdp.flow.investigating import Investigated, investigate_folder
from bdp.llm.ask import ChatModel
from bdp.model.analysis import Analysis
from bdp.settings import load
from bdp.store.clickhouse import StoreSettings, open_store
from bdp.store.state import open_state

NONE = "none"


def run(folder: Path, *, quick: bool = False, model: ChatModel | None = None) -> None:
    """Investigate each incident of a folder and print how it was graded, by rules and, if there is one, by a model."""
    cases = sorted(path.parent for path in folder.glob("*/ground_truth.json"))[:: 3 if quick else 1]
    tallies = {"rules": Tally(), "model": Tally()}
    print(f"{'incident':42} {'reward':>6}  {'change':8} {'service':8} {'blast':>5}  {'remedy':8} {'s':>5}  verdict")
    for number, case in enumerate(cases):
        truth = json.loads((case / "ground_truth.json").read_text("utf-8"))
        found, reply = _investigated(case, f"bench_{number}", model)
        tallies["rules"].add(case.name, found.analysis, found.seconds, truth)
        if reply is not None and reply.analysis is not None:
            price = reply.price
            cost = (
                f"{reply.source} {reply.reason}".strip()
                + f", {price.tokens_in + price.tokens_out} tokens, ${price.usd:.4f}"
            )
            tallies["model"].add("  with a model", reply.analysis, price.seconds, truth, cost)
    for name, tally in tallies.items():
        if tally.rewards:
            mean = sum(tally.rewards) / len(tally.rewards)
            told = (
                f"mean reward {mean:.3f} of {len(tally.rewards)}: {tally.exact} exact, {tally.accused} innocent accused"
            )
            print(told if name == "rules" else f"with a model: {told}")


@dataclass
class Tally:
    """How incidents were graded."""

    rewards: list[float] = field(default_factory=list)
    exact: int = 0
    accused: int = 0

    def add(self, name: str, analysis: Analysis, seconds: float, truth: dict[str, Any], more: str = "") -> None:
        """Grade one and print its line."""
        reward, parts = grade(analysis, truth)
        self.rewards.append(reward)
        self.exact += parts["change"] == "right"
        self.accused += parts["change"] == "innocent"
        print(
            f"{name:42} {reward:6.3f}  {parts['change']:8} {parts['service']:8} {parts['blast']:5.2f}  "
            f"{parts['remedy']:8} {seconds:5.1f}  {analysis.verdict} {more}".rstrip()
        )


def grade(analysis: Analysis, truth: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Return the reward, and what it is made of."""
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


def _investigated(case: Path, database: str, model: ChatModel | None) -> tuple[Investigated, Reply | None]:
    store, clock, explain = open_store(StoreSettings(database=database)), SystemClock(), ExplainSettings()
    try:
        found = investigate_folder(case, store, explain, clock)
        if model is None:
            return found, None
        with closing(open_state("sqlite://")) as state:
            asking = Asking(store, state.incidents, model, clock, load().agents, explain)
            return found, asking.look_again(found.incident, found.analysis)
    finally:
        store.close()
