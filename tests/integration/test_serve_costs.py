"""Costs on their whole way: asked of Cost Explorer, through the stream into the store, and AWS's own view of them."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bdp.app import App
from bdp.settings import load
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings
from tests.integration.aws_loopback import allow
from tests.integration.cost_explorer_server import CostExplorerServer, anomaly


def test_costs_of_a_feed_reach_the_store_and_the_views_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch)
    today = datetime.now(UTC).date()
    with CostExplorerServer() as aws:
        for number in range(1, 4):
            aws.charge(today - timedelta(days=number), "AWS Lambda", 10.0)
        aws.anomalies = [anomaly(1)]
        settings = load(tmp_path / "home", {"feeds": [{"kind": "cost_explorer", "endpoint_url": aws.url}]})
        store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
        total = "SELECT sum(billed_cost) AS cost, any(sub_account_name) AS name FROM charges"
        with App(settings, store=store) as app:
            app.start()
            limit = time.monotonic() + 60
            while store.query(total) != [{"cost": 30.0, "name": "prod"}] or not app.state.provider_views.all():
                assert time.monotonic() < limit, app.health.feeds()
                time.sleep(0.05)
            [view] = app.state.provider_views.all()
            assert (view.name, len(view.anomalies), view.problem) == ("cost_explorer", 1, "")
            assert app.ledger()[1]["cost_explorer"].stored == 3
            assert app.health.feeds() == {"cost_explorer": ""}
