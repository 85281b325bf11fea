"""Exporters as a way in: each is asked for its metrics at its own moment, as a Prometheus server does.

All targets are tended in one event loop, each by a task of its own, so that one that is slow or dead delays no other;
what was read is decoded and brought into custody by a few threads. A target whose last answer waits for custody is not
asked again, so nothing piles up: what could not be asked for is a gap.

Memory: `room_mib` of answers of all targets together; an answer that does not fit fails. Of those, four at a time are
decoded, about six times as large.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bdp.clock import Clock
from bdp.errors import BadSetting
from bdp.ids import Ids
from bdp.intake.feeds.feed import Deliver, Stopped, deliver_surely
from bdp.intake.feeds.target import Fetched, Room, ScrapeTarget, token_of
from bdp.intake.limits import MIB, IntakeSettings
from bdp.telemetry import Absence

log = structlog.get_logger(__name__)

_WORKERS: Final = 4
_MOST_RESOLVERS: Final = 64
_LOOK_SECONDS: Final = 0.1
_SHOWN: Final = 3
_OURS: Final = frozenset({"job", "instance"})


class ScrapeFeedSettings(BaseModel):
    """Exporters to ask for their metrics: Prometheus' text format or OpenMetrics."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["scrape"] = "scrape"
    name: str = Field(
        default="scrape",
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        description="source that the ledger shows; also part of the batches' ids, so it must not stand twice",
    )
    targets: tuple[str, ...] = Field(
        min_length=1, max_length=2000, description="addresses, or host:port for http://host:port/metrics"
    )
    job: str = Field(default="", max_length=200, description="label job of all samples; empty: the feed's name")
    labels: dict[str, str] = Field(default={}, description="further labels of all samples")
    honor_labels: bool = Field(
        default=False,
        description="a sample's own label stays where we have one of its name; else it becomes exported_NAME",
    )
    interval_seconds: float = Field(default=15.0, ge=0.1, le=86_400, description="how often each target is asked")
    timeout_seconds: float = Field(
        default=10.0, ge=0.1, le=3600, description="longest wait for a whole answer; at most the interval"
    )
    token: str = Field(
        default="",
        pattern=r"^(|env:\w+|file:.+)$",
        description="bearer token, by reference: env:NAME or file:/path; a file is read before each request",
    )
    ca_file: str = Field(default="", description="certificates to trust in place of the system's")
    max_body_mib: int = Field(
        default=16, ge=1, le=256, description="largest answer of a target, before and after decompression, in MiB"
    )
    room_mib: int = Field(default=64, ge=1, le=4096, description="most MiB of all targets' answers held at once")

    @field_validator("targets")
    @classmethod
    def _addresses(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_address(target) for target in targets)

    @model_validator(mode="after")
    def _fits(self) -> ScrapeFeedSettings:
        instance, count = Counter(map(_instance, self.targets)).most_common(1)[0]
        if count > 1:
            raise ValueError(f"targets: {instance} stands there {count} times; put one into a feed with another job")
        if self.timeout_seconds > self.interval_seconds:
            raise ValueError("timeout_seconds: longer than interval_seconds")
        if reserved := _OURS & self.labels.keys():
            raise ValueError(f"labels: {min(reserved)} is set by the feed; for job there is a setting")
        return self


