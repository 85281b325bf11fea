"""Costs on their way from a request to an incident that is explained."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.settings import load
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings
from bdp.web.api import create_api

PATIENCE = 60.0


def charge(at: datetime, cost: float, **more: Any) -> dict[str, Any]:
    return {
        "ChargePeriodStart": at.isoformat(),
        "ChargePeriodEnd": (at + timedelta(days=1)).isoformat(),
        "ServiceName": "Amazon S3",
        "SubAccountId": "1",
        "SubAccountName": "prod",
        "BilledCost": round(cost, 2),
        "EffectiveCost": round(cost, 2),
    } | more


@pytest.mark.parametrize("enabled", [True, False])
def test_a_dear_day_becomes_an_incident_with_evidence_of_cost(tmp_path: Path, enabled: bool) -> None:
    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    settings = load(tmp_path / "home", {"costs": {"enabled": enabled}})
    with App(settings, store=store) as app:
        last = app.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
        usual = 100 * np.exp(np.random.default_rng(1).normal(0, 0.03, 60))
        sent = [charge(last - timedelta(days=60 - place), cost) for place, cost in enumerate(usual.tolist())]
        app.start()
        client = TestClient(create_api(app, "the token"), headers={"Authorization": "Bearer the token"})
        lines = [*sent, charge(last, 900.0, RegionId="eu-west-1")]
        assert client.post("/v1/costs", content=json.dumps(lines)).json()["accepted"] == 61
        until = time.monotonic() + (PATIENCE if enabled else 25.0)
        report: dict[str, Any] = {}
        while not report.get("analysis") and time.monotonic() < until:
            time.sleep(0.5)
            for one in client.get("/v1/incidents").json():
                report = client.get(f"/v1/incidents/{one['incident_id']}").json()
        if not enabled:
            assert report == {}
            assert [one["day"] for one in client.get("/v1/costs/anomalies").json()["anomalies"]] == [str(last.date())]
            return
        assert report["incident"]["subject"]["service"] == "Amazon S3"
        assert report["incident"]["start_time"].startswith(str(last.date()))
        assert "cost" in {evidence["kind"] for evidence in report["analysis"]["evidence"]}
