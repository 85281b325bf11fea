"""The store on ClickHouse: chDB in this process by default, a server by a DSN; one client library, one SQL.

Hazards of the embedded engine, met here and nowhere else: its signal handlers hang a process that crashes, so they are
switched off before the first connect; a process may open one path only and must not fork afterwards; a handle serves
one thread at a time, so readers come from a small pool.
"""

from __future__ import annotations

import contextlib
import importlib
import queue
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import clickhouse_connect
import numpy as np
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from numpy.typing import NDArray

from bdp.errors import BadRecord, BadRequest, MissingExtra, StoreTimeout, StoreUnavailable
from bdp.model.batch import RecordKind
from bdp.ports import Row
from bdp.store.parts import Parts
from bdp.store.schema import add_columns, change_retention, create_charges, create_table
from bdp.store.settings import StoreSettings
from bdp.store.statement import check, rewriting

__all__ = ["ClickHouseStore", "StoreSettings", "open_store"]

_READERS = 3
_CANNOT_PARSE = frozenset({6, 25, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321})
"""ClickHouse error codes that mean: these bytes will never be a row."""

_GAVE_UP = frozenset({159, 241})
"""ClickHouse's TIMEOUT_EXCEEDED and MEMORY_LIMIT_EXCEEDED: an insert is atomic, so nothing of it is in."""

_TAIL = re.compile(r"\(version|,? ?Stack trace|: While executing|: \(in file|\.? ?: In scope SELECT formatQuery")
"""Where a message of ClickHouse stops telling our readers anything."""

_INSERT_SETTINGS = {
    "date_time_input_format": "best_effort",
    "max_partitions_per_insert_block": "0",
    "input_format_json_throw_on_bad_escape_sequence": "0",
    "input_format_skip_unknown_fields": "1",
}


class ClickHouseStore:
    """`bdp.ports.BulkStore` on clickhouse-connect. Use from any thread."""

    def __init__(self, settings: StoreSettings, path: Path | None) -> None:
        self._settings = settings
        self._path = path
        self._writing = threading.Lock()
        self._readers: queue.LifoQueue[Client] = queue.LifoQueue()
        self._writer = self._connect()
        self._parts: Parts | None = None
        self._prepare()
        for _ in range(_READERS):
            self._readers.put(self._reader())

    def insert(self, kind: RecordKind, payload: bytes, token: str) -> None:
        """See `bdp.ports.Store.insert`."""
        settings = {**_INSERT_SETTINGS, "insert_deduplication_token": token}
        with self._writing:
            try:
                if self._parts:
                    self._parts.settle(kind.value)
                    self._parts.check_room(len(payload))
                self._writer.raw_insert(
                    f"{self._settings.database}.{kind.value}",
                    insert_block=payload,
                    fmt="JSONEachRow",
                    settings=settings,
                )
                if self._parts:
                    self._parts.check(kind.value)
            except ClickHouseError as error:
                raise _insert_error(kind, error) from error
            except OSError as error:
                # The embedded engine takes its input through a file in the folder for temporary files.
                raise StoreUnavailable(
                    f"The store did not take {kind.value}: {error.strerror} ({error.filename or 'temporary files'}).",
                    "Free some space; what waits is kept and goes in then.",
                ) from error

    def query(self, sql: str) -> list[Row]:
        """See `bdp.ports.Store.query`."""
        try:
            return self._query(sql)
        except BadRequest as error:
            if not self._parts or "UNKNOWN_TABLE" not in error.what:
                raise
            # A table that is being loaded again (`Parts.settle`) is back when its writer is done.
            with self._writing:
                return self._query(sql)

    def _query(self, sql: str) -> list[Row]:
        with self._borrowed() as reader:
            try:
                settings = self._read_settings()
                statement = reader.query(rewriting(sql), settings=settings).result_rows[0][0]
                check(statement)
                result = reader.query(statement, settings=settings)
                rows = result.result_rows
            except ClickHouseError as error:
                raise BadRequest(
                    f"The query was refused: {_short(error)}.", "Send one SELECT; check it and its limits."
                ) from error
        return [dict(zip(result.column_names, row, strict=True)) for row in rows]

    def packed(self, sql: str, row: np.dtype[np.void]) -> NDArray[np.void]:
        """See `bdp.ports.BulkStore.packed`."""
        limits = {name: value for name, value in self._limits().items() if name != "max_result_rows"}
        reader = self._reader(limits)
        try:
            settings = dict(limits) if self._settings.dsn.get_secret_value() else None
            data = reader.raw_query(sql, fmt="RowBinary", settings=settings)
        except ClickHouseError as error:
            raise BadRequest(
                f"The query was refused: {_short(error)}.", "Ask for fewer days, or raise the store's limits."
            ) from error
        finally:
            reader.close()
        return np.frombuffer(data, dtype=row)

    def close(self) -> None:
        """Close every handle; open queries finish first."""
        if self._parts:
            self._parts.close()
        for _ in range(_READERS):
            self._readers.get().close()
        self._writer.close()

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Client]:
        reader = self._readers.get()
        try:
            yield reader
        except BaseException:
            reader = self._renewed(reader)
            raise
        finally:
            self._readers.put(reader)

    def _renewed(self, reader: Client) -> Client:
        """Return another handle for one whose query failed: the embedded engine's may still hold rows of that query.

        The next statement would be answered with them.
        """
        fresh = self._reader()
        reader.close()
        return fresh

    def _connect(self, database: str | None = None) -> Client:
        dsn = self._settings.dsn.get_secret_value()
        try:
            if dsn:
                return clickhouse_connect.get_client(dsn=dsn, database=database, tz_mode="aware")
            _load_engine()
            path = str(self._path or ":memory:")
            return clickhouse_connect.get_client(interface="chdb", path=path, database=database, tz_mode="aware")
        except ClickHouseError as error:
            raise StoreUnavailable(f"The store cannot be opened: {_short(error)}.", "Run bdp doctor.") from error

    def _prepare(self) -> None:
        settings = self._settings
        self._writer.command(f"CREATE DATABASE IF NOT EXISTS {settings.database}{_on_cluster(settings.cluster)}")
        self._writer.database = settings.database
        for kind in RecordKind:
            self._writer.command(create_table(kind, settings.retention_days, cluster=settings.cluster))
            self._keep_retention(kind)
            for statement in add_columns(kind, cluster=settings.cluster):
                self._writer.command(statement)
        self._writer.command(create_charges(cluster=settings.cluster))
        if self._path and not settings.dsn.get_secret_value():
            self._parts = Parts(self._writer, settings.database, self._path, self._writing)
            for kind in RecordKind:
                self._parts.learn(kind.value)
            self._parts.watch()

    def _keep_retention(self, kind: RecordKind) -> None:
        table = self._writer.query(f"SHOW CREATE TABLE {kind.value}").result_rows[0][0]
        found = re.search(r"TTL arrived_at \+ (?:INTERVAL |toIntervalDay\()(\d+)", table)
        wanted = self._settings.retention_days
        if (int(found[1]) if found else 0) != wanted:
            self._writer.command(change_retention(kind, wanted, cluster=self._settings.cluster))

    def _reader(self, limits: Mapping[str, int] | None = None) -> Client:
        reader = self._connect(self._settings.database)
        if not self._settings.dsn.get_secret_value():
            given = self._limits() if limits is None else limits
            reader.command(f"SET {', '.join(f'{name} = {value}' for name, value in given.items())}")
        return reader

    def _read_settings(self) -> dict[str, Any] | None:
        # An embedded handle has been made read-only for good; a server takes the limits with each request.
        return dict(self._limits()) if self._settings.dsn.get_secret_value() else None

    def _limits(self) -> Mapping[str, int]:
        settings = self._settings
        return {
            "max_execution_time": settings.query_seconds,
            "max_result_rows": settings.query_rows,
            "max_memory_usage": settings.query_memory_mib << 20,
            "max_query_size": 1 << 20,
            "readonly": 1,
        }


