"""The last resort's account never runs full: what does not fit under its own name is counted under one for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from bdp.model.batch import Batch, Drop, DropReason, Priority, RecordKind
from bdp.stream.delivery.drops import DropFile

EVERY = tuple(Drop(reason=reason, priority=priority, count=3) for reason in DropReason for priority in Priority)


def gone(name: str, source: str, drops: tuple[Drop, ...] = EVERY) -> Batch:
    return Batch(batch_id=name, source=source, kind=RecordKind.EVENTS, count=0, payload=b"", drops=drops)


def total(file: DropFile) -> int:
    return sum(drop.count for drops in file.drops().values() for drop in drops)


@pytest.mark.parametrize(
    "source",
    ["feed-of-the-team-{:03}", "한국어의 이름 {:03}", "\x00\x01\x02\x03\x04\x05\x06\x07 {:03}", "x" * 190 + "{:03}"],
)
def test_many_sources_with_every_kind_of_drop_are_all_counted(tmp_path: Path, source: str) -> None:
    file = DropFile(tmp_path / "drops.bin")
    for number in range(700):
        assert file.take([gone(f"b{number}", source.format(number % 100))]) == [True]
    assert total(file) == 700 * 3 * len(EVERY)
    assert total(DropFile(tmp_path / "drops.bin")) == total(file)
    first, last = source.format(0), source.format(99)
    assert {"others", first} <= set(file.drops())
    assert last not in file.drops()
    assert [drop.count for drop in file.drops()[first]] == [7 * 3] * len(EVERY)


def test_sources_that_fit_at_first_and_grow_are_still_counted(tmp_path: Path) -> None:
    file = DropFile(tmp_path / "drops.bin")
    for index, drop in enumerate(EVERY):
        for number in range(60):
            file.take([gone(f"b{index}-{number}", f"feed-of-the-team-{number:03}", (drop,))])
    assert total(file) == 60 * 3 * len(EVERY)
    assert [len(drops) for drops in file.drops().values()][:2] == [len(EVERY)] * 2
    assert total(DropFile(tmp_path / "drops.bin")) == total(file)


@pytest.mark.parametrize("name", ["y" * 60_000, "\ud800"])
def test_a_source_whose_name_cannot_be_written_is_counted_all_the_same(tmp_path: Path, name: str) -> None:
    file = DropFile(tmp_path / "drops.bin")
    assert file.take([gone("a", "http"), gone(f"b{name}", name)]) == [True, True]
    assert file.take([gone(f"b{name}", name)]) == [False]
    assert total(DropFile(tmp_path / "drops.bin")) == 2 * 3 * len(EVERY)
    assert len(file.drops()) == 2
