"""Whole frozen incidents: who is to blame, what failed first, who suffers, what helps, and claims that hold."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from bdp.clock import SystemClock
from bdp.explain.settings import ExplainSettings
from bdp.flow.investigating import Investigated, investigate_folder
from bdp.model.analysis import Check
from bdp.store.clickhouse import StoreSettings, open_store
from benchmarks._rootcausebench import grade


def investigated(folder: Path) -> Investigated:
    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    try:
        return investigate_folder(folder, store, ExplainSettings(), SystemClock())
    finally:
        store.close()


def truth_of(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "ground_truth.json").read_text("utf-8"))
    return told


def test_recorded_incidents_reach_the_aim_and_no_innocent_change_is_accused(data_dir: Path) -> None:
    folders = sorted(path.parent for path in (data_dir / "rootcausebench").glob("*/ground_truth.json"))
    if not folders:
        pytest.skip("recorded data absent: rootcausebench")
    graded = [grade(investigated(folder).analysis, truth_of(folder)) for folder in folders]
    assert sum(reward for reward, _ in graded) / len(graded) >= 0.9
    assert [parts["change"] for _, parts in graded].count("innocent") == 0


def test_claims_of_an_investigation_hold_and_queries_give_the_evidence_again(data_dir: Path) -> None:
    folder = next(iter(sorted((data_dir / "rootcausebench").glob("*/"))), None)
    if folder is None:
        pytest.skip("recorded data absent: rootcausebench")
    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    try:
        found = investigate_folder(folder, store, ExplainSettings(), SystemClock())
        assert found.analysis.claims
        assert [claim.text for claim in found.analysis.claims if claim.check is not Check.SUPPORTED] == []
        for evidence in found.analysis.evidence:
            assert not evidence.query or store.query(evidence.query) is not None
    finally:
        store.close()
    assert any(one.refutation for one in found.analysis.hypotheses)
