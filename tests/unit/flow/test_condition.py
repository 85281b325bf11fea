"""What the product says of itself: ready, degraded while records are safe, stuck."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bdp.errors import BadRequest, StreamUnavailable
from bdp.flow.condition import Health
from bdp.model.batch import RecordKind
from bdp.ports import Row
from tests.unit.stream.chain_bench import Bench, batch


class Store:
    """Answers, refuses or hangs."""

    def __init__(self) -> None:
        self.hang = threading.Event()
        self.hang.set()
        self.asked = 0
        self.refuses = ""

    def query(self, sql: str) -> list[Row]:
        self.asked += 1
        self.hang.wait(30)
        if self.refuses:
            raise BadRequest(self.refuses, "")
        return [{"one": 1}]

    def insert(self, kind: RecordKind, payload: bytes, token: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Moving:
    trouble: str = ""
    away: bool = False


@dataclass
class Product:
    bench: Bench
    moving: Moving = field(default_factory=Moving)
    store: Store = field(default_factory=Store)
    feeds: dict[str, str] = field(default_factory=dict)
    broker: str = ""

    def __post_init__(self) -> None:
        self.health = Health(
            self.bench.chain, self.moving, self.store, lambda: self.feeds, self._probe, self.bench.clock
        )

    def _probe(self) -> None:
        if self.broker:
            raise StreamUnavailable(self.broker, "Check it.")

    def lose(self, records: int = 3) -> None:
        """Send records while the primary is away."""
        self.bench.primary.trouble = "away"
        for number in range(records):
            self.bench.chain.append([batch(f"lost-{number}", "INFO")])


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    opened = Product(Bench(tmp_path))
    yield opened
    opened.store.hang.set()


def test_while_all_moves_it_is_ready(product: Product) -> None:
    product.bench.chain.append([batch("a", "INFO")])
    assert product.health.look().status == "ready"


def test_a_first_sink_that_is_away_degrades_and_what_takes_its_records_keeps_intake_open(product: Product) -> None:
    product.lose()
    found = product.health.look()
    assert found.status == "degraded"
    assert found.absences == ("The sink journal is away, and records wait for it: the primary is away",)
    product.bench.primary.trouble = ""
    product.bench.clock.advance(timedelta(seconds=2))
    assert product.bench.recovery.step() == 3
    assert product.health.look().status == "ready"


def test_when_no_sink_takes_records_it_is_stuck_until_one_is_to_be_tried_again(product: Product) -> None:
    product.lose()
    for sink in product.bench.behind:
        sink.away = True
    for number in range(3):
        with pytest.raises(StreamUnavailable):
            product.bench.chain.append([batch(f"turned-away-{number}", "INFO")])
    found = product.health.look()
    assert found.status == "stuck"
    assert "No sink takes records: journal: the primary is away; table: table is away" in found.stuck[0]
    # Where nobody sends while it is stuck, nobody would ever find out that it is not any more.
    product.bench.clock.advance(timedelta(seconds=20))
    assert product.health.look().status == "degraded"


def test_a_stream_that_is_not_reached_degrades_and_a_store_that_is_not_sticks(product: Product) -> None:
    product.moving.trouble, product.moving.away = "Kafka does not answer: no broker.", True
    found = product.health.look()
    assert (found.status, found.absences) == ("degraded", ("What was taken waits: Kafka does not answer: no broker.",))
    product.moving.trouble, product.moving.away = "partition 2: The store did not take events.", False
    found = product.health.look()
    assert (found.status, found.stuck) == ("stuck", ("Records wait: partition 2: The store did not take events.",))


def test_without_a_sink_behind_it_a_stream_that_is_not_reached_is_stuck(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    # What the settings name no more is emptied, and takes nothing.
    bench.chain.behind = tuple((replace(link, takes=False), backlog) for link, backlog in bench.chain.behind)
    product = Product(bench, Moving("Kafka does not answer: no broker.", away=True))
    assert product.health.look().status == "stuck"


def test_a_store_that_hangs_is_asked_once_and_nobody_waits_for_ever(product: Product) -> None:
    product.store.hang.clear()
    clock = product.bench.clock

    def look() -> str:
        clock.advance(timedelta(seconds=5))  # what is left of the three seconds is nothing
        return " ".join(product.health.look().stuck)

    threading.Thread(target=product.health.look, daemon=True).start()
    while not product.store.asked:
        pass
    assert look() == "The store has not answered for 5 seconds: it hangs or has too much to do."
    assert "10 seconds" in look()
    assert product.store.asked == 1
    product.store.hang.set()
    while product.health.look().stuck:
        pass
    assert product.health.look().status == "ready"


def test_a_store_that_refuses_is_told(product: Product) -> None:
    product.store.refuses = "no such host"
    assert product.health.look().stuck == ("The store does not answer: no such host",)


def test_a_feed_that_fetches_nothing_degrades(product: Product) -> None:
    product.feeds = {"orders": "Kinesis: no such stream", "clicks": ""}
    found = product.health.look()
    assert found.status == "degraded"
    assert found.absences == ("The feed orders does not fetch everything: Kinesis: no such stream",)


def test_trying_finds_what_nobody_has_met_yet(product: Product) -> None:
    product.broker = "Kafka does not answer: refused."
    product.bench.behind[1].away = True
    assert product.health.look().status == "ready"
    tried = {one.sink: one.reason for one in product.health.examine()}
    assert tried == {"journal": "Kafka does not answer: refused.", "table": "", "files": "files is away."}
