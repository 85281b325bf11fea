"""The files: torn ends, damage, full disks, rotation. What the contract suite asks is not asked again here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bdp.clock import ManualClock
from bdp.errors import BadSetting, StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind
from bdp.stream.backlog.files import Files, FilesSettings
from bdp.stream.backlog.marks import write_synced
from bdp.stream.backlog.segment import Damage, read_segment

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def batch(name: str, count: int = 2, size: int = 20) -> Batch:
    lines = [b'{"n":"%s","x":"%s"}' % (name.encode(), b"x" * size) for _ in range(count)]
    letters = (DeadLetter(source="http", cause=Cause.SCHEMA, reason="no", payload=b"\xff\n", index=0, first_seen=NOW),)
    return Batch(
        batch_id=name, source="http", kind=RecordKind.EVENTS, count=count, payload=b"\n".join(lines), refused=letters
    )


@contextmanager
def opened(folder: Path, *, max_mib: int = 100, remembered_ids: int = 10_000) -> Iterator[Files]:
    settings = FilesSettings(folder=str(folder), max_mib=max_mib, remembered_ids=remembered_ids)
    files = Files(settings, Path("unused"))
    try:
        yield files
    finally:
        files.close()


def names(files: Files) -> list[str]:
    return [waiting.batch.batch_id for waiting in files.oldest(1_000_000, 1 << 30)]


def empty(files: Files) -> None:
    while portion := files.oldest(100, 1 << 20):
        files.remove([waiting.place for waiting in portion])


def written(folder: Path, *sent: str) -> tuple[Path, list[int]]:
    """Write batches and return their segment with the sizes that it had behind each."""
    sizes = []
    with opened(folder) as files:
        for name in sent:
            files.append([batch(name)])
            sizes.append(segments(folder)[-1].stat().st_size)
    return segments(folder)[-1], sizes


def is_left_of(found: Batch) -> bool:
    return any("damaged on disk" in letter.reason for letter in found.refused) or bool(found.drops)


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.ndjson"))


def test_a_cut_at_every_byte_of_the_last_batch_keeps_the_whole_ones(tmp_path: Path) -> None:
    path, sizes = written(tmp_path / "whole", "a", "b", "c")
    content = path.read_bytes()
    assert len(content) == sizes[2]
    for size in range(sizes[1], sizes[2]):
        folder = tmp_path / f"cut-{size}"
        folder.mkdir()
        (folder / path.name).write_bytes(content[:size])
        write_synced(folder / "00000001.synced", sizes[1], 1)  # as a crash in the middle of a write leaves it
        with opened(folder) as files:
            assert names(files) == ["a", "b"]
            assert files.waiting() == {"http": 6}
            assert [torn.read_bytes() for torn in files.torn] == ([content[sizes[1] : size]] if size > sizes[1] else [])
            assert (folder / path.name).stat().st_size == sizes[1]
            if size % 50 == 0:  # what was torn was never acknowledged, so it comes again
                assert files.append([batch("b"), batch("c")]) == [False, True]
                assert names(files) == ["a", "b", "c"]
        shutil.rmtree(folder)


@pytest.mark.parametrize("rest", [b"\0" * 5000, b"\n", os.urandom(3000), b'{"bdp_batch":1,' + b"x" * (1 << 17), b"{"])
def test_garbage_behind_the_last_batch_is_set_aside(tmp_path: Path, rest: bytes) -> None:
    path, sizes = written(tmp_path, "a")
    with path.open("ab") as file:
        file.write(rest)
    with opened(tmp_path) as files:
        assert names(files) == ["a"]
        assert [torn.read_bytes() for torn in files.torn] == [rest]
    with opened(tmp_path) as files:
        assert (names(files), files.torn, path.stat().st_size) == (["a"], [], sizes[0])


def test_a_flipped_byte_anywhere_is_found_and_costs_no_neighbour(tmp_path: Path) -> None:
    path, sizes = written(tmp_path / "whole", "a", "b", "c")
    content = path.read_bytes()
    newer = written(tmp_path / "other", "d")[0]
    for at in range(sizes[0], sizes[1], 7):
        for newest in (True, False):  # the newest segment is read whole at the start, others only when they are drained
            folder = tmp_path / "flipped"
            folder.mkdir()
            (folder / path.name).write_bytes(content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1 :])
            if not newest:
                shutil.copy(newer, folder / "00000002.ndjson")
            in_head = at < content.index(b"\n", sizes[0])
            with opened(folder) as files:
                found = files.oldest(100, 1 << 30)
                whole = [waiting.batch for waiting in found if not is_left_of(waiting.batch)]
                assert whole == [batch(name) for name in ("ac" if newest else "acd")]
                assert [waiting.batch.accepted for waiting in found] == [3] * (len(whole) + (not in_head))
                assert len(files.torn) == 1
                assert files.waiting() == {"http": 3 * len(found)}
                empty(files)
                assert files.waiting() == {}
                assert segments(folder) == []
                assert len(list(folder.glob("*.torn"))) == 1
            shutil.rmtree(folder)


def test_damage_while_it_runs_stops_nobody(tmp_path: Path) -> None:
    with opened(tmp_path) as files:
        files.append([batch("a"), batch("b"), batch("c")])
        path = segments(tmp_path)[0]
        content = path.read_bytes()
        for name in (b'"b"', b'"a"'):
            at = content.index(b"xxx", content.index(name))
            path.write_bytes(content[:at] + b"?" + content[at + 1 :])
            assert names(files) == ["a", "b", "c"]
            path.write_bytes(content)
        assert len(files.torn) == 2
        at = content.index(b'"b"')
        path.write_bytes(content[:at] + b"?" + content[at + 1 :])
        assert names(files) == ["a", "c"]
        files.append([batch("d")])
        assert names(files) == ["a", "c", "d"]


def test_a_whole_file_can_be_read_without_the_sink(tmp_path: Path) -> None:
    path, sizes = written(tmp_path, "a", "b", "c")
    with opened(tmp_path) as files:
        files.remove([waiting.place for waiting in files.oldest(1, 1)])
    assert list(read_segment(path)) == [batch("a"), batch("b"), batch("c")]
    content = path.read_bytes()
    path.write_bytes(content[: sizes[0] + 300] + b"?" + content[sizes[0] + 301 :])
    damaged: list[Damage] = []
    assert list(read_segment(path, damaged.append)) == [batch("a"), batch("c")]
    assert [(damage.start, damage.end) for damage in damaged] == [(sizes[0], sizes[1])]


def test_it_is_text_that_a_person_can_read(tmp_path: Path) -> None:
    path, _ = written(tmp_path, "a")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert '"batch_id":"a","source":"http","kind":"events","count":2' in lines[0]
    assert lines[1:3] == batch("a").payload.decode().splitlines()


def test_a_new_file_begins_by_size_and_by_age(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    files = Files(FilesSettings(folder=str(tmp_path), segment_mib=1, segment_seconds=60), tmp_path, clock)
    for index in range(6):
        files.append([batch(f"large-{index}", 1, 300_000)])
    assert len(segments(tmp_path)) == 2
    clock.advance(timedelta(seconds=59))
    files.append([batch("young")])
    assert len(segments(tmp_path)) == 2
    clock.advance(timedelta(seconds=1))
    files.append([batch("old")])
    assert len(segments(tmp_path)) == 3
    assert len(names(files)) == 8
    empty(files)
    assert segments(tmp_path) == []
    files.append([batch("again")])
    assert [path.name for path in segments(tmp_path)] == ["00000004.ndjson"]
    files.close()


def test_a_file_goes_when_all_of_it_is_done_and_no_sooner(tmp_path: Path) -> None:
    with opened(tmp_path) as files:
        files.append([batch(name) for name in "abc"])
        places = [waiting.place for waiting in files.oldest(100, 1 << 20)]
        files.remove(places[1:])
        assert len(segments(tmp_path)) == 1
    with opened(tmp_path) as files:
        assert names(files) == ["a"]
        files.append([batch("d")])
        files.remove(places)
        assert names(files) == ["d"]
        assert [path.name for path in segments(tmp_path)] == ["00000002.ndjson"]


def test_torn_marks_only_offer_a_batch_again(tmp_path: Path) -> None:
    with opened(tmp_path) as files:
        files.append([batch(name) for name in "abcd"])
        files.remove([waiting.place for waiting in files.oldest(9, 1 << 20)][:3])
    marks = tmp_path / "00000001.done"
    content = marks.read_bytes()
    marks.write_bytes(content[:50] + b"?" + content[51:-5])
    with opened(tmp_path) as files:
        assert names(files) == ["b", "c", "d"]
        files.remove([waiting.place for waiting in files.oldest(9, 1 << 20)][:2])
    with opened(tmp_path) as files:
        assert names(files) == ["d"]


def test_no_more_than_the_bound_is_held(tmp_path: Path) -> None:
    with opened(tmp_path, max_mib=1) as files:
        assert files.append([batch("a", 1, 600_000)]) == [True]
        with pytest.raises(StreamUnavailable, match="full"):
            files.append([batch("b", 1, 600_000)])
        assert files.append([batch("c")]) == [True]
        assert names(files) == ["a", "c"]
        empty(files)
        assert files.append([batch("b", 1, 600_000)]) == [True]


def test_forgotten_ids_do_not_pile_up(tmp_path: Path) -> None:
    with opened(tmp_path, remembered_ids=1000) as files:
        for start in range(0, 5000, 500):
            files.append([batch(f"b{index}", 1) for index in range(start, start + 500)])
            empty(files)
        assert files.append([batch("b4999"), batch("b0")]) == [False, True]
        assert sum(path.stat().st_size for path in tmp_path.glob("*.done")) < 43 * 2000


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as files:
        files.append([batch("a")])
        with pytest.raises(BadSetting, match="Another process"):
            Files(FilesSettings(folder=str(tmp_path)), tmp_path)
    with opened(tmp_path) as files:
        assert names(files) == ["a"]


def test_a_folder_that_is_away_at_the_start_may_come_later(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    with opened(tmp_path / "home" / "spill") as files:
        for call in (lambda: files.append([batch("a")]), files.waiting, lambda: files.oldest(1, 1)):
            with pytest.raises(StreamUnavailable) as caught:
                call()
            assert str(tmp_path) in caught.value.what
            assert caught.value.next_step
        (tmp_path / "home").unlink()
        assert files.append([batch("a")]) == [True]
        assert names(files) == ["a"]


_KILLED = """
import sys
from pathlib import Path
from bdp.model.batch import Batch, RecordKind
from bdp.stream.backlog.files import Files, FilesSettings
files = Files(FilesSettings(folder=sys.argv[1], segment_mib=1), Path("unused"))
for number in range(10_000_000):
    one = Batch(batch_id=str(number), source="http", kind=RecordKind.EVENTS, count=1, payload=b"x" * 30_000)
    files.append([one])
    print(number, flush=True)
    if number % 3 == 2:
        files.remove([files.oldest(1, 1)[0].place])
