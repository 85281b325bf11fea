"""A model server on loopback that calls tools, as its script says; it speaks OpenAI's chat completions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Calls = Sequence[tuple[str, Any]]
"""Tool and arguments: an object, or text as a model wrote it."""
Script = Callable[[dict[str, Any]], "str | Calls"]


@dataclass
class ToolProvider:
    """Serves until `close`. Use from any thread.

    Args:
        script: takes the request's body; returns the answer's text, or calls.
        refuses_tools: answers 400 where tools are offered, as servers do that were started without them.

    Attributes:
        seen: bodies of all requests, as they came over the wire.
    """

    script: Script
    refuses_tools: bool = False
    tells_usage: bool = True
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, answer = provider._answer(body)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def questions(self) -> list[dict[str, Any]]:
        """What was asked, oldest first."""
        return [json.loads(body) for body in self.seen]

    def _answer(self, body: bytes) -> tuple[int, bytes]:
        self.seen.append(body.decode())
        question = json.loads(body)
        if self.refuses_tools and question.get("tools"):
            return 400, b'{"error": {"message": "\\"auto\\" tool choice requires --enable-auto-tool-choice"}}'
        made = self.script(question)
        message: dict[str, Any] = {"role": "assistant", "content": made if isinstance(made, str) else None}
        if not isinstance(made, str):
            message["tool_calls"] = [_call(number, *call) for number, call in enumerate(made)]
        finish = "stop" if isinstance(made, str) else "tool_calls"
        tokens_in, tokens_out = -(-len(body) // 4), -(-len(json.dumps(message)) // 4)
        document: dict[str, Any] = {
            "id": "c-1", "object": "chat.completion", "created": 1, "model": question["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        }  # fmt: skip
        if self.tells_usage:
            document["usage"] = {
                "prompt_tokens": tokens_in,
                "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
            }
        return 200, json.dumps(document).encode()


def results_of(question: dict[str, Any]) -> list[str]:
    """Return what tools gave, oldest first."""
    return [one["content"] for one in question["messages"] if one["role"] == "tool"]


def text_of(question: dict[str, Any]) -> str:
    """Return the question itself, without instructions."""
    return str(next(one["content"] for one in question["messages"] if one["role"] == "user"))


def _call(number: int, tool: str, arguments: Any) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": f"call_{number}", "type": "function", "function": {"name": tool, "arguments": text}}
