"""Cost Explorer as a way in: real HTTP to a server in AWS's shapes, into a real store. Each request costs money."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bdp.clock import ManualClock
from bdp.errors import BadSetting, NotAllowed, Retry, StreamUnavailable
from bdp.ids import Ids
from bdp.intake.feeds import open_feeds
from bdp.intake.feeds.checkpoints import Checkpoints
from bdp.intake.feeds.costs import CostFeed, CostFeedSettings
from bdp.intake.feeds.feed import Stopped
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch
from bdp.model.cost_result import ProviderView
from bdp.store.clickhouse import ClickHouseStore
from tests.integration.aws_loopback import allow
from tests.integration.cost_explorer_server import CostExplorerServer, anomaly
from tests.kept import empty_store

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
EVERY = timedelta(hours=8)
DENIED = "User: arn:aws:iam::111111111111:user/bdp is not authorized to perform this"


class Custody:
    """Stores what it is given, once by its id; may crash before or after that."""

    def __init__(self, store: ClickHouseStore) -> None:
        self.store = store
        self.batches: list[Batch] = []
        self.views: list[ProviderView] = []
        self.crash_before = self.crash_after = -1

    def take(self, batch: Batch) -> None:
        if len(self.batches) == self.crash_before:
            raise Crash
        self.batches.append(batch)
        if batch.count:
            self.store.insert(batch.kind, batch.payload, batch.batch_id)
        if len(self.batches) == self.crash_after:
            raise Crash

    def by_day(self) -> dict[date, float]:
        found = self.store.query(
            "SELECT toDate(charge_period_start) AS day, round(sum(billed_cost), 6) AS cost FROM charges GROUP BY day"
        )
        return {row["day"]: row["cost"] for row in found}


class Crash(BaseException):
    """The process ends here."""


Open = Callable[..., CostFeed]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[CostExplorerServer]:
    allow(monkeypatch)
    with CostExplorerServer() as server:
        for number in range(1, 11):
            server.charge(TODAY - number * DAY, "AWS Lambda", 10.0)
            server.charge(TODAY - number * DAY, "Amazon S3", 4.0, "222222222222")
        yield server


@pytest.fixture
def custody() -> Iterator[Custody]:
    store = empty_store()
    yield Custody(store)
    store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def open_feed(tmp_path: Path, aws: CostExplorerServer, custody: Custody, clock: ManualClock) -> Open:
    def opened(batch_records: int = 5000, **given: Any) -> CostFeed:
        settings = CostFeedSettings(**{"endpoint_url": aws.url, "retries": 0, **given})
        intake = IntakeSettings(batch_records=batch_records)
        checkpoints = Checkpoints(tmp_path / "feeds.db")
        return CostFeed(settings, intake, custody.take, custody.views.append, checkpoints, clock, Ids())

    return opened


def poll(feed: CostFeed) -> float:
    return feed.poll(threading.Event())


def test_days_that_aws_corrects_are_replaced_not_added(
    open_feed: Open, aws: CostExplorerServer, custody: Custody, clock: ManualClock
) -> None:
    feed = open_feed()
    poll(feed)
    assert custody.by_day() == {TODAY - number * DAY: 14.0 for number in range(1, 11)}
    aws.charge(TODAY - DAY, "AWS Lambda", 25.0)
    aws.charge(TODAY - 2 * DAY, "Amazon SQS", 1.0)
    del aws.costs[TODAY - 3 * DAY, "222222222222", "Amazon S3"]
    aws.charge(TODAY - 3 * DAY, "AWS Lambda", 11.0, "222222222222")
    aws.charge(TODAY - 9 * DAY, "AWS Lambda", 99.0)  # older than what is asked for again
    clock.advance(EVERY)
    poll(feed)
    changed = {TODAY - DAY: 29.0, TODAY - 2 * DAY: 15.0, TODAY - 3 * DAY: 21.0}
    assert custody.by_day() == {TODAY - number * DAY: 14.0 for number in range(1, 11)} | changed
    assert [asked["TimePeriod"] for asked in aws.questions("GetCostAndUsage")] == [
        {"Start": "2025-12-01", "End": "2026-03-01"},
        {"Start": "2026-02-24", "End": "2026-03-01"},
    ]


def test_lines_have_names_meters_and_both_costs(open_feed: Open, aws: CostExplorerServer, custody: Custody) -> None:
    aws.page_groups = 3  # names of accounts come with the first page only
    poll(open_feed(billing_account_id="999999999999"))
    assert len(aws.questions("GetCostAndUsage")) == 7
    rows = custody.store.query(
        "SELECT DISTINCT provider_name, billing_account_id, sub_account_id, sub_account_name, service_name, "
        "billed_cost, round(effective_cost, 6) AS effective, billing_currency FROM charges ORDER BY sub_account_id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("AWS", "999999999999", "111111111111", "prod", "AWS Lambda", 10.0, 11.0, "USD"),
        ("AWS", "999999999999", "222222222222", "dev", "Amazon S3", 4.0, 4.4, "USD"),
    ]


def test_it_is_asked_when_it_is_due_and_not_when_the_process_starts(
    open_feed: Open, aws: CostExplorerServer, clock: ManualClock
) -> None:
    assert poll(open_feed()) == 3600
    spent = len(aws.asked)
    assert spent == 3
    for _ in range(5):
        clock.advance(timedelta(minutes=95))
        poll(open_feed())
    assert len(aws.asked) == spent
    clock.advance(timedelta(minutes=6))
    poll(open_feed())
    assert len(aws.asked) == 2 * spent


def test_a_clock_that_was_set_back_is_told(open_feed: Open, aws: CostExplorerServer, clock: ManualClock) -> None:
    poll(open_feed())
    spent = len(aws.asked)
    clock.advance(timedelta(days=-2))
    with pytest.raises(Retry, match="2026-02-27 06:00, before the last fetch"):
        poll(open_feed())
    assert len(aws.asked) == spent


def test_days_missed_while_it_was_away_are_asked_for(
    open_feed: Open, aws: CostExplorerServer, custody: Custody, clock: ManualClock
) -> None:
    poll(open_feed(history_days=30))
    clock.advance(20 * DAY)
    for number in range(20):
        aws.charge(TODAY + number * DAY, "AWS Lambda", 3.0)
    poll(open_feed(history_days=30))
    assert aws.questions("GetCostAndUsage")[-1]["TimePeriod"] == {"Start": "2026-02-24", "End": "2026-03-21"}
    assert len(custody.by_day()) == 30
    clock.advance(50 * DAY)
    with capture_logs() as told:
        poll(open_feed(history_days=30))
    assert [entry["event"] for entry in told] == ["feed.days_lost"]


@pytest.mark.parametrize("crash", [{"crash_before": 2}, {"crash_after": 2}, {"crash_after": 5}])
def test_a_crash_neither_loses_nor_doubles_costs(
    open_feed: Open, aws: CostExplorerServer, custody: Custody, clock: ManualClock, crash: dict[str, int]
) -> None:
    expected = {TODAY - number * DAY: 14.0 for number in range(1, 11)}
    vars(custody).update(crash)
    with pytest.raises(Crash):
        poll(open_feed(batch_records=4))
    custody.crash_before = custody.crash_after = -1
    assert poll(open_feed(batch_records=4)) == 300  # a process that crashes in a circle must not spend money
    assert len(aws.questions("GetCostAndUsage")) == 1
    clock.advance(timedelta(seconds=300))
    poll(open_feed(batch_records=4))
    assert custody.by_day() == expected
    assert aws.questions("GetCostAndUsage")[1] == aws.questions("GetCostAndUsage")[0]
    clock.advance(EVERY)
    poll(open_feed(batch_records=4))
    assert custody.by_day() == expected


def test_nothing_is_delivered_of_a_fetch_that_fails_on_its_way(
    open_feed: Open, aws: CostExplorerServer, custody: Custody
) -> None:
    aws.page_groups = 5
    feed = open_feed(batch_records=1)
    taken: list[int] = []

    def breaks(operation: str, asked: dict[str, Any]) -> tuple[int, bytes]:
        taken.append(1)
        if len(taken) == 3:
            aws.refusals.append(("", 400, "ThrottlingException", "Rate exceeded"))
        return CostExplorerServer.answer(aws, operation, asked)

    aws.answer = breaks  # type: ignore[method-assign]
    with pytest.raises(Retry, match="asks for fewer requests"):
        poll(feed)
    assert custody.batches == []
    poll(feed)  # nothing is waited for but the failure's own pause
    assert len(custody.by_day()) == 10


def test_a_stop_while_custody_is_away_leaves_it_for_the_next_start(
    open_feed: Open, custody: Custody, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()

    def away(batch: Batch) -> None:
        stop.set()
        raise StreamUnavailable("No sink takes records now.")

    feed = open_feed()
    monkeypatch.setattr(feed, "_deliver", away)
    with pytest.raises(Stopped):
        feed.poll(stop)
    clock.advance(timedelta(seconds=300))
    poll(open_feed())
    assert len(custody.by_day()) == 10


@pytest.mark.parametrize("page_groups", [1, 3, 1000])
def test_a_day_comes_in_one_piece(open_feed: Open, aws: CostExplorerServer, custody: Custody, page_groups: int) -> None:
    """What is said anew of an account's day takes the place of all of it: half of it would look cheap."""
    aws.page_groups = page_groups
    poll(open_feed(batch_records=1))
    assert [batch.count for batch in custody.batches] == [2] * 10
    assert len({batch.batch_id for batch in custody.batches}) == 10


