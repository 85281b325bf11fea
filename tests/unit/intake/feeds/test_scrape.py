"""Exporters as a way in: each at its own moment, none in the way of another."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bdp.clock import SystemClock
from bdp.errors import StreamUnavailable
from bdp.ids import Ids
from bdp.intake.feeds import open_feeds
from bdp.intake.feeds.feed import Feeds
from bdp.intake.feeds.scrape import ScrapeFeed, ScrapeFeedSettings
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch

PATIENCE = 20.0
Row = dict[str, Any]


class Exporter:
    """A server on loopback that answers as it is told, and remembers how it was asked."""

    def __init__(self) -> None:
        self.body = b"# TYPE load gauge\nload 0.5\n"
        self.status = 200
        self.headers: dict[str, str] = {"Content-Type": "text/plain; version=0.0.4"}
        self.drip = False
        self.asked: list[dict[str, str]] = []
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter.asked.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
                try:
                    self.send_response(exporter.status)
                    for name, value in exporter.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for _ in range(600 if exporter.drip else 0):
                        self.wfile.write(b"\n")
                        time.sleep(0.05)
                    self.wfile.write(exporter.body)
                except OSError:
                    return

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Custody:
    """Keeps batches by id."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.away = False

    def take(self, batch: Batch) -> None:
        if self.away:
            raise StreamUnavailable("The disk is full.")
        self.batches.append(batch)

    def rows(self, name: str, instance: str = "") -> list[Row]:
        every = [json.loads(line) for batch in list(self.batches) for line in batch.payload.splitlines()]
        return [row for row in every if row["name"] == name and instance in ("", row["entity"])]

    def values(self, name: str, instance: str = "") -> list[float]:
        return [row["value"] for row in self.rows(name, instance)]


@pytest.fixture
def exporters() -> Iterator[Callable[[], Exporter]]:
    made: list[Exporter] = []

    def make() -> Exporter:
        made.append(Exporter())
        return made[-1]

    yield make
    for exporter in made:
        exporter.close()


@pytest.fixture
def exporter(exporters: Callable[[], Exporter]) -> Exporter:
    return exporters()


@pytest.fixture
def custody() -> Custody:
    return Custody()


@pytest.fixture
def run(custody: Custody) -> Iterator[Callable[..., ScrapeFeed]]:
    started: list[Feeds] = []

    def begin(*targets: str, secret: Callable[[str], str | None] = lambda name: None, **more: Any) -> ScrapeFeed:
        given = {"interval_seconds": 0.3, "timeout_seconds": 0.3, **more}
        settings = ScrapeFeedSettings(targets=targets, **given)
        feed = ScrapeFeed(settings, IntakeSettings(), custody.take, SystemClock(), Ids(), secret)
        started.append(Feeds([feed]))
        started[-1].start()
        return feed

    yield begin
    for feeds in started:
        feeds.close()


Run = Callable[..., ScrapeFeed]


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.02)


def test_samples_and_the_scrapes_own_points(exporter: Exporter, run: Run, custody: Custody) -> None:
    exporter.body = gzip.compress(b'cpu_seconds_total{cpu="0",job="own"} 5\nload 0.5 1772366399500\n')
    exporter.headers["Content-Encoding"] = "gzip"
    feed = run(exporter.address, job="node", labels={"site": "b"})
    until(lambda: len(custody.values("up")) >= 2)
    instance = exporter.address
    labels = {"instance": instance, "job": "node", "site": "b"}
    (cpu, *_), (load, *_), (up, *_) = (custody.rows(name) for name in ("cpu_seconds_total", "load", "up"))
    assert (cpu["entity"], cpu["value"], cpu["unit"]) == (instance, 5.0, "s")
    assert cpu["labels"] == {**labels, "cpu": "0", "exported_job": "own"}
    assert (load["ts"], load["labels"]) == ("2026-03-01T11:59:59.500000Z", labels)
    assert (up["value"], up["labels"], up["entity"], up["ts"]) == (1.0, labels, instance, cpu["ts"])
    assert custody.values("scrape_samples_scraped")[0] == 2.0
    assert 0 < custody.values("scrape_duration_seconds")[0] < 1
    assert len({batch.batch_id for batch in custody.batches}) == len(custody.batches)
    assert exporter.asked[0]["path"] == "/metrics"
    assert "openmetrics" in exporter.asked[0]["accept"]
    assert "authorization" not in exporter.asked[0]
    assert feed.trouble == ""


