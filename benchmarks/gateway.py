"""What the model gateway adds to one question, beside the same request by its library alone.

    python benchmarks/gateway.py [--quick] [--json]

A server in a process of its own answers at once. Each round asks it the same question twice, in turn: through the
gateway (budget and rates reserved and settled in a SQLite file, prompt pseudonymised, answer validated), and by
pydantic-ai's model alone. Told are the medians of wall time and the means of this process' CPU time; the difference is
what the gateway adds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import BaseModel, Field
from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition

from bdp.clock import SystemClock
from bdp.ids import Ids
from bdp.llm.ask import Ask, Prompt
from bdp.llm.gateway import Gateway
from bdp.llm.providers import Context, build
from bdp.llm.settings import GatewaySettings, OpenAiSettings, PriceSettings
from bdp.store.state import open_state

INSTRUCTIONS = "You judge samples of a fabric. Answer with one JSON object of the form that is asked for."
TEXT = json.dumps([{"stream": f"rack-{n}/leaf-1", "latency_p99": 12.5 + n, "baseline": 4.9} for n in range(30)])


class Finding(BaseModel):
    """What a sample says."""

    risk: int = Field(ge=0, le=100)
    explanation: str = Field(max_length=600)


def main() -> None:
    """Run, and print what the gateway adds."""
    options = _options()
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        result = play(here.recv(), Path(folder), options.rounds)
    server.terminate()
    if options.json:
        print(json.dumps(result))
        return
    print(f"{options.rounds} questions each, prompt {len(TEXT) + len(INSTRUCTIONS):,} bytes")
    for name in ("gateway", "library"):
        print(f"  {name:8} {result[f'{name}_wall_ms']:6.2f} ms wall {result[f'{name}_cpu_ms']:6.2f} ms CPU a question")
    print(f"  added    {result['added_wall_ms']:6.2f} ms wall {result['added_cpu_ms']:6.2f} ms CPU (aim: under 5 ms)")


def play(url: str, folder: Path, rounds: int) -> dict[str, float]:
    """Ask in turn, and return what each way took."""
    clock = SystemClock()
    vllm = OpenAiSettings(
        model="m",
        base_url=url,
        price=PriceSettings(input_usd=1, output_usd=4),
        requests_per_minute=10**6,
        tokens_per_minute=10**9,
    )
    settings = GatewaySettings(chain=("vllm",), vllm=vllm)
    state = open_state(f"sqlite:///{folder / 'state.db'}")
    gateway = Gateway(settings, state.spending, Context(folder), clock, Ids())
    ask = Ask("benchmark", lambda tokens: Prompt(INSTRUCTIONS, TEXT), Finding, 30.0)
    alone = _library(url, folder, vllm)
    ways: dict[str, Callable[[], object]] = {"gateway": lambda: gateway.ask(ask), "library": alone}
    wall: dict[str, list[float]] = {name: [] for name in ways}
    cpu = dict.fromkeys(ways, 0.0)
    for way in ways.values():
        for _ in range(20):
            way()
    for _ in range(rounds):
        for name, way in ways.items():
            begun, used = time.perf_counter(), time.process_time()
            way()
            wall[name].append(time.perf_counter() - begun)
            cpu[name] += time.process_time() - used
    gateway.close()
    state.close()
    result = {f"{name}_wall_ms": 1e3 * statistics.median(found) for name, found in wall.items()}
    result |= {f"{name}_cpu_ms": 1e3 * used / rounds for name, used in cpu.items()}
    for kind in ("wall", "cpu"):
        result[f"added_{kind}_ms"] = result[f"gateway_{kind}_ms"] - result[f"library_{kind}_ms"]
    return result


def _library(url: str, folder: Path, vllm: OpenAiSettings) -> Callable[[], object]:
    """Return the same request without the gateway, on a loop of its own."""
    loop = asyncio.new_event_loop()
    provided = build("vllm", vllm, Context(folder))
    shape = OutputObjectDefinition(json_schema=Finding.model_json_schema(), name="Finding", strict=True)
    parameters = ModelRequestParameters(output_mode="native", output_object=shape, allow_text_output=True)

    async def request() -> object:
        message = ModelRequest(parts=[UserPromptPart(TEXT)], instructions=INSTRUCTIONS)
        return await provided.model.request([message], provided.settings, parameters)

    return lambda: loop.run_until_complete(request())


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": '{"risk": 70, "explanation": "Latency is 2.5 times its mean."}'}
        usage = {"prompt_tokens": 700, "completion_tokens": 30, "total_tokens": 730}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps(
            {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        ).encode()
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )

    def log_message(self, *given: object) -> None:
        return


def serve(there: Connection) -> None:
    """Answer until the process is ended."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    there.send(f"http://127.0.0.1:{server.server_port}/v1")
    server.serve_forever()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer questions")
    parser.add_argument("--rounds", type=int, default=0, help="questions each way")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    options.rounds = options.rounds or (100 if options.quick else 1000)
    return options


if __name__ == "__main__":
    main()
