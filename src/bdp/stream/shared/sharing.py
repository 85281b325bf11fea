"""A stream whose lanes several processes share: what the product asks of it, whichever broker it lies in."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bdp.clock import Clock
from bdp.errors import StreamUnavailable
from bdp.ports import Sink
from bdp.stream.shared import installation
from bdp.stream.shared.books import SqlBooks
from bdp.stream.shared.lane import Lane

Gained = Callable[[Sequence[int]], None]
Lost = Callable[[Sequence[int], bool], None]


class PinnedSink(Sink, Protocol):
    """A sink whose readers recognise what comes again."""

    def pin(self, waiting: bool) -> None:
        """Say whether batches wait elsewhere that may be in the stream already: see `bdp.stream.delivery.chain`."""


class Group(Protocol):
    """Membership in the group of those who share the lanes. Use from one thread."""

    def poll(self, seconds: float) -> None:
        """Take part in the group for a while; must be called at least every five minutes."""

    def close(self) -> None:
        """Leave the group, so that others take over at once."""


def signed(books: SqlBooks, process: str) -> str:
    """Return the name under which a process sends; without its installation's if the books cannot be asked now."""
    try:
        return installation.signed(books.installation(process), process)
    except StreamUnavailable:
        return process


@dataclass
class Shared(abc.ABC):
    """A stream with its books, opened from settings. Nothing connects before it is used.

    Attributes:
        described: where it lies, for people.
    """

    described: str
    sink: PinnedSink
    books: SqlBooks
    clock: Clock

    @property
    @abc.abstractmethod
    def prefix(self) -> str:
        """What the names of its lanes begin with in the books."""

    @abc.abstractmethod
    def lane(self, number: int) -> Lane:
        """Open one lane for reading; every earlier reader of it can write no more."""

    @abc.abstractmethod
    def join(self, gained: Gained, lost: Lost) -> Group:
        """Join those who share the lanes, once the stream is there.

        Args:
            gained: called with lanes that are ours from now on.
            lost: called with lanes that must be let go, and True if another may have them already.

        Raises:
            StreamUnavailable: the broker does not answer.
        """

    @abc.abstractmethod
    def probe(self) -> None:
        """Ask the broker whether the stream is there, now and within a bounded time.

        Raises:
            StreamUnavailable: the broker does not answer, or refuses.
        """

    def tend(self) -> None:
        """Do what is to be done now and then."""
        self.books.tidy()

    def close(self) -> None:
        """Finish what is on its way, report it, and let go."""
        self.sink.close()
        self.books.close()
