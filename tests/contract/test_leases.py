"""Leases: about equal shares, nothing twice, what a dead member had goes to others after its session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.stream.kinesis.leases import Leases
from bdp.stream.shared.books import SqlBooks

SESSION = 10.0


class Crew:
    """Members that share a list of shards, on one clock."""

    def __init__(self, books: SqlBooks, clock: ManualClock) -> None:
        self.books = books
        self.clock = clock
        self.readable: list[int] = list(range(12))
        self.members: dict[str, Leases] = {}
        self.held: dict[str, set[int]] = {}
        self.told: list[tuple[str, list[int], bool]] = []

    def join(self, name: str) -> None:
        self.held[name] = set()

        def gained(shards: Sequence[int]) -> None:
            assert not self.held[name] & set(shards)
            self.held[name].update(shards)

        def lost(shards: Sequence[int], already: bool) -> None:
            assert self.held[name] >= set(shards)
            self.told.append((name, list(shards), already))
            self.held[name].difference_update(shards)

        self.members[name] = Leases(
            "s/", name, self.books, lambda: self.readable, gained, lost, self.clock, SESSION
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """It beats no more, and says nothing."""
        member = self.members.pop(name)
        member._closing.set()
        member._thread.join()
        del self.held[name]

    def leave(self, name: str) -> None:
        self.members.pop(name).close()
        del self.held[name]

    def turns(self, times: int = 3) -> None:
        """Let all take part, a quarter of a session apart."""
        for _ in range(times):
            self.clock.advance(timedelta(seconds=SESSION / 4))
            for member in list(self.members.values()):
                member.poll(0)

    def shares(self) -> list[int]:
        """How many each has, when each shard is held once."""
        everything = [shard for held in self.held.values() for shard in held]
        assert sorted(everything) == self.readable
        return sorted(len(held) for held in self.held.values())


@pytest.fixture
def crew(lasting_url: str) -> Iterator[Crew]:
    clock = ManualClock(datetime(2026, 5, 1, 12, tzinfo=UTC))
    opened = Crew(SqlBooks(lasting_url, clock), clock)
    yield opened
    for name in list(opened.members):
        opened.leave(name)
    opened.books.close()


def test_who_is_alone_has_all_and_who_comes_gets_a_share(crew: Crew) -> None:
    crew.join("a")
    crew.turns(1)
    assert crew.shares() == [12]
    crew.join("b")
    crew.turns()
    assert crew.shares() == [6, 6]
    for name in "cde":
        crew.join(name)
    crew.turns()
    assert crew.shares() == [2, 2, 2, 3, 3]
    told = len(crew.told)
    crew.turns(8)
    assert len(crew.told) == told, "shares that are fair move no more"
    assert not any(already for _, _, already in crew.told)


def test_who_leaves_gives_all_at_once(crew: Crew) -> None:
    for name in "abc":
        crew.join(name)
    crew.turns()
    crew.leave("b")
    crew.turns(1)
    assert crew.shares() == [6, 6]


def test_what_a_killed_member_had_is_free_after_its_session_not_before(crew: Crew) -> None:
    for name in "abc":
        crew.join(name)
    crew.turns()
    assert crew.shares() == [4, 4, 4]
    crew.kill("b")
    crew.turns(3)
    assert sum(map(len, crew.held.values())) == 8
    crew.turns(2)
    assert crew.shares() == [6, 6]


def test_one_who_was_silent_too_long_is_told_what_it_lost_and_gets_a_share_again(crew: Crew) -> None:
    for name in "ab":
        crew.join(name)
    crew.turns()
    silent = crew.members.pop("a")
    before = sorted(crew.held["a"])
    silent._closing.set()  # its beats stop; its process hangs
    silent._thread.join()
    crew.turns(6)
    assert len(crew.held["b"]) == 12
    silent._closing.clear()
    crew.members["a"] = silent
    crew.turns()
    assert ("a", before, True) in crew.told
    assert crew.shares() == [6, 6]
    silent._closing.set()


def test_wall_clocks_that_step_or_differ_change_nothing(crew: Crew) -> None:
    for name in "ab":
        crew.join(name)
    crew.turns()
    crew.clock.at += timedelta(days=400)
    crew.turns(2)
    crew.clock.at -= timedelta(days=800)
    told = len(crew.told)
    crew.turns(2)
    assert crew.shares() == [6, 6]
    assert len(crew.told) == told


def test_shards_that_come_and_go_are_shared_anew(crew: Crew) -> None:
    crew.readable = [0, 1]
    for name in "ab":
        crew.join(name)
    crew.turns()
    assert crew.shares() == [1, 1]
    crew.readable = [1, 2, 3, 4]
    crew.turns()
    assert crew.shares() == [2, 2]