def test_a_dead_and_a_slow_target_delay_no_other(exporters: Callable[[], Exporter], run: Run, custody: Custody) -> None:
    good, slow = exporters(), exporters()
    slow.drip = True
    with socket.socket() as deaf:  # it takes connections and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        dead = [f"127.0.0.1:{deaf.getsockname()[1]}", "127.0.0.1:1", slow.address]
        feed = run(*dead, good.address, interval_seconds=0.5, timeout_seconds=0.4)
        until(lambda: len(custody.values("up", good.address)) >= 4)
        assert set(custody.values("up", good.address)) == {1.0}
        times = [row["ts"] for row in custody.rows("up", good.address)]
        assert len(times) == len(set(times))
        until(lambda: all(custody.values("up", one) for one in dead))
    assert {value for one in dead for value in custody.values("up", one)} == {0.0}
    assert max(custody.values("scrape_duration_seconds")) < 1.0
    assert feed.trouble.startswith("3 of 4 targets are not read: ")
    assert "no whole answer within 0.4 seconds" in feed.trouble


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason"),
    [
        (500, {}, b"", "answered 500"),
        (302, {"Location": "http://127.0.0.1:1/"}, b"", "not followed"),
        (200, {"Content-Type": "text/html"}, b"<html>", "text/html"),
        (200, {}, b"load 1\n" * 200_000, "more than 1048576 bytes"),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(2 << 20)), "more than 1048576 bytes"),
        (200, {"Content-Encoding": "gzip"}, b"no gzip", "damaged"),
        (200, {}, b"bad\n" * 101, "101 lines cannot pass, such as: not a sample"),
    ],
    ids=["error", "redirect", "page", "large", "bomb", "damaged", "no-text"],
)
def test_what_is_no_answer_of_an_exporter_makes_it_down(
    exporter: Exporter, run: Run, custody: Custody, status: int, headers: dict[str, str], body: bytes, reason: str
) -> None:
    exporter.status, exporter.body = status, body
    exporter.headers |= headers
    feed = run(exporter.address, max_body_mib=1, interval_seconds=0.5, timeout_seconds=0.5)
    until(lambda: bool(custody.values("up")))
    assert custody.values("up")[0] == 0.0
    assert custody.values("scrape_samples_scraped")[0] == 0.0
    assert not any(batch.refused for batch in custody.batches)
    until(lambda: reason in feed.trouble)
    exporter.status, exporter.body, exporter.headers = 200, b"load 1\n", {}
    until(lambda: feed.trouble == "")
    assert custody.values("load")[-1] == 1.0


def test_a_bad_line_is_a_dead_letter_once_and_counted_each_time(exporter: Exporter, run: Run, custody: Custody) -> None:
    exporter.body = b'limit{a="b"} +Inf\nbad\nload 1\n'
    run(exporter.address)
    until(lambda: len(custody.values("up")) >= 2)
    exporter.body = b'limit{a="c"} +Inf\nbad\nload 1\n'
    until(lambda: sum(len(batch.refused) for batch in custody.batches) >= 3)
    letters = [letter for batch in custody.batches for letter in batch.refused]
    assert [letter.payload for letter in letters] == [b'limit{a="b"} +Inf', b"bad", b'limit{a="c"} +Inf']
    assert letters[0].reason == f"{exporter.address}: value: inf is not a finite number"
    assert set(custody.values("bdp_scrape_samples_refused")) == {2.0}
    assert set(custody.values("up")) == {1.0}