def test_today_is_asked_for_on_request(open_feed: Open, aws: CostExplorerServer, custody: Custody) -> None:
    aws.charge(TODAY, "AWS Lambda", 2.5)
    poll(open_feed(today=True))
    assert custody.by_day()[TODAY] == 2.5


def test_a_group_that_is_no_cost_is_a_dead_letter(open_feed: Open, aws: CostExplorerServer, custody: Custody) -> None:
    aws.charge(TODAY - DAY, "AWS Lambda", float("nan"))
    poll(open_feed())
    [letter] = [letter for batch in custody.batches for letter in batch.refused]
    assert "UnblendedCost: expected a finite number" in letter.reason
    assert custody.by_day()[TODAY - DAY] == 4.0


# --------------------------------------------------------------------------------------- what AWS itself says


def test_what_aws_forecasts_and_finds_is_kept(
    open_feed: Open, aws: CostExplorerServer, custody: Custody, clock: ManualClock
) -> None:
    aws.anomalies = [anomaly(number) for number in range(5)]
    aws.page_groups = 2
    poll(open_feed(forecast_days=3))
    [view] = custody.views
    assert (view.name, view.asked_at, view.problem) == ("cost_explorer", NOW, "")
    assert view.forecast is not None
    assert (view.forecast.start, view.forecast.end, view.forecast.total) == (TODAY, TODAY + 2 * DAY, 31.5)
    assert [(day.cost, day.low, day.high) for day in view.forecast.days] == [(10.5, 8.25, 12.75)] * 3
    assert [one.anomaly_id for one in view.anomalies] == [f"a-{number}" for number in range(5)]
    assert view.anomalies[0].root_causes == ("prod / AWS Lambda / eu-west-1 / EU-Lambda-GB-Second: 12.50 USD",)
    [asked] = aws.questions("GetCostForecast")
    assert (asked["Granularity"], asked["PredictionIntervalLevel"]) == ("DAILY", 90)


