"""What earlier settings left behind: a sink that they no longer name, or put elsewhere, is emptied, not forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
from pydantic import SecretStr

from bdp.clock import Clock
from bdp.errors import BadSetting, StreamUnavailable
from bdp.ports import Backlog
from bdp.stream.backlog.files import Files
from bdp.stream.backlog.table import Table
from bdp.stream.database import file_of
from bdp.stream.journal.journal import Journal
from bdp.stream.settings import SinkName, StreamSettings

log = structlog.get_logger(__name__)


def check_journal(file: Path, settings: StreamSettings) -> None:
    """Refuse to work past a journal that holds records which are not stored yet.

    Raises:
        BadSetting: it does.
    """
    if settings.sinks[0] == "journal" or not file.exists():
        return
    journal = Journal(file, settings.journal)
    try:
        ledger = journal.ledger().values()
    finally:
        journal.close()
    waiting = sum(entry.in_flight for entry in ledger)
    if waiting:
        raise BadSetting(
            f"{file} holds {waiting:,} records that are not stored yet, and the journal is no longer the first sink.",
            "Run 'bdp serve' once with the journal first in stream.sinks, until 'bdp ledger' shows 0 in flight.",
        )
    letters = sum(entry.dead_lettered for entry in ledger)
    if letters:
        log.warning("journal.letters_not_shown", file=str(file), dead_letters=letters)


def left_behind(settings: StreamSettings, folder: Path, clock: Clock) -> Iterator[Backlog]:
    """Yield the sinks in the home that are not in use, but in which something waits; they are to be emptied.

    A sink is not in use if the settings don't name it, or say that it lies elsewhere now. What lies outside the home
    is not looked for. One that cannot be read is told and left as it is.
    """
    table, files = folder / "backlog.db", folder / "spill"
    if table.exists() and not _is_used(table, _table_place(settings, table)):
        plain = settings.table.model_copy(update={"url": SecretStr("")})
        yield from _holding("table", settings, lambda: Table(plain, folder))
    if any(files.glob("*")) and not _is_used(files, _files_place(settings, files)):
        own = settings.files.model_copy(update={"folder": ""})
        yield from _holding("files", settings, lambda: Files(own, folder, clock))


def _table_place(settings: StreamSettings, own: Path) -> Path | None:
    """Return the file of the table in use; None if there is no such file."""
    if "table" not in settings.sinks:
        return None
    url = settings.table.url.get_secret_value()
    return file_of(url) if url else own


def _files_place(settings: StreamSettings, own: Path) -> Path | None:
    """Return the folder of the files in use; None if there is none."""
    if "files" not in settings.sinks:
        return None
    return Path(settings.files.folder) if settings.files.folder else own


def _is_used(place: Path, used: Path | None) -> bool:
    # By what is there, not by name: a link or another spelling would have the place opened twice.
    return used is not None and used.exists() and place.samefile(used)


def _holding(name: SinkName, settings: StreamSettings, opener: Callable[[], Backlog]) -> Iterator[Backlog]:
    try:
        backlog = opener()
    except BadSetting as error:  # another process has it, and empties it
        log.warning("sink.left_unread", sink=name, reason=error.what)
        return
    if name in settings.sinks:
        backlog.name = f"home-{name}"  # beside the one of that name that is in use
    waiting: dict[str, int] = {}
    try:
        waiting = backlog.waiting()
    except StreamUnavailable as error:
        log.warning("sink.left_unread", sink=backlog.name, reason=error.what)
    if waiting:
        log.warning("sink.left_behind", sink=backlog.name, records=sum(waiting.values()))
        yield backlog
    else:
        backlog.close()