def open_store(settings: StoreSettings | None = None, path: Path | None = None) -> ClickHouseStore:
    """Open the store, making its tables if needed.

    Args:
        path: folder of the embedded engine; None keeps everything in memory.

    Raises:
        MissingExtra: embedded, but chDB is not installed.
        StoreUnavailable: the server or the folder cannot be opened.
    """
    return ClickHouseStore(settings or StoreSettings(), path)


def _load_engine() -> None:
    try:
        engine = importlib.import_module("chdb._chdb")
    except ImportError as error:
        raise MissingExtra(
            "The embedded store needs chDB, which is not installed.",
            "Install bdp-agent[embedded], or set store.dsn to a ClickHouse server.",
        ) from error
    except RuntimeError as error:
        raise StoreUnavailable(
            f"The embedded store cannot start: {_short(error).splitlines()[0]}.",
            "Is the folder for temporary files (TMPDIR) writable?",
        ) from error
    engine.set_signal_handlers_enabled(0)


def _insert_error(kind: RecordKind, error: ClickHouseError) -> BadRecord | StoreUnavailable:
    code = getattr(error, "code", None)
    if code in _CANNOT_PARSE:
        return BadRecord(f"The store cannot read these {kind.value}: {_short(error)}.")
    unavailable = StoreTimeout if code in _GAVE_UP else StoreUnavailable
    return unavailable(
        f"The store did not take {kind.value}: {_short(error)}.", "What waits is kept and goes in later."
    )


def _short(error: Exception) -> str:
    """Keep the sentence that helps: ClickHouse repeats its code and adds file names and its version."""
    text = re.sub(r"(?:Code: \d+\. |DB::Exception: )+", "", str(error))
    return _TAIL.split(text)[0].strip().rstrip(".:")[:300]


def _on_cluster(cluster: str) -> str:
    return f" ON CLUSTER {cluster}" if cluster else ""
