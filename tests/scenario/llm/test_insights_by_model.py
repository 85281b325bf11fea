"""The whole product with a model behind HTTP that may misbehave: insights are there at once, and closed in time."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bdp.app import App
from bdp.clock import SystemClock
from bdp.model.batch import RecordKind
from bdp.model.inquiry import InquiryCounts
from bdp.model.insight import Insight, InsightSource
from bdp.settings import load
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings
from tests.scenario.llm.fake_provider import FakeProvider
from tests.scenario.llm.test_fake_provider import MISCHIEF

STREAMS = 12
DEADLINE = 25.0


def judged(text: str) -> str:
    """The right answer to a prompt about samples."""
    if "<items>\n" not in text:
        return "{}"
    items = json.loads(text.split("<items>\n")[1].split("\n</items>", maxsplit=1)[0])["items"]
    return json.dumps({"answers": [_judged(item) for item in items]})


def _judged(item: dict[str, Any]) -> dict[str, Any]:
    latency = item["measures"]["latency_p99"]["value"]
    return {
        "id": item["id"],
        "prediction_type": "latency_spike",
        "risk_score": 88,
        "explanation": f"P99 latency is {latency} µs.",
        "recommendations": ["Read port_xmit_wait along the path.", "Look for a slow receiver."],
        "confidence": 0.9,
    }


@pytest.fixture(params=[{"well": 1.0}, {"well": 0.4, **{name: 0.05 * w for name, w in MISCHIEF.items()}}])
def provider(request: pytest.FixtureRequest) -> Iterator[FakeProvider]:
    served = FakeProvider(5, SystemClock(), judged, request.param)
    yield served
    served.close()


@pytest.fixture
def app(tmp_path: Path, provider: FakeProvider) -> Iterator[App]:
    overrides = {
        "llm": {"chain": ["vllm"], "vllm": {"model": "fake", "base_url": provider.url, "seconds": 3}},
        "insights": {"deadline_seconds": DEADLINE, "answer_seconds": 15, "linger_seconds": 0.2, "batch": 3},
    }
    with App(
        load(tmp_path / "home", overrides), store=open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    ) as opened:
        opened.start()
        yield opened


def test_each_insight_is_the_rules_at_once_and_closed_by_its_deadline(app: App, provider: FakeProvider) -> None:
    app.desk.take(RecordKind.METRICS, samples(), "", None)
    pushed = time.monotonic()
    found = wait_for(app, STREAMS, 20)
    assert len(found) == STREAMS
    deadline = time.monotonic() + DEADLINE
    while sum((counts := counted(app)).sources.values()) < STREAMS:
        assert time.monotonic() < deadline, f"{counts} {time.monotonic() - pushed:.0f} s behind its samples"
        time.sleep(0.2)
    assert counts.waiting == 0
    ai = [one for one in insights(app) if one.source in {InsightSource.AI, InsightSource.CACHED}]
    assert len(ai) == counts.sources.get(InsightSource.AI, 0) + counts.sources.get(InsightSource.CACHED, 0)
    for one in ai:
        assert (one.risk_score, one.model_used) == (88, "fake")
        assert one.beside is not None
        assert one.beside.source is InsightSource.RULES
    if set(provider.manners_seen) == {"well"}:
        assert len(ai) == STREAMS


def samples() -> bytes:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=15)
    rows = []
    for number in range(90):
        for stream in range(STREAMS):
            latency = 2.0 + 0.01 * ((number + stream) % 7)
            rows.append(
                {
                    "stream_id": f"rack-{stream}/leaf-1",
                    "timestamp": (start + timedelta(seconds=10 * number)).isoformat(),
                    "latency_p99": latency * (4.2 + stream if number == 89 else 1),
                    "utilization": 75.0,
                    "error_rate": 0.0002,
                    "bandwidth_gbps": 150.0,
                    "qp_errors": 0,
                }
            )
    return "\n".join(map(json.dumps, rows)).encode()


def counted(app: App) -> InquiryCounts:
    return app.state.inquiries.counts(SystemClock().now() - timedelta(minutes=5))


def insights(app: App) -> list[Insight]:
    return list(app.state.insights.recent().insights)


def wait_for(app: App, count: int, seconds: float) -> list[Insight]:
    deadline = time.monotonic() + seconds
    while len(found := insights(app)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