def test_the_token_comes_from_the_environment_or_a_file_read_anew(
    exporter: Exporter, run: Run, custody: Custody, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    run(exporter.address, name="files", token=f"file:{file}")
    until(lambda: bool(exporter.asked))
    file.write_text("second\n")
    until(lambda: exporter.asked[-1].get("authorization") == "Bearer second")
    assert exporter.asked[0]["authorization"] == "Bearer first"
    run(exporter.address, name="named", token="env:KEY", secret={"KEY": "third"}.get)
    until(lambda: any(one.get("authorization") == "Bearer third" for one in exporter.asked))


def test_a_token_that_is_not_there_is_a_trouble(exporter: Exporter, run: Run, custody: Custody) -> None:
    feed = run(exporter.address, token="env:KEY")
    until(lambda: "KEY is not set" in feed.trouble)
    assert exporter.asked == []


def test_a_custody_that_is_away_stops_the_asking_and_nothing_piles_up(
    exporter: Exporter, run: Run, custody: Custody
) -> None:
    custody.away = True
    feed = run(exporter.address)
    until(lambda: feed.trouble == "The disk is full.")
    asked = len(exporter.asked)
    time.sleep(0.7)
    assert len(exporter.asked) == asked
    custody.away = False
    until(lambda: len(custody.values("up")) >= 2)
    assert feed.trouble == ""


def test_answers_that_find_no_room_fail_and_the_room_is_free_again(
    exporters: Callable[[], Exporter], run: Run, custody: Custody
) -> None:
    small, large = exporters(), exporters()
    large.body = b"# " + b"x" * (2 << 20)
    feed = run(small.address, large.address, max_body_mib=4, room_mib=1)
    until(lambda: len(custody.values("up", large.address)) >= 2 and len(custody.values("up", small.address)) >= 2)
    assert (set(custody.values("up", large.address)), set(custody.values("up", small.address))) == ({0.0}, {1.0})
    assert "holds" in feed.trouble


def test_a_feed_ends_while_a_target_dawdles(exporter: Exporter, custody: Custody) -> None:
    exporter.drip = True
    settings = ScrapeFeedSettings(targets=(exporter.address,), interval_seconds=5, timeout_seconds=5)
    feeds = Feeds([ScrapeFeed(settings, IntakeSettings(), custody.take, SystemClock(), Ids())])
    feeds.start()
    until(lambda: bool(exporter.asked))
    begun = time.monotonic()
    feeds.close()
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"targets": ["ftp://h/x"]}, "host:port"),
        ({"targets": ["http://u:p@h/x"]}, "use token"),
        ({"targets": ["h:99999"]}, "no address"),
        ({"targets": ["h:1", "http://h:1/other"]}, "stands there 2 times"),
        ({"targets": ["h:1"], "timeout_seconds": 20}, "longer than interval_seconds"),
        ({"targets": ["h:1"], "labels": {"job": "x"}}, "set by the feed"),
        ({"targets": ["h:1"], "token": "secret"}, "pattern"),
    ],
)
def test_settings_that_cannot_be(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ScrapeFeedSettings(**given)


def test_feeds_are_opened_by_their_kind(exporter: Exporter, custody: Custody, tmp_path: Path) -> None:
    settings = ScrapeFeedSettings(
        targets=(f"http://{exporter.address}/probe?x=1",), interval_seconds=0.5, timeout_seconds=0.5
    )
    feeds = open_feeds([settings], IntakeSettings(), tmp_path, custody.take, SystemClock(), Ids(), lambda name: None)
    feeds.start()
    until(lambda: custody.values("load") == [0.5])
    feeds.close()
    assert feeds.states() == {"scrape": ""}
    assert exporter.asked[0]["path"] == "/probe?x=1"
