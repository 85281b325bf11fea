"""Senders: threads that post requests, and send again, with its key, what got no answer."""

from __future__ import annotations

import random
import threading
import zlib
from collections.abc import Callable

import httpx

from tests.faults.events import Maker, Outcome, Request
from tests.faults.subject import Life

ANSWER_SECONDS = 6.0
_BUSY = {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS, httpx.codes.INSUFFICIENT_STORAGE}


class Load:
    """All senders of one run.

    Attributes:
        life: whom to send to; None while nobody is there.
        requests: everything that was ever sent.
        problems: answers that no client should get.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._finishing = threading.Event()
        self._threads: list[threading.Thread] = []
        self.life: Life | None = None
        self.requests: list[Request] = []
        self.problems: list[str] = []

    def start(self, volume: int) -> None:
        """Start the senders: small requests, big ones, and bursts of errors."""
        kinds: dict[str, Callable[[Maker, random.Random], Request]] = {
            "small": lambda maker, chance: maker.request(chance.randint(1, 20)),
            "once": lambda maker, chance: maker.request(chance.randint(1, 20), keyed=False),
            "big": lambda maker, chance: maker.request(chance.randint(50, volume)),
            "burst": lambda maker, chance: maker.burst(chance.randint(12, 20)),
        }
        pauses = {"small": 0.02, "once": 0.05, "big": 0.15, "burst": 0.25}
        for name, make in kinds.items():
            thread = threading.Thread(target=self._send_all, args=(name, make, pauses[name]), name=name)
            thread.start()
            self._threads.append(thread)

    def finish(self) -> None:
        """Begin nothing new; send again most of what got no answer, then end."""
        self._finishing.set()
        for thread in self._threads:
            thread.join(60)

    def stop(self) -> None:
        """End at once."""
        self._stopping.set()
        self.finish()

    def _send_all(self, name: str, make: Callable[[Maker, random.Random], Request], pause: float) -> None:
        maker, chance = Maker(self._seed, name), random.Random(f"{self._seed}/{name}/pace")
        waiting: list[Request] = []
        connection = _Connection()
        while not self._stopping.wait(pause * chance.uniform(0.3, 1.7)):
            life = self.life
            if life is None:
                continue
            # A sender that gives up leaves a few outcomes unknown for ever.
            waiting = [found for found in waiting if found.tries < 40 or chance.random() < 0.9]
            if waiting and (chance.random() < 0.5 or self._finishing.is_set()):
                request = waiting.pop(0)
            elif self._finishing.is_set():
                break
            else:
                request = make(maker, chance)
                with self._lock:
                    self.requests.append(request)
            self._send(connection, life, request, chance)
            if request.outcome is Outcome.UNKNOWN and request.key:
                waiting.append(request)
            elif request.key and chance.random() < 0.05:
                waiting.append(request)  # a client may send again what was answered
        connection.close()

    def _send(self, connection: _Connection, life: Life, request: Request, chance: random.Random) -> None:
        request.tries += 1
        headers = {"Idempotency-Key": request.key} if request.key else {}
        body = request.body
        if len(body) > 20_000 and chance.random() < 0.5:
            headers["Content-Encoding"], body = "deflate", zlib.compress(body, 1)
        try:
            answer = connection.to(life).post("/v1/events", content=body, headers=headers)
        except httpx.HTTPError:
            connection.close()
            return
        if answer.status_code == httpx.codes.OK:
            self._acknowledged(request, answer)
        elif answer.status_code not in _BUSY:
            if request.outcome is Outcome.UNKNOWN:
                request.outcome = Outcome.TURNED_AWAY
            self.problems.append(f"answered {answer.status_code} to {request.key}: {answer.text[:300]}")

    def _acknowledged(self, request: Request, answer: httpx.Response) -> None:
        told = answer.json()
        counted = sum(value for name, value in told.items() if name in COUNTS)
        request.repeated = request.repeated or bool(told["repeated"])
        request.outcome = Outcome.ACKNOWLEDGED
        if counted != len(request.lines) and not told["repeated"]:
            self.problems.append(f"{request.key} has {len(request.lines)} lines; answered {answer.text[:300]}")


COUNTS = frozenset({"accepted", "refused", "sampled_out", "dropped", "let_go"})
"""Fields of a receipt that add up to what was sent."""


class _Connection:
    """One sender's connection, to whichever life it last spoke to."""

    def __init__(self) -> None:
        self._life: Life | None = None
        self._client: httpx.Client | None = None

    def to(self, life: Life) -> httpx.Client:
        if self._client is None or self._life is not life:
            self.close()
            self._client, self._life = life.client(ANSWER_SECONDS), life
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
