"""Whoever can write into a log can shout: what is measured is not outshouted, and no innocent change is blamed."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

import pytest

from bdp.clock import SystemClock
from bdp.explain.settings import ExplainSettings
from bdp.flow.investigating import investigate_folder
from bdp.store.clickhouse import StoreSettings, open_store

CASE = "rootcausebench/upstream-payment-provider-outage"


@pytest.mark.parametrize("copies", [50, 150])
def test_text_that_fits_a_change_does_not_blame_it_for_an_outage_that_is_measured(
    data_dir: Path, tmp_path: Path, copies: int
) -> None:
    folder = tmp_path / "shouted"
    shutil.copytree(data_dir / CASE, folder)
    lines = (folder / "logs.ndjson").read_text("utf-8").splitlines()
    bad = next(record for line in lines if (record := json.loads(line))["severity_text"] in {"WARN", "ERROR"})
    shouted = json.dumps({**bad, "msg": "invalid coupon 'panic: nil pointer dereference'"})
    (folder / "logs.ndjson").write_text("\n".join([*lines, *[shouted] * copies]) + "\n", "utf-8")
    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    try:
        analysis = investigate_folder(folder, store, ExplainSettings(), SystemClock()).analysis
    finally:
        store.close()
    assert (analysis.culprit_change, analysis.mechanism) == (None, "provider-outage")
