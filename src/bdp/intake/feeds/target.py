"""One exporter: fetched over HTTP within its time and size, and its text as one batch of metric points.

Besides the samples a scrape gives the points `up` (1 if it was read, else 0), `scrape_duration_seconds` and
`scrape_samples_scraped`, as Prometheus does, and `bdp_scrape_samples_refused`. The labels `job` and `instance` and the
configured ones are the target's; a sample's own label of such a name is kept as `exported_<name>`.

A line that cannot pass is a dead letter once, not again in each scrape while it stays; the count has what is left out.
Where more than 100 lines cannot pass, the text is none of an exporter: the whole scrape fails.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
import msgspec

from bdp.clock import Clock
from bdp.errors import BdpError
from bdp.ids import Ids
from bdp.intake.body import read_body
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.exposition import OPENMETRICS, TEXT, Target, read_exposition
from bdp.intake.refusal import shown
from bdp.model.batch import Batch, DeadLetter, RecordKind
from bdp.model.metric import MetricPoint

_MOST_LETTERS = 100
_OK = 200
_HEADERS: Final = {
    "Accept": f"{OPENMETRICS};version=1.0.0,{TEXT};version=0.0.4;q=0.5",
    "Accept-Encoding": "gzip",
    "User-Agent": "bdp",
}


class ScrapeFailed(Exception):
    """The target was not read; the text says why."""


class Room:
    """Bytes of bodies that may be held at once, by all targets together. For one event loop."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.held = 0

    def take(self, size: int) -> None:
        """Hold more.

        Raises:
            ScrapeFailed: there is no room for it.
        """
        if self.held + size > self._size:
            raise ScrapeFailed(f"the feed holds {self._size} bytes of other targets' answers")
        self.held += size

    def free(self, size: int) -> None:
        """Hold less."""
        self.held -= size


@dataclass(frozen=True)
class Fetched:
    """What came of asking a target.

    Attributes:
        at: when it was asked; the time of samples without one.
        seconds: how long it took.
        kind: content type.
        trouble: why it was not read; empty if it was.
        held: bytes that it holds of the room.
    """

    at: datetime
    seconds: float
    raw: bytes = b""
    encoding: str = ""
    kind: str = ""
    trouble: str = ""
    held: int = 0


