"""CloudWatch's metrics and their expected bands as a way in, asked for by spans of whole periods.

Each span comes once: before it is delivered its bounds are kept in the home (`checkpoints.py`), and its batch's id is
made of them; after a crash the same span is asked for again, so that its id is known. What CloudWatch gets to know of a
span later than `delay_seconds` after its end is not seen. One process asks.

Memory: the answers for one span, at most about 60,000 values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.errors import BadSetting, MissingExtra, Retry
from bdp.ids import Ids
from bdp.intake.feeds.checkpoints import Checkpoint, Checkpoints, Plan
from bdp.intake.feeds.feed import Deliver, Stopped, deliver_surely
from bdp.intake.feeds.metric_data import Client, Incomplete, Series, WatchedMetric, add_points, ask, discover
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.model.batch import Batch, RecordKind
from bdp.telemetry import Absence

log = structlog.get_logger(__name__)

_LINE: Final = "spans"
_MOST_VALUES = 60_000
_MOST_PERIODS = 480
_FIRST_WAIT = 2.0
_LONGEST_WAIT = 300.0
_DAY = 86_400
_KEPT: Final = ((60, 15 * _DAY), (300, 63 * _DAY), (3600, 455 * _DAY))
"""CloudWatch keeps values of (period, for seconds); longer periods as long as the last."""
_THROTTLED: Final = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "LimitExceededException"})
_NOT_KNOWN: Final = frozenset({"ValidationError", "InvalidParameterValue"})
_DENIED: Final = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException", "ExpiredToken",
        "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch", "AuthFailure",
    }
)  # fmt: skip
_BY_FUNCTION: Final = {"FunctionName": ""}
_BY_DATABASE: Final = {"DBInstanceIdentifier": ""}
DEFAULT_METRICS: Final = tuple(
    WatchedMetric(namespace=space, metric_name=name, stat=stat, unit=unit, dimensions=dimensions)
    for space, name, stat, unit, dimensions in (
        ("AWS/Lambda", "Errors", "Sum", "Count", _BY_FUNCTION),
        ("AWS/Lambda", "Duration", "Average", "Milliseconds", _BY_FUNCTION),
        ("AWS/RDS", "CPUUtilization", "Average", "Percent", _BY_DATABASE),
        ("AWS/RDS", "DatabaseConnections", "Average", "Count", _BY_DATABASE),
    )
)


class CloudWatchFeedSettings(BaseModel):
    """CloudWatch metrics to ask for. Credentials come as AWS's own tools find them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["cloudwatch"] = "cloudwatch"
    name: str = Field(
        default="cloudwatch",
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        description="source that the ledger shows; also names the checkpoint, so it must not change or stand twice",
    )
    region: str = Field(default="", description="AWS region; empty: as AWS's own tools find it")
    profile: str = Field(default="", description="profile of AWS's own configuration; empty: as its tools find it")
    endpoint_url: str = Field(default="", description="address of another endpoint than the region's")
    account_id: str = Field(
        default="", pattern=r"^\d{0,12}$", description="label account_id of all points, as in metric streams"
    )
    metrics: tuple[WatchedMetric, ...] = Field(
        default=DEFAULT_METRICS,
        min_length=1,
        max_length=200,
        description="what to ask for: namespace, metric_name, stat, unit and dimensions, where an empty value "
        "stands for every one that there is",
    )
    band_width: float = Field(
        default=2.0, ge=0, le=100, description="width of the expected band in standard deviations; 0 asks for none"
    )
    period_seconds: int = Field(
        default=300, ge=60, le=_DAY, multiple_of=60, description="length of a value's period; also how often to ask"
    )
    delay_seconds: float = Field(
        default=180.0, ge=0, le=_DAY, description="wait behind the end of a period for values that come late"
    )
    history_hours: float = Field(default=3.0, ge=0, le=360, description="where the first reading begins, before now")
    max_metrics: int = Field(
        default=100, ge=1, le=2000, description="most metrics asked for at a time, for AWS bills each one"
    )
    discover_seconds: float = Field(default=900.0, ge=60, description="how often new dimensions are looked for")
    timeout_seconds: float = Field(default=10.0, ge=1, le=300, description="longest wait for an answer")


