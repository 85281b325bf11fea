"""Copies of stored batches: all are there, old ones go, and an archive that fails holds nothing up."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bdp.clock import ManualClock
from bdp.model.batch import Batch, RecordKind
from bdp.stream.archive import Archive, ArchiveSettings
from bdp.stream.backlog.segment import read_segment
from bdp.telemetry import ARCHIVE_MISSED
from tests.unit.stream.chain_bench import batch


def archive(folder: Path, clock: ManualClock, **more: int) -> Archive:
    return Archive(ArchiveSettings(folder=str(folder), **more), "p1", clock)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 5, 1, tzinfo=UTC))


def kept(folder: Path) -> list[Batch]:
    return [found for path in sorted(folder.iterdir()) for found in read_segment(path)]


def test_what_was_added_is_read_back_whole_over_several_files(tmp_path: Path, clock: ManualClock) -> None:
    large = Batch(batch_id="large", source="http", kind=RecordKind.EVENTS, count=1, payload=b"x" * (2 << 20))
    given = [batch("a", "INFO", "ERROR"), large, batch("b", "WARN")]
    copies = archive(tmp_path / "copies", clock, segment_mib=1)
    for one in given:
        copies.add([one])
    copies.close()
    assert kept(tmp_path / "copies") == given
    assert len(list((tmp_path / "copies").iterdir())) == 2


def test_files_past_their_days_are_deleted(tmp_path: Path, clock: ManualClock) -> None:
    for name, days in (("old", 8), ("young", 6)):
        file = tmp_path / f"{name}.archive.ndjson"
        file.touch()
        moment = (clock.now() - timedelta(days=days)).timestamp()
        os.utime(file, (moment, moment))
    (tmp_path / "somebody else's").touch()
    copies = archive(tmp_path, clock, keep_days=7)
    copies.add([batch("a", "INFO")])
    copies.close()
    names = {path.name for path in tmp_path.iterdir()}
    assert {"young.archive.ndjson", "somebody else's"} < names
    assert "old.archive.ndjson" not in names


def test_an_archive_without_a_disk_holds_nothing_up_and_counts(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").touch()
    copies = archive(tmp_path / "file" / "copies", clock)
    before = ARCHIVE_MISSED._value.get()
    copies.add([batch("a", "INFO", "INFO")])
    assert ARCHIVE_MISSED._value.get() - before == 2
    (tmp_path / "file").unlink()
    copies.add([batch("b", "INFO")])
    assert [found.batch_id for found in kept(tmp_path / "file" / "copies")] == ["b"]
    copies.close()