def test_a_forecast_that_aws_cannot_make_is_no_trouble(
    open_feed: Open, aws: CostExplorerServer, custody: Custody
) -> None:
    aws.no_forecast = ("DataUnavailableException", "Insufficient amount of historical data.")
    aws.anomalies = [anomaly(1)]
    feed = open_feed()
    poll(feed)
    [view] = custody.views
    assert (view.forecast, len(view.anomalies), feed.trouble) == (None, 1, "")
    assert "Insufficient amount of historical data" in view.problem


def test_who_may_not_ask_for_forecasts_gets_costs_and_is_told(
    open_feed: Open, aws: CostExplorerServer, custody: Custody, clock: ManualClock
) -> None:
    aws.refusals = [("GetCostForecast", 400, "AccessDeniedException", DENIED)]
    aws.anomalies = [anomaly(1)]
    feed = open_feed()
    poll(feed)
    assert len(custody.by_day()) == 10
    assert len(custody.views[0].anomalies) == 1
    for _ in range(2):
        assert "AWS does not allow ce:GetCostForecast" in feed.trouble
        assert "set forecast = false" in feed.trouble
        poll(feed)  # not due; the trouble stays
    clock.advance(EVERY)
    poll(feed)
    assert (feed.trouble, custody.views[-1].problem) == ("", "")


