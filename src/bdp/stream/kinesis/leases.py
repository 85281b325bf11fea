"""Which shards this process reads: leases in the books' database, as Kinesis has no groups of readers.

Each member raises its beat while it lives. One whose beat stands still for a session, by the watcher's own clock, is
gone, and its shards are free. Who has more than its share lets some go after their present range; who has less takes
free ones. Two may think for a while that a shard is theirs: the books let only the later one write.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from bdp.clock import Clock
from bdp.errors import StreamUnavailable
from bdp.stream.shared import book_leases
from bdp.stream.shared.books import SqlBooks
from bdp.stream.shared.sharing import Gained, Lost

log = structlog.get_logger(__name__)
_BEATS = 4
"""Beats in a session."""
_MOST_SILENCE = 300.0
"""Seconds without `poll` after which we count as gone."""


class Leases:
    """One member. `bdp.stream.shared.sharing.Group`; the callbacks come from inside `poll`.

    Args:
        stream: names the stream in the books.
        member: names this process; a new one for each.
        readable: returns the numbers of the shards to be read now.
        gained: called with shards that are ours from now on.
        lost: called with shards that must be let go, and True if another may have them already.
    """

    def __init__(
        self,
        stream: str,
        member: str,
        books: SqlBooks,
        readable: Callable[[], Sequence[int]],
        gained: Gained,
        lost: Lost,
        clock: Clock,
        session_seconds: float,
    ) -> None:
        self._stream = stream
        self._member = member
        self._books = books
        self._readable = readable
        self._gained = gained
        self._lost = lost
        self._clock = clock
        self._session = session_seconds
        self._held: set[int] = set()
        self._seen: dict[str, tuple[int, float]] = {}
        self._due = float("-inf")
        self._polled_at = time.monotonic()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._thread.start()

    def poll(self, seconds: float) -> None:
        """See `bdp.stream.shared.sharing.Group.poll`.

        Raises:
            StreamUnavailable: the stream or the books do not answer.
        """
        self._polled_at = time.monotonic()
        if self._clock.monotonic() >= self._due:
            self._balance(self._readable())
            self._due = self._clock.monotonic() + self._session / _BEATS
        self._closing.wait(seconds)

    def close(self) -> None:
        """See `bdp.stream.shared.sharing.Group.close`."""
        self._closing.set()
        self._thread.join()
        try:
            with self._books.transaction() as connection:
                book_leases.leave(connection, self._stream, [self._member])
        except StreamUnavailable as error:
            log.warning("leases.not_left", reason=error.what)

    def _balance(self, readable: Sequence[int]) -> None:
        """Take part once: see who is there, let go and take."""
        with self._books.transaction() as connection:
            book_leases.beat(connection, self._stream, self._member)
            live, gone = self._living(book_leases.beats(connection, self._stream))
            book_leases.leave(connection, self._stream, gone)
            holders = book_leases.holders(connection, self._stream)
        mine = {number for number, member in holders.items() if member == self._member}
        self._let_go(self._held - mine, already=True)
        # What we hold by an earlier answer that never came is taken up as well.
        shares = _shares(readable, holders, live)
        kept = [number for number in readable if number in mine][: shares[self._member]]
        self._let_go(mine - set(kept), already=False)
        free = [number for number in readable if holders.get(number) not in live]
        self._take(free[: shares[self._member] - len(kept)], holders, mine & set(kept))

    def _living(self, beats: Mapping[str, int]) -> tuple[list[str], list[str]]:
        """Return who lives and who is gone."""
        now = self._clock.monotonic()
        known = self._seen
        self._seen = {
            member: known[member] if known.get(member, (0, 0.0))[0] == beat else (beat, now)
            for member, beat in beats.items()
        }
        gone = [
            member for member, (_, at) in self._seen.items() if now - at >= self._session and member != self._member
        ]
        return [member for member in beats if member not in gone], gone

    def _let_go(self, numbers: set[int], *, already: bool) -> None:
        if not numbers:
            return
        log.info("leases.lost" if already else "leases.given", stream=self._stream, shards=sorted(numbers))
        self._held -= numbers
        self._lost(sorted(numbers), already)
        if not already:
            with self._books.transaction() as connection:
                book_leases.release(connection, self._stream, self._member, numbers)

    def _take(self, free: Sequence[int], holders: Mapping[int, str], mine: set[int]) -> None:
        with self._books.transaction() as connection:
            new = [
                number
                for number in free
                if book_leases.claim(connection, self._stream, number, self._member, holders.get(number))
            ]
        gained = sorted(mine.union(new) - self._held)
        if gained:
            log.info("leases.gained", stream=self._stream, shards=gained)
            self._held.update(gained)
            self._gained(gained)

    def _run(self) -> None:
        """Beat while a lane is being let go, which may take longer than a session."""
        while not self._closing.wait(self._session / _BEATS):
            if time.monotonic() - self._polled_at > _MOST_SILENCE:
                continue
            try:
                with self._books.transaction() as connection:
                    book_leases.beat(connection, self._stream, self._member)
            except StreamUnavailable as error:
                log.warning("leases.no_beat", reason=error.what)


def _shares(readable: Sequence[int], holders: Mapping[int, str], live: Sequence[str]) -> dict[str, int]:
    """Return how many shards each member is to have; who has more keeps the one more that does not divide."""
    held = [holders.get(number) for number in readable]
    share, more = divmod(len(readable), len(live))
    ranked = sorted(live, key=lambda member: (-held.count(member), member))
    return {member: share + (place < more) for place, member in enumerate(ranked)}
