"""Group commit: what shares a sync, what is turned away, and who learns of an error."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from bdp.errors import BadRecord, BdpError, StreamUnavailable
from bdp.stream.group import Group, GroupSettings


class Disk:
    """Writes numbers when it is let to; refuses negative ones."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.groups: list[list[int]] = []

    def write(self, items: list[int]) -> Sequence[int | BdpError]:
        self.entered.release()
        assert self.open.wait(10)
        self.groups.append(items)
        if 666 in items:
            raise ZeroDivisionError("broken")
        return [item * 2 if item >= 0 else BadRecord("negative") for item in items]


def test_what_comes_during_a_sync_shares_the_next_one() -> None:
    disk = Disk()
    group: Group[int, int] = Group("the disk", disk.write)
    with ThreadPoolExecutor(20) as senders:
        first = senders.submit(group.submit, 1)
        assert disk.entered.acquire(timeout=10)
        others = [senders.submit(group.submit, number) for number in (*range(2, 12), -1)]
        while len(group._waiting) < 11:
            threading.Event().wait(0.001)
        disk.open.set()
        assert first.result(10) == 2
        assert [other.result(10) for other in others[:-1]] == [number * 2 for number in range(2, 12)]
        assert isinstance(others[-1].exception(10), BadRecord)
    assert [len(items) for items in disk.groups] == [1, 11]
    group.close()


def test_an_error_reaches_everybody_in_the_group_and_nobody_behind() -> None:
    disk = Disk()
    disk.open.set()
    group: Group[int, int] = Group("the disk", disk.write)
    with pytest.raises(StreamUnavailable, match="The disk cannot be written: broken"):
        group.submit(666)
    assert group.submit(4) == 8
    group.close()


def test_who_waits_too_long_is_told_and_not_written_later() -> None:
    disk = Disk()
    group: Group[int, int] = Group("the disk", disk.write, GroupSettings(answer_seconds=0.05))
    with pytest.raises(StreamUnavailable, match="did not answer in time"):
        group.submit(1)
    with pytest.raises(StreamUnavailable, match="did not answer in time"):
        group.submit(2)
    disk.open.set()
    group.close()
    assert disk.groups == [[1]]


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        (GroupSettings(waiting_tasks=2, answer_seconds=0.3), 0),
        (GroupSettings(waiting_mib=1, answer_seconds=0.3), 1 << 19),
    ],
)
def test_more_than_the_bound_is_turned_away(settings: GroupSettings, size: int) -> None:
    disk = Disk()
    group: Group[int, int] = Group("the disk", disk.write, settings)
    with ThreadPoolExecutor(8) as senders:
        running = senders.submit(group.submit, 0, size)
        assert disk.entered.acquire(timeout=10)
        waiting = [senders.submit(group.submit, number, size) for number in (1, 2)]
        while len(group._waiting) < 2:
            threading.Event().wait(0.001)
        with pytest.raises(StreamUnavailable, match="more waiting than it can sync"):
            group.submit(3, size)
        disk.open.set()
        for future in (running, *waiting):
            future.exception(10)
    group.close()


def test_closing_finishes_what_waits() -> None:
    disk = Disk()
    group: Group[int, int] = Group("the disk", disk.write)
    with ThreadPoolExecutor(3) as senders:
        waiting = [senders.submit(group.submit, number) for number in (1, 2)]
        assert disk.entered.acquire(timeout=10)
        closing = senders.submit(group.close)
        disk.open.set()
        closing.result(10)
        assert sorted(future.result(10) for future in waiting if not future.exception(10)) in ([2], [4], [2, 4])
    with pytest.raises(StreamUnavailable, match="closed"):
        group.submit(3)
