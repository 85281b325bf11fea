"""The system that actions change: it takes each key once, remembers what took effect, and tells whether it helped.

It runs in the parent, which nothing kills, so its memory is the truth that the judge compares with. It answers slowly
now and then, and drops the connection after the effect took place: what a caller cannot tell from an effect that did
not.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Effect(NamedTuple):
    """What took effect: `restart` of incident number 7, or the undo of it."""

    number: int
    operation: str
    undone: bool


@dataclass
class World:
    """Effects by key, requests counted, and which operation mends which incident."""

    chance: random.Random
    effects: dict[str, Effect] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    lost_answers: int = 0

    def __post_init__(self) -> None:
        self._turn = threading.Lock()

    def __enter__(self) -> World:
        world = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if world.take(self.path, self.headers["Idempotency-Key"], body):
                    self.answer({"taken": True})
                else:
                    self.close_connection = True  # the effect took place, its answer is lost

            def do_GET(self) -> None:
                self.answer({"gone": world.is_mended(int(self.path.rpartition("/")[2]))})

            def answer(self, document: Any) -> None:
                content = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, path: str, key: str, body: dict[str, Any]) -> bool:
        """Let it take effect, once by its key; return False when the answer is to be lost."""
        with self._turn:
            self.requests[key] += 1
            effect = Effect(int(body["number"]), str(body["operation"]), undone=path == "/undo")
            self.effects.setdefault(key, effect)
            lost = self.requests[key] == 1 and self.chance.random() < 0.05
            self.lost_answers += lost
            return not lost

    def is_mended(self, number: int) -> bool:
        """Return whether an operation that mends holds for this incident."""
        with self._turn:
            held = Counter({"mend": 0})
            for effect in self.effects.values():
                if effect.number == number:
                    held[effect.operation] += -1 if effect.undone else 1
            return held["mend"] > 0

    def of(self, number: int) -> list[Effect]:
        """Return the effects of one incident, in their order."""
        with self._turn:
            return [effect for effect in self.effects.values() if effect.number == number]
