"""A policy that is set in one process holds in another within two seconds."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.integration.serving import Served

BODY = json.dumps([{"service": "shop"}] * 100)
LIMIT_SECONDS = 2.0


def until_rate(served: Served, accepted: int) -> float:
    """Send until a request is sampled as wanted; return the seconds it took."""
    start = time.monotonic()
    while served.post("/v1/events", content=BODY)["accepted"] != accepted:
        assert time.monotonic() - start < LIMIT_SECONDS
        time.sleep(0.02)
    return time.monotonic() - start


def test_a_policy_reaches_every_process_that_shares_the_state(tmp_path: Path) -> None:
    shared = {"BDP_STATE__URL": f"sqlite:///{tmp_path / 'state.db'}"}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = Served(tmp_path / "one", shared), Served(tmp_path / "two", shared)
    try:
        assert one.ready(), one.told()
        assert two.ready(), two.told()
        for rate, accepted in ((0.01, 1), (0.1, 10), (1, 100), (0.05, 5)):
            change = {"policy": {"base_rate": rate}, "by": "test"}
            one.client.put("/v1/sampling", json=change).raise_for_status()
            assert one.post("/v1/events", content=BODY)["accepted"] == accepted
            until_rate(two, accepted)
            told = two.get("/v1/sampling")
            assert told["effective_rate"] == rate
        assert told["load"] is not None
        assert two.get("/v1/ledger")["total"]["dropped"] > 0
    finally:
        assert one.stop() == 0, one.told()
        assert two.stop() == 0, two.told()
