"""A local model in a child process: one for each home and model, however many ask; started when it is first asked."""

from __future__ import annotations

import json
import secrets
import selectors
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

from bdp.errors import Retry

_START_SECONDS = 120.0
_END_SECONDS = 5.0
_LONGEST_LINE = 4096
_SHOWN = 300


class Spec(NamedTuple):
    """What is served, and for whom."""

    home: Path
    file: Path
    alias: str
    context: int
    threads: int


class Address(NamedTuple):
    """Where it is served, and the key that it asks for."""

    url: str
    key: str


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    address: Address


class Child:
    """The process of one model. Use from any thread."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self.users = 0

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        running = self._running
        return running.process.pid if running is not None and running.process.poll() is None else None

    @property
    def address(self) -> Address | None:
        """Where the model answers; None if it does not run."""
        running = self._running
        return running.address if running is not None and running.process.poll() is None else None

    def ready(self) -> Address:
        """Return where the model answers. Starts it if it does not run, which takes seconds.

        Raises:
            Retry: it does not start.
        """
        with self._lock:
            if address := self.address:
                return address
            if self._running is not None:
                _ended(self._running.process)  # it died
            self._running = self._started()
            return self._running.address

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._running is not None:
                _ended(self._running.process)
                self._running = None

    def _started(self) -> _Running:
        key = secrets.token_urlsafe(32)
        log = self._spec.home / "models" / "serve.log"
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "bdp.llm.serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # the terminal's Ctrl-C is for us, and we end it
            )
        try:
            url = self._told(process, key)
        except (OSError, ValueError, KeyError) as error:
            _ended(process)
            said = log.read_bytes()[-_SHOWN:].decode(errors="replace").strip()
            raise Retry(
                f"The local model {self._spec.alias} does not start ({error}). {said}", f"See {log}."
            ) from error
        return _Running(process, Address(url, key))

    def _told(self, process: subprocess.Popen[bytes], key: str) -> str:
        """Return the address that the child tells once the model is loaded."""
        given, taken = _pipe(process.stdin), _pipe(process.stdout)
        spec = self._spec
        given.write(
            json.dumps(
                {
                    "file": str(spec.file),
                    "alias": spec.alias,
                    "context": spec.context,
                    "threads": spec.threads,
                    "key": key,
                }
            ).encode()
            + b"\n"
        )
        given.flush()
        line = b""
        until = time.monotonic() + _START_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(taken, selectors.EVENT_READ)
            while not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError("it took too long")
                if not (more := taken.read1(_LONGEST_LINE)):  # type: ignore[attr-defined]  # a buffered pipe has it
                    raise ValueError("it ended")
                line += more
        return str(json.loads(line)["url"])


def shared(spec: Spec) -> Child:
    """Return the child for this home and model, of whoever asked for it first; give it back with `release`."""
    with _LOCK:
        child = _CHILDREN.setdefault(spec, Child(spec))
        child.users += 1
        return child


def release(spec: Spec) -> None:
    """Give a child back; the last one who does ends it."""
    with _LOCK:
        child = _CHILDREN[spec]
        child.users -= 1
        if child.users > 0:
            return
        del _CHILDREN[spec]
    child.close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("it has no pipes")
    return pipe


def _ended(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()  # the child ends when its input does
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


_LOCK: Final = threading.Lock()
_CHILDREN: Final[dict[Spec, Child]] = {}