class CloudWatchFeed:
    """`feed.Feed` on metrics.

    Args:
        connect: makes the client.
    """

    def __init__(
        self,
        settings: CloudWatchFeedSettings,
        intake: IntakeSettings,
        deliver: Deliver,
        checkpoints: Checkpoints,
        clock: Clock,
        ids: Ids,
        connect: Callable[[CloudWatchFeedSettings], Client] | None = None,
    ) -> None:
        self.name = settings.name
        self.trouble = ""
        self._absence = Absence(log, "feed.interrupted", "feed.resumed", clock.monotonic, feed=settings.name)
        self._settings = settings
        self._intake = intake
        self._deliver = deliver
        self._checkpoints = checkpoints
        self._clock = clock
        self._ids = ids
        self._connect = connect or cloudwatch_client
        self._client: Client | None = None
        self._series: list[Series] = []
        self._listed = float("-inf")
        self._most_periods = _MOST_PERIODS

    def run(self, stop: threading.Event) -> None:
        """See `feed.Feed.run`."""
        exceptions = _exceptions()
        wait = _FIRST_WAIT
        while not stop.is_set():
            try:
                due = self.poll(stop)
                self.trouble, wait = "", _FIRST_WAIT
                self._absence.over()
                stop.wait(due)
            except Stopped:
                return
            except (exceptions.ClientError, exceptions.BotoCoreError, Incomplete, Retry) as error:
                self.trouble = _told(error)
                self._absence.met(self.trouble)
                stop.wait(wait)
                wait = min(wait * 2, _LONGEST_WAIT)

    def poll(self, stop: threading.Event) -> float:
        """Bring the next span into custody, if one is over; return the seconds until there is another.

        Raises:
            Stopped: `stop` was set before it was in custody.
            Incomplete, ClientError, BotoCoreError, Retry: try again later.
        """
        client = self._client = self._client or self._connect(self._settings)
        self._discover(client)
        at = self._checkpoints.of(self.name).get(_LINE, Checkpoint())
        begin, end, edge = self._span(at)
        if end <= begin:
            return self._until(begin)
        batch = self._batch(client, begin, end, planned=at.plan is not None)
        if batch is None:
            return 0.0  # a shorter one next
        at = at.planned(Plan(str(begin), str(end), 1))
        self._checkpoints.put(self.name, _LINE, at)
        deliver_surely(self, self._deliver, batch, stop)
        self._checkpoints.put(self.name, _LINE, at.settled())
        return self._until(end) if end >= edge else 0.0

    def _span(self, at: Checkpoint) -> tuple[int, int, int]:
        """Return the next span, and the end of the last period that is over, in seconds since 1970."""
        settings = self._settings
        period = settings.period_seconds
        edge = int((self._clock.now().timestamp() - settings.delay_seconds) // period) * period
        if at.plan:
            return int(at.plan.first), int(at.plan.last), edge
        begin = int(at.after) if at.after else edge - int(settings.history_hours * 3600) // period * period
        kept = next((seconds for longest, seconds in _KEPT if period <= longest), _KEPT[-1][1])
        if begin < edge - kept:
            log.warning("feed.span_lost", feed=self.name, begin=begin, end=edge - kept)
            begin = edge - kept
        series = 3 if settings.band_width else 1
        values = min(_MOST_VALUES, self._intake.max_records)
        most = max(1, min(self._most_periods, values // (series * max(1, len(self._series)))))
        return begin, min(edge, begin + most * period), edge

    def _until(self, begin: int) -> float:
        settings = self._settings
        due = begin + settings.period_seconds + settings.delay_seconds - self._clock.now().timestamp()
        return max(1.0, due)

    def _discover(self, client: Client) -> None:
        now = self._clock.monotonic()
        if now - self._listed < self._settings.discover_seconds:
            return
        self._series, count = discover(client, self._settings.metrics, self._settings.max_metrics)
        self._listed = now
        if count > len(self._series):
            log.warning("feed.metrics_left_out", feed=self.name, found=count, asked_for=len(self._series))

    def _batch(self, client: Client, begin: int, end: int, *, planned: bool) -> Batch | None:
        """Return what there is of a span; None if it is too long to be answered whole."""
        settings = self._settings
        span = datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)
        try:
            measured = ask(client, self._series, span, settings.period_seconds, settings.band_width)
        except Incomplete:
            periods = (end - begin) // settings.period_seconds
            if planned or periods <= 1:
                raise
            self._most_periods = periods // 2
            return None
        parcel = Parcel(RecordKind.METRICS, Edge(self._clock.now(), self._intake), self.name)
        about = {"account_id": settings.account_id, "region": settings.region or str(client.meta.region_name or "")}
        labels = {name: value for name, value in about.items() if value}
        for series, found in zip(self._series, measured, strict=True):
            add_points(series, found, labels, parcel)
        return parcel.batch(f"{self.name}:{begin}-{end}", self._ids)


def cloudwatch_client(settings: CloudWatchFeedSettings) -> Client:
    """Return a client.

    Raises:
        MissingExtra: the library is not installed.
        BadSetting: there is no region, or no such profile.
    """
    exceptions = _exceptions()
    import boto3
    from botocore.config import Config

    seconds = settings.timeout_seconds
    config = Config(
        connect_timeout=seconds, read_timeout=seconds, retries={"mode": "standard", "total_max_attempts": 2}
    )
    try:
        session: Any = boto3.Session(profile_name=settings.profile or None, region_name=settings.region or None)
        client: Client = session.client("cloudwatch", endpoint_url=settings.endpoint_url or None, config=config)
    except (exceptions.BotoCoreError, ValueError) as error:
        raise BadSetting(
            f"The feed {settings.name} cannot reach AWS: {error}.", "Correct its region, profile and endpoint_url."
        ) from error
    return client


def _exceptions() -> Any:
    try:
        import botocore.exceptions
    except ImportError as error:
        raise MissingExtra(
            "A CloudWatch feed needs a library that is not installed.", "Install it: pip install 'bdp-agent[aws]'."
        ) from error
    return botocore.exceptions


def _told(error: Exception) -> str:
    """Return what keeps the feed from fetching, in words that say what to do."""
    exceptions = _exceptions()
    if isinstance(error, Retry):
        return error.what
    if isinstance(error, exceptions.NoCredentialsError):
        return "CloudWatch: there are no AWS credentials; set them as for AWS's own tools"
    answer: Any = getattr(error, "response", None)
    code = answer.get("Error", {}).get("Code", "") if isinstance(answer, dict) else ""
    if code in _THROTTLED:
        return f"CloudWatch asks for fewer requests ({code}); raise period_seconds or lower max_metrics if it stays so"
    if code in _NOT_KNOWN:
        return f"CloudWatch: {error}; if the endpoint knows no anomaly detection, set band_width = 0"
    if code in _DENIED:
        return f"CloudWatch: {error}; needed are cloudwatch:GetMetricData and cloudwatch:ListMetrics"
    return f"CloudWatch: {error}"