class ScrapeTarget:
    """An exporter at an address.

    Args:
        labels: of every sample; `instance` is what measures, so it is the points' entity.
        source: name of the feed.
        most: most bytes of an answer, before and after decompression.

    Attributes:
        trouble: why the last scrape failed; empty if it did not.
    """

    def __init__(
        self, url: str, labels: dict[str, str], source: str, intake: IntakeSettings, most: int, honor: bool
    ) -> None:
        self.url = url
        self.instance = labels["instance"]
        self.key = hashlib.sha256(url.encode()).hexdigest()[:12]
        self.trouble = ""
        self._source = source
        self._labels = {name: value for name, value in sorted(labels.items()) if value}
        self._target = Target(labels, honor=honor, renamed=not honor)
        self._intake = intake
        self._most = most
        self._refused: frozenset[bytes] = frozenset()

    async def fetch(
        self, client: httpx.AsyncClient, clock: Clock, seconds: float, room: Room, token: Callable[[], str]
    ) -> Fetched:
        """Ask the target; whatever goes wrong is in the answer. It ends after `seconds`, however the target dawdles."""
        at, begun = clock.now(), clock.monotonic()
        parts: list[bytes] = []
        encoding = kind = trouble = ""
        try:
            async with asyncio.timeout(seconds):
                headers = _HEADERS | _authorization(token())
                async with client.stream("GET", self.url, headers=headers) as answer:
                    kind, encoding = _checked(answer)
                    await self._read(answer, parts, room)
        except TimeoutError:
            trouble = f"no whole answer within {seconds:g} seconds"
        except (ScrapeFailed, OSError, httpx.InvalidURL) as error:
            trouble = str(error) or type(error).__name__
        except httpx.HTTPError as error:
            trouble = f"{type(error).__name__}: {error}".rstrip(": ")
        held = sum(map(len, parts))
        raw = b"" if trouble else b"".join(parts)
        return Fetched(at, clock.monotonic() - begun, raw, encoding, kind, trouble, held)

    async def _read(self, answer: httpx.Response, parts: list[bytes], room: Room) -> None:
        size = 0
        async for part in answer.aiter_raw():
            size += len(part)
            if size > self._most:
                raise ScrapeFailed(f"the answer has more than {self._most} bytes")
            room.take(len(part))
            parts.append(part)

    def batch(self, fetched: Fetched, ids: Ids) -> Batch:
        """Return what a fetch gave as a batch, and note in `trouble` whether it could be read."""
        read = self._parcel(fetched).batch("", ids)
        self.trouble = fetched.trouble
        if not self.trouble:
            try:
                read = self._samples(fetched, ids)
            except BdpError as error:
                self.trouble = error.what
            except ScrapeFailed as error:
                self.trouble = str(error)
        letters = self._new_letters(read.refused)
        own = self._own_points(fetched, read.count, len(read.refused), ids)
        return msgspec.structs.replace(
            read,
            batch_id=f"{self._source}:{self.key}:{int(fetched.at.timestamp() * 1000)}",
            count=read.count + own.count,
            payload=read.payload + own.payload,
            refused=letters,
        )

    def _parcel(self, fetched: Fetched) -> Parcel:
        return Parcel(RecordKind.METRICS, Edge(fetched.at, self._intake), self._source)

    def _samples(self, fetched: Fetched, ids: Ids) -> Batch:
        limited = self._intake.model_copy(update={"max_request_bytes": self._most})
        parcel = self._parcel(fetched)
        read_exposition(read_body(fetched.raw, fetched.encoding, limited), fetched.kind, parcel, self._target)
        read = parcel.batch("", ids)
        if len(read.refused) > _MOST_LETTERS:
            raise ScrapeFailed(f"{len(read.refused)} lines cannot pass, such as: {read.refused[0].reason}")
        return read

    def _new_letters(self, letters: tuple[DeadLetter, ...]) -> tuple[DeadLetter, ...]:
        """Return the letters of lines that the last scrape did not have; a line is known by all but its value."""
        keyed = [(letter.payload.rpartition(b" ")[0] or letter.payload, letter) for letter in letters]
        known, self._refused = self._refused, frozenset(key for key, _ in keyed)
        return tuple(_told(letter, self.instance) for key, letter in keyed if key not in known)

    def _own_points(self, fetched: Fetched, count: int, refused: int, ids: Ids) -> Batch:
        parcel = self._parcel(fetched)
        for name, value, unit in (
            ("up", float(not self.trouble), ""),
            ("scrape_duration_seconds", fetched.seconds, "s"),
            ("scrape_samples_scraped", float(count + refused), ""),
            ("bdp_scrape_samples_refused", float(refused), ""),
        ):
            parcel.point(
                MetricPoint(
                    ts=fetched.at, name=name, entity=self.instance, labels=self._labels, value=value, unit=unit
                ),
                bytes,
            )
        return parcel.batch("", ids)


def _checked(answer: httpx.Response) -> tuple[str, str]:
    """Return content type and encoding of an answer that may be read.

    Raises:
        ScrapeFailed: it is no success, or no text of an exporter.
    """
    if answer.is_redirect:
        raise ScrapeFailed(f"it answered {answer.status_code} with another address, which is not followed")
    if answer.status_code != _OK:
        raise ScrapeFailed(f"it answered {answer.status_code}")
    kind: str = answer.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() not in ("", TEXT, OPENMETRICS):
        raise ScrapeFailed(f"it answered {shown(kind)}, which is no text of an exporter")
    return kind, answer.headers.get("content-encoding", "")


def _authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _told(letter: DeadLetter, instance: str) -> DeadLetter:
    return msgspec.structs.replace(letter, reason=f"{instance}: {letter.reason}")


def token_of(setting: str, secret: Callable[[str], str | None]) -> Callable[[], str]:
    """Return what gives the token that a setting names: a file is read each time, since tokens there change.

    The function given raises ScrapeFailed where there is none.
    """
    kind, _, where = setting.partition(":")

    def from_file() -> str:
        try:
            return Path(where).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise ScrapeFailed(f"the token's file cannot be read: {error}") from None

    def from_environment() -> str:
        found = secret(where)
        if not found:
            raise ScrapeFailed(f"the token's variable {where} is not set")
        return found

    return {"file": from_file, "env": from_environment}.get(kind, str)