"""


@pytest.mark.parametrize("lines", [1, 7, 90])
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path, lines: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout
    said = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    said += process.stdout.readlines()
    process.stdout.close()
    process.wait()
    numbers = [int(line) for line in said if line.endswith(b"\n")]
    with opened(tmp_path) as files:
        found = [int(name) for name in names(files)]
        # Of every three the oldest was removed; the last one or its removal may have been cut off by the kill.
        gone = found[0]
        assert abs(gone - len(numbers) // 3) <= 1
        assert found[: len(numbers) - gone] == list(range(gone, len(numbers)))
        assert len(found) <= len(numbers) - gone + 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "small"
    folder.mkdir()
    command = [str(mount), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not mount or not umount or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield folder
    subprocess.run([umount, "-l", str(folder)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Use up a disk but for `leave` bytes."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"f" * 512):
                pass
        except OSError:
            file.truncate(max(file.tell() - leave, 0))
    return filler


def test_on_a_full_disk_nothing_half_written_stays(small_disk: Path) -> None:
    with opened(small_disk / "spill") as files:
        taken = [f"b{index}" for index in range(5)]
        for name in taken:
            files.append([batch(name, 1, 50_000)])
        with pytest.raises(StreamUnavailable, match="No space left") as caught:
            files.append([batch("too large", 1, 900_000)])
        assert caught.value.next_step
        assert names(files) == taken
        path = segments(small_disk / "spill")[0]
        assert [found.batch_id for found in read_segment(path)] == taken
        assert files.append([batch("small")]) == [True]
        # A drain works on the full disk and makes room.
        fill(small_disk)
        with pytest.raises(StreamUnavailable):
            files.append([batch("no", 1, 50_000)])
        empty(files)
        assert files.waiting() == {}
        assert files.append([batch("no", 1, 50_000)]) == [True]
    with opened(small_disk / "spill") as files:
        assert names(files) == ["no"]


def test_a_full_disk_at_the_start_is_no_end(small_disk: Path) -> None:
    filler = fill(small_disk)
    with opened(small_disk / "spill") as files:
        with pytest.raises(StreamUnavailable):
            files.append([batch("a", 1, 5000)])
        filler.unlink()
        assert files.append([batch("a", 1, 5000)]) == [True]
        assert names(files) == ["a"]


def test_a_torn_end_on_a_full_disk_is_kept_where_it_is(small_disk: Path) -> None:
    folder = small_disk / "spill"
    path, sizes = written(folder, "a", "b")
    rest = b"torn" * 5000
    with path.open("ab") as file:
        file.write(rest)
    fill(small_disk)
    with opened(folder) as files:
        assert names(files) == ["a", "b"]
        assert files.torn == []
        empty(files)
    assert path.with_suffix(".torn").read_bytes()[sizes[1] :] == rest


def test_a_disk_that_refuses_the_sync_gets_its_file_back_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    with opened(tmp_path) as files:
        files.append([batch("a")])
        monkeypatch.setattr(os, "fsync", broken)
        for name in "bcd":
            with pytest.raises(StreamUnavailable, match="Input/output error"):
                files.append([batch(name)])
        assert names(files) == ["a"]
        monkeypatch.setattr(os, "fsync", real)
        assert files.append([batch("b")]) == [True]
        assert names(files) == ["a", "b"]
    with opened(tmp_path) as files:
        assert names(files) == ["a", "b"]
        assert files.torn == []


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_short_writes_are_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    real: Callable[[int, memoryview, int], int] = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, rest, at: real(handle, rest[:most], at))
    with opened(tmp_path) as files:
        files.append([batch("a"), batch("b")])
        files.remove([files.oldest(1, 1)[0].place])
    with opened(tmp_path) as files:
        assert [waiting.batch for waiting in files.oldest(9, 1 << 20)] == [batch("b")]
