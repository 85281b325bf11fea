"""Everything between an acknowledgement and the pipeline, opened from settings: the chain, its way back, the books."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bdp.breaker import Breaker
from bdp.clock import Clock
from bdp.ports import Backlog, Books, Stream
from bdp.stream.backlog.files import Files
from bdp.stream.backlog.table import Table
from bdp.stream.delivery.chain import Chain, Link
from bdp.stream.delivery.drops import DropFile
from bdp.stream.delivery.recovery import Recovery
from bdp.stream.delivery.room import Room, share
from bdp.stream.journal.journal import Journal
from bdp.stream.kafka.topic import open_topic
from bdp.stream.kinesis.stream import open_kinesis
from bdp.stream.leftovers import check_journal, left_behind
from bdp.stream.settings import StreamSettings
from bdp.stream.shared.sharing import Shared

BACKLOGS: dict[str, Callable[[StreamSettings, Path, Clock], Backlog]] = {
    "table": lambda settings, folder, clock: Table(settings.table, folder),
    "files": lambda settings, folder, clock: Files(settings.files, folder, clock),
}


@dataclass(frozen=True)
class Place:
    """Where an installation keeps what it has.

    Attributes:
        folder: the home; sinks on this machine put their files there.
        database: address of the state's database.
        process: names this process to others; a new one for each.
        secret: gives the value of an environment variable that a setting names.
    """

    folder: Path
    database: str
    process: str
    secret: Callable[[str], str | None] = lambda name: None


@dataclass
class Primary:
    """The first sink, and what it is read through.

    Attributes:
        pin: told True while batches wait behind the primary, so that ids which may come again are kept.
    """

    link: Link
    books: Books
    stream: Stream | Shared
    pin: Callable[[bool], None]


@dataclass
class Custody:
    """What `open_custody` opened; closed in reverse order.

    Attributes:
        stream: what is read from the primary: one stream, or one whose lanes are shared.
    """

    chain: Chain
    recovery: Recovery
    books: Books
    stream: Stream | Shared
    _parts: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self) -> None:
        """Bring back what waits behind the primary, in the background."""
        worker = threading.Thread(target=self.recovery.run, name="recovery")
        worker.start()
        self._parts.callback(worker.join)
        self._parts.callback(self.recovery.stop)

    def close(self) -> None:
        """Stop, and close every sink."""
        self.chain.close()
        self._parts.close()


def open_custody(settings: StreamSettings, place: Place, clock: Clock) -> Custody:
    """Open the sinks in the order of the settings."""
    with contextlib.ExitStack() as parts:
        check_journal(place.folder / "journal.db", settings)
        primary = PRIMARIES[settings.sinks[0]](settings, place, clock, parts)
        behind = [_behind(name, settings, place.folder, clock, parts) for name in settings.sinks[1:]]
        for backlog in left_behind(settings, place.folder, clock):
            parts.callback(backlog.close)
            behind.append((Link(backlog, _breaker(clock, settings), takes=False), backlog))
        share(link.room for link in (primary.link, *(link for link, _ in behind)))
        # Until the way back has found nothing: what waits may be in the primary already, under ids that it must know.
        primary.pin(bool(behind))
        drops = DropFile(place.folder / "drops.bin")
        chain = Chain(primary.link, behind, drops, primary.books, clock, settings.delivery, primary.pin)
        recovery = Recovery(chain, clock, settings.delivery.drain, primary.pin)
        return Custody(chain, recovery, primary.books, primary.stream, parts.pop_all())


def _journal(settings: StreamSettings, place: Place, clock: Clock, parts: contextlib.ExitStack) -> Primary:
    journal = Journal(place.folder / "journal.db", settings.journal)
    parts.callback(journal.close)

    def pin(waiting: bool) -> None:
        journal.forgets = not waiting

    link = Link(journal, _breaker(clock, settings), Room(place.folder, clock, settings.delivery.room))
    return Primary(link, journal, journal, pin)


def open_shared(name: str, settings: StreamSettings, place: Place, clock: Clock) -> Shared:
    """Open the stream that several processes share, `name` of `SHARED`.

    Raises:
        BadSetting: it is not set where it lies, or the database's address cannot be read.
        MissingExtra: a library for it is not installed.
    """
    return SHARED[name](settings, place, clock)


def _kafka(settings: StreamSettings, place: Place, clock: Clock) -> Shared:
    return open_topic(settings.kafka.resolved(place.secret), place.database, clock, place.process, settings.books)


def _kinesis(settings: StreamSettings, place: Place, clock: Clock) -> Shared:
    return open_kinesis(settings.kinesis, place.database, clock, place.process, settings.books)


SHARED: dict[str, Callable[[StreamSettings, Place, Clock], Shared]] = {"kafka": _kafka, "kinesis": _kinesis}


def _shared(settings: StreamSettings, place: Place, clock: Clock, parts: contextlib.ExitStack) -> Primary:
    stream = open_shared(settings.sinks[0], settings, place, clock)
    parts.callback(stream.close)
    return Primary(Link(stream.sink, _breaker(clock, settings)), stream.books, stream, stream.sink.pin)


PRIMARIES = {"journal": _journal, "kafka": _shared, "kinesis": _shared}


def _behind(
    name: str, settings: StreamSettings, folder: Path, clock: Clock, parts: contextlib.ExitStack
) -> tuple[Link, Backlog]:
    sink = BACKLOGS[name](settings, folder, clock)
    parts.callback(sink.close)
    local = _local_folder(name, settings, folder)
    room = Room(local, clock, settings.delivery.room) if local else None
    return Link(sink, _breaker(clock, settings), room), sink


def _local_folder(name: str, settings: StreamSettings, folder: Path) -> Path | None:
    """Return where a sink writes on this machine; None if it does not."""
    if name == "files":
        return Path(settings.files.folder) if settings.files.folder else folder
    return None if settings.table.url.get_secret_value() else folder


def _breaker(clock: Clock, settings: StreamSettings) -> Breaker:
    return Breaker(clock, settings.delivery.breaker)