class ScrapeFeed:
    """`feed.Feed` on exporters.

    Args:
        secret: gives the value of an environment variable that the token's setting names.
    """

    def __init__(
        self,
        settings: ScrapeFeedSettings,
        intake: IntakeSettings,
        deliver: Deliver,
        clock: Clock,
        ids: Ids,
        secret: Callable[[str], str | None] = lambda name: None,
    ) -> None:
        self.name = settings.name
        self.trouble = ""
        self._settings = settings
        self._deliver = deliver
        self._clock = clock
        self._ids = ids
        self._token = token_of(settings.token, secret)
        self._room = Room(settings.room_mib * MIB)
        self._targets = [self._target(url, intake) for url in settings.targets]
        self._absences = {
            target.key: Absence(
                log, "feed.target_down", "feed.target_up", clock.monotonic, feed=self.name, target=target.instance
            )
            for target in self._targets
        }

    def _target(self, url: str, intake: IntakeSettings) -> ScrapeTarget:
        settings = self._settings
        labels = {**settings.labels, "job": settings.job or settings.name, "instance": _instance(url)}
        return ScrapeTarget(url, labels, self.name, intake, settings.max_body_mib * MIB, settings.honor_labels)

    def run(self, stop: threading.Event) -> None:
        """See `feed.Feed.run`."""
        trusted = _trusted(self._settings.ca_file)
        with ThreadPoolExecutor(_WORKERS, f"feed-{self.name}") as workers:
            asyncio.run(self._tend_all(trusted, workers, stop))

    async def _tend_all(self, trusted: ssl.SSLContext, workers: ThreadPoolExecutor, stop: threading.Event) -> None:
        # Names are looked up in threads; those that nobody answers for must not hold up the others.
        resolvers = ThreadPoolExecutor(min(len(self._targets), _MOST_RESOLVERS), f"feed-{self.name}-names")
        asyncio.get_running_loop().set_default_executor(resolvers)
        async with self._client(trusted) as client:
            tasks = [asyncio.create_task(self._tend(target, client, workers, stop)) for target in self._targets]
            try:
                ended: set[asyncio.Task[None]] = set()
                while not stop.is_set() and not ended:
                    ended, _ = await asyncio.wait(tasks, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, Stopped):
                raise end

    def _client(self, trusted: ssl.SSLContext) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=trusted,
            follow_redirects=False,
            trust_env=False,
            timeout=self._settings.timeout_seconds,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=len(self._targets)),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def _tend(
        self, target: ScrapeTarget, client: httpx.AsyncClient, workers: ThreadPoolExecutor, stop: threading.Event
    ) -> None:
        while True:
            await asyncio.sleep(self._until_due(target))
            fetched = await target.fetch(client, self._clock, self._settings.timeout_seconds, self._room, self._token)
            try:
                await asyncio.get_running_loop().run_in_executor(workers, self._take, target, fetched, stop)
            finally:
                self._room.free(fetched.held)

    def _until_due(self, target: ScrapeTarget) -> float:
        """Return the seconds to a target's next moment: its own in each interval, the same in every life."""
        interval = self._settings.interval_seconds
        offset = int(target.key, 16) % 10_000 / 10_000 * interval
        return interval - (self._clock.now().timestamp() - offset) % interval

    def _take(self, target: ScrapeTarget, fetched: Fetched, stop: threading.Event) -> None:
        """Bring what was fetched into custody."""
        try:
            batch = target.batch(fetched, self._ids)
        except Exception as error:
            # A defect met by one target's text must not stop the others.
            target.trouble = f"a defect: {type(error).__name__}"
            log.exception("feed.poison", feed=self.name, target=target.instance)
        else:
            deliver_surely(self, self._deliver, batch, stop)
        absence = self._absences[target.key]
        if target.trouble:
            absence.met(target.trouble)
        else:
            absence.over()
        self.trouble = self._told()

    def _told(self) -> str:
        down = [target for target in self._targets if target.trouble]
        if not down:
            return ""
        shown = "; ".join(f"{target.instance}: {target.trouble}" for target in down[:_SHOWN])
        more = f"; and {len(down) - _SHOWN} more" if len(down) > _SHOWN else ""
        return f"{len(down)} of {len(self._targets)} targets are not read: {shown}{more}"


def _address(target: str) -> str:
    """Return a target's address in full.

    Raises:
        ValueError: it is none.
    """
    url = target if "://" in target else f"http://{target}/metrics"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError(f"{target[:100]!r} is neither host:port nor an http address")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{parts.hostname} has a password in its address; use token")
    try:
        _ = parts.port, httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as error:
        raise ValueError(f"{target[:100]!r} is no address: {error}") from None
    return url


def _instance(url: str) -> str:
    return urlsplit(url).netloc


def _trusted(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(f"The certificates of {ca_file} cannot be read: {error}.", "Correct ca_file.") from error
