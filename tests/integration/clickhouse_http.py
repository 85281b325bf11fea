"""ClickHouse's HTTP interface over chDB, in a process of its own: a stand-in for a ClickHouse server in tests.

What it is: the same engine (chDB is ClickHouse as a library), the same SQL, formats, deduplication and errors. What it
is not: ClickHouse's own HTTP server. It knows what clickhouse-connect sends: the statement in `query` or the body,
settings and `param_…` as URL parameters, inserts with their data in the body; no users, sessions, compression or
progress. One process has one chDB folder (`HAZARDS` in the store's decision page), so several workers share it here.

    python -m tests.integration.clickhouse_http FOLDER PORT
"""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_TRANSPORT = frozenset(
    {
        "buffer_size", "client_protocol_version", "compress", "database", "decompress", "default_format",
        "enable_http_compression", "http_headers_progress_interval_ms", "query", "query_id", "quota_key", "role",
        "send_progress_in_http_headers", "session_check", "session_id", "session_timeout", "wait_end_of_query",
    }
)  # fmt: skip
_INSERT = re.compile(rb"\s*INSERT\s+INTO\s[^;]*?\sFORMAT\s+(\w+)[ \t]*\r?\n?", re.IGNORECASE | re.DOTALL)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_READS = re.compile(r"\s*(SELECT|WITH|SHOW|DESCRIBE|DESC|EXISTS|EXPLAIN)\b", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)\. ")
_opening = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: Any
    path_: str

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path == "/ping":
            self._answer(200, b"Ok.\n")
            return
        given = dict(parse_qsl(url.query, keep_blank_values=True))
        statement = b"\n".join(part for part in (given.get("query", "").encode(), body) if part)
        try:
            self._answer(200, self._run(statement, given))
        except Exception as error:  # the engine raises RuntimeError for whatever it does not like
            text = str(error)
            text = text[text.find("Code: ") :] if "Code: " in text else f"Code: 1002. DB::Exception: {text}"
            code = _CODE.match(text)
            self._answer(500, text.encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "1002"})

    def _run(self, statement: bytes, given: dict[str, str]) -> bytes:
        parameters = {name[6:]: value for name, value in given.items() if name.startswith("param_")}
        settings = {
            name: value for name, value in given.items() if name not in _TRANSPORT and not name.startswith("param_")
        }
        with _opening:
            handle = self.engine.connect(self.path_)
        try:
            if given.get("database"):
                handle.query(f"USE `{given['database'].replace('`', '')}`", "TabSeparated")
            _set(handle, {name: value for name, value in settings.items() if name != "readonly"})
            _set(handle, {name: value for name, value in settings.items() if name == "readonly"})
            return _run(handle, statement, parameters)
        finally:
            handle.close()

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"X-ClickHouse-Timezone": "UTC", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _run(handle: Any, statement: bytes, parameters: dict[str, str]) -> bytes:
    insert = _INSERT.match(statement)
    if insert:
        with tempfile.NamedTemporaryFile(prefix="bdp-insert-") as file:
            file.write(statement[insert.end() :])
            file.flush()
            head = statement[: insert.end()].decode().rstrip()
            into = head[: head.upper().rindex("FORMAT")]
            handle.query(f"{into} FROM INFILE '{file.name}' FORMAT {insert[1].decode()}", "TabSeparated")
        return b""
    text = statement.decode()
    found = _FORMAT.search(text)
    result = handle.query(text, found[1] if found else "TabSeparated", params=parameters)
    return bytes(result.bytes() or b"") if found or _READS.match(text) else b""


def _set(handle: Any, settings: dict[str, str]) -> None:
    if settings:
        pairs = ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items())
        handle.query(f"SET {pairs}", "TabSeparated")


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def serve(folder: Path, port: int) -> None:
    """Serve until the process ends."""
    importlib.import_module("chdb._chdb").set_signal_handlers_enabled(0)
    engine = importlib.import_module("chdb")
    kept = engine.connect(str(folder))  # the engine lives as long as some handle does
    handler = type("Handler", (_Handler,), {"engine": engine, "path_": str(folder)})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    print("ready", flush=True)
    try:
        server.serve_forever()
    finally:
        kept.close()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
