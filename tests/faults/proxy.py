"""A TCP proxy that can cut, stall and slow what passes, to stand before a broker or a database."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable

_PIECE = 64 * 1024


class Proxy:
    """Listens on a free port of loopback and hands on to what `reach()` connects to, asked for each connection.

    Attributes:
        mode: `pass`; `cut` (connections are reset and refused); `stall` (nothing moves, nothing is closed); `slow`
            (each piece waits).
    """

    def __init__(self, reach: Callable[[], socket.socket], port: int = 0) -> None:
        self._reach = reach
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.mode = "pass"
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cut everything."""
        self._closed = True
        self._thread.join(5)
        self._listener.close()

    def _run(self) -> None:
        pairs: dict[socket.socket, socket.socket] = {}
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._listener, selectors.EVENT_READ)
            while not self._closed:
                if self.mode == "cut":
                    self._cut(waiting, pairs)
                if self.mode == "stall":
                    time.sleep(0.02)
                    continue
                for key, _ in waiting.select(0.02):
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    if source is self._listener:
                        self._accept(waiting, pairs)
                    elif source in pairs:
                        self._move(waiting, pairs, source)
            self._cut(waiting, pairs)

    def _accept(self, waiting: selectors.BaseSelector, pairs: dict[socket.socket, socket.socket]) -> None:
        came, _ = self._listener.accept()
        if self.mode == "cut":
            came.close()
            return
        try:
            gone = self._reach()
        except OSError:
            came.close()
            return
        for one, other in ((came, gone), (gone, came)):
            one.settimeout(2)
            pairs[one] = other
            waiting.register(one, selectors.EVENT_READ)

    def _move(
        self, waiting: selectors.BaseSelector, pairs: dict[socket.socket, socket.socket], source: socket.socket
    ) -> None:
        try:
            piece = source.recv(_PIECE)
            if self.mode == "slow":
                time.sleep(0.02)
            if piece:
                pairs[source].sendall(piece)
                return
        except OSError:
            pass
        self._drop(waiting, pairs, source)

    def _cut(self, waiting: selectors.BaseSelector, pairs: dict[socket.socket, socket.socket]) -> None:
        for source in list(pairs):
            if source in pairs:
                self._drop(waiting, pairs, source)

    @staticmethod
    def _drop(
        waiting: selectors.BaseSelector, pairs: dict[socket.socket, socket.socket], source: socket.socket
    ) -> None:
        for end in (source, pairs.pop(source)):
            pairs.pop(end, None)
            with contextlib.suppress(KeyError, ValueError):
                waiting.unregister(end)
            end.close()
