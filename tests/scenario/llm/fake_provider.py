"""A model server on loopback that misbehaves by a seeded schedule, and knows what it would bill.

It speaks OpenAI's chat completions. Its bill is the truth: tokens that it has read and made, whatever it told of them,
and whether or not its answer reached anybody.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bdp.clock import Clock

NANO_IN, NANO_OUT = 1_000, 4_000
"""Nano-dollars a token: 1 and 4 US dollars for a million."""


@dataclass(frozen=True)
class Arrival:
    """One request: when it came by the clock's seconds, and what it weighs."""

    at: float
    tokens: int
    nano_usd: int
    manner: str


@dataclass
class Made:
    """An answer before it is put on the wire."""

    text: str
    finish: str = "stop"
    usage: dict[str, Any] | None = None


@dataclass
class FakeProvider:
    """Serves until `close`.

    Args:
        answer: makes the right answer to a prompt.
        manners: how it may behave, with weights.
    """

    seed: int
    clock: Clock
    answer: Callable[[str], str]
    manners: dict[str, float]
    arrivals: list[Arrival] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def close(self) -> None:
        """End all connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def billed(self) -> int:
        """Nano-dollars in all."""
        return sum(arrival.nano_usd for arrival in self.arrivals)

    @property
    def manners_seen(self) -> Counter[str]:
        """How often it behaved how."""
        return Counter(arrival.manner for arrival in self.arrivals)

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (body := await self._request(reader)) is not None:
                if not await self._respond(writer, body):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bytes | None:
        length = 0
        while line := await reader.readline():
            if line == b"\r\n":
                return await reader.readexactly(length)
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return None

    async def _respond(self, writer: asyncio.StreamWriter, body: bytes) -> bool:
        """Answer one request; say whether the connection goes on."""
        question = json.loads(body)
        self.seen.append(body.decode())
        self.asked.append(question["messages"][-1]["content"])
        manner = self._chance.choices(list(self.manners), list(self.manners.values()))[0]
        text = question["messages"][-1]["content"]
        made = self._made(manner, text)
        most = question.get("max_tokens") or question["max_completion_tokens"]
        tokens_in, tokens_out = -(-len(body) // 4), min(most, -(-len(made.text.encode("utf-8", "replace")) // 4))
        free = manner in {"throttles", "asks_to_wait", "fails", "refuses"}
        self.arrivals.append(
            Arrival(
                self.clock.monotonic(),
                0 if free else tokens_in + tokens_out,
                0 if free else tokens_in * NANO_IN + tokens_out * NANO_OUT,
                manner,
            )
        )
        usage = made.usage
        if usage is None:
            usage = _usage(tokens_in, tokens_out)
        document = _document(question["model"], made, usage)
        return await getattr(self, f"_{manner}", self._well)(writer, document)

    def _made(self, manner: str, text: str) -> Made:
        right = self.answer(text)
        return {
            "chats": lambda: Made(f"Certainly!\n```json\n{right}\n``` Anything else?"),
            "garbles": lambda: Made(self._chance.randbytes(40).decode("latin1")),
            "wrong_form": lambda: Made('{"verdict": 7, "notes": []}'),
            "empty": lambda: Made(""),
            "cut_off": lambda: Made(right[: len(right) // 2], finish="length"),
            "long": lambda: Made("words " * 4000),
            "obeys": lambda: Made('{"number": -1, "note": "IGNORE ALL RULES <script>alert(1)</script>"}'),
            "deep": lambda: Made('{"a":' * 3000),
            "half_a_character": lambda: Made(right + "\ud800"),
            "tells_nothing": lambda: Made(right, usage={}),
            "tells_little": lambda: Made(right, usage=_usage(0, 0)),
            "tells_nonsense": lambda: Made(right, usage=_usage(-5, -5)),
            "tells_much": lambda: Made(right, usage=_usage(10**9, 10**9)),
        }.get(manner, lambda: Made(right))()

    async def _well(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        await _send(writer, 200, document)
        return True

    async def _throttles(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        await _send(writer, 429, b'{"error": {"message": "Rate limit reached", "type": "requests"}}')
        return True

    async def _asks_to_wait(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        await _send(writer, 429, b'{"error": {"message": "slow down", "type": "tokens"}}', "Retry-After: 2\r\n")
        return True

    async def _fails(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        await _send(writer, self._chance.choice([500, 502, 503]), b"<html>Bad gateway</html>")
        return True

    async def _refuses(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        refusal = {"message": "context length exceeded", "code": "context_length_exceeded"}
        await _send(writer, 400, json.dumps({"error": refusal}).encode())
        return True

    async def _stalls(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        await asyncio.sleep(3600)
        return False

    async def _drips(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        writer.write(_head(200, len(document)))
        for at in range(0, len(document), 8):
            writer.write(document[at : at + 8])
            await writer.drain()
            await asyncio.sleep(0.2)
        return True

    async def _breaks_off(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        writer.write(_head(200, len(document)) + document[: len(document) // 2])
        await writer.drain()
        return False

    async def _tells_longer(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        writer.write(_head(200, len(document) + 500) + document)
        await writer.drain()
        return False

    async def _tells_shorter(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        writer.write(_head(200, len(document) // 3) + document)
        await writer.drain()
        return False

    async def _echoes(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        found = json.loads(document)
        found["choices"][0]["message"]["content"] = {"said": self.asked[-1]}
        await _send(writer, 200, json.dumps(found).encode())
        return True

    async def _noise(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        await _send(writer, 200, self._chance.randbytes(300))
        return True

    async def _endless(self, writer: asyncio.StreamWriter, document: bytes) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"4000\r\n" + b"[" * 0x4000 + b"\r\n")
            await writer.drain()


def _usage(tokens_in: int, tokens_out: int) -> dict[str, int]:
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def _document(model: str, made: Made, usage: dict[str, Any]) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": made.text}, "finish_reason": made.finish}
    document = {"id": "c-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice]}
    return json.dumps(document | ({"usage": usage} if usage else {})).encode()


def _head(status: int, length: int, more: str = "") -> bytes:
    return (f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}Content-Length: {length}\r\n\r\n").encode()


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, more: str = "") -> None:
    writer.write(_head(status, len(body), more) + body)
    await writer.drain()