def test_what_is_not_wanted_is_not_asked_for(open_feed: Open, aws: CostExplorerServer, custody: Custody) -> None:
    poll(open_feed(forecast=False, anomalies=False))
    assert [name for name, _ in aws.asked] == ["GetCostAndUsage"]
    assert custody.views == []


def test_throttled_views_do_not_ask_for_costs_again(open_feed: Open, aws: CostExplorerServer, custody: Custody) -> None:
    aws.refusals = [("GetAnomalies", 400, "LimitExceededException", "You made too many calls")]
    feed = open_feed()
    with pytest.raises(Retry):
        poll(feed)
    poll(feed)
    assert len(aws.questions("GetCostAndUsage")) == 1
    assert len(custody.views) == 1


# ------------------------------------------------------------------------------------------------- in its thread


def test_it_says_what_keeps_it_and_goes_on(
    open_feed: Open, aws: CostExplorerServer, custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bdp.intake.feeds.costs._FIRST_WAIT", 0.3)
    aws.refusals = [("", 400, "AccessDeniedException", DENIED)]
    feed, stop = open_feed(), threading.Event()
    worker = threading.Thread(target=feed.run, args=(stop,))
    with capture_logs() as told:
        worker.start()
        troubles = set()
        limit = time.monotonic() + 20
        while not custody.views and time.monotonic() < limit:
            troubles.add(feed.trouble)
            time.sleep(0.01)
        time.sleep(0.1)
        stop.set()
        worker.join()
    assert len(custody.by_day()) == 10
    assert any("Allow ce:GetCostAndUsage to this user or role" in trouble for trouble in troubles)
    assert [entry["event"] for entry in told] == ["feed.interrupted", "feed.resumed"]
    assert feed.trouble == ""


def test_a_profile_that_is_not_there_ends_it(open_feed: Open) -> None:
    with pytest.raises(BadSetting, match="nobody"):
        open_feed(profile="nobody").run(threading.Event())


def test_without_credentials_it_says_so(
    open_feed: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, aws: CostExplorerServer
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    feed = open_feed()
    with pytest.raises(NotAllowed, match="no AWS credentials for Cost Explorer"):
        poll(feed)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    poll(feed)  # credentials are read anew
    assert len(aws.questions("GetCostAndUsage")) == 1


def test_a_feed_of_the_settings_fetches_and_keeps_the_view(
    tmp_path: Path, aws: CostExplorerServer, custody: Custody, clock: ManualClock
) -> None:
    settings = CostFeedSettings(endpoint_url=aws.url)
    feeds = open_feeds(
        [settings],
        IntakeSettings(),
        tmp_path,
        custody.take,
        clock,
        Ids(),
        lambda name: None,
        None,
        custody.views.append,
    )
    feeds.start()
    limit = time.monotonic() + 20
    while not custody.views and time.monotonic() < limit:
        time.sleep(0.02)
    feeds.close()
    assert (feeds.troubles(), len(custody.views), len(custody.by_day())) == ({}, 1, 10)
