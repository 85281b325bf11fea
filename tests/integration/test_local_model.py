"""A real model: SmolLM2-135M by llama.cpp, in a child process. Its answers are of the right form, and that is all."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import platformdirs
import psutil
import pytest
from pydantic import SecretStr
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from bdp.clock import SystemClock
from bdp.ids import Ids
from bdp.llm import child
from bdp.llm.ask import Ask, Prompt
from bdp.llm.child import Child, Spec
from bdp.llm.gateway import Gateway
from bdp.llm.providers import Context
from bdp.llm.settings import GatewaySettings, LocalSettings, OpenAiSettings
from bdp.model.spending import Reason
from bdp.store.state import open_state
from tests.integration.serving import BDP
from tests.unit.llm.providers.asking import QUESTION, RULES, Verdict, ask, failure, made, messages, parameters

NAME = "smollm2-135m"
WORKER = """
import sys, time
from pathlib import Path
from bdp.llm import child
spec = child.Spec(Path(sys.argv[1]), Path(sys.argv[2]), "smollm2-135m", 2048, 1)
held = child.shared(spec)
held.ready()
print(held.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="session")
def weights() -> Path:
    """The weights, which the product itself fetches once for a machine."""
    cache = platformdirs.user_cache_path("bdp-agent-tests") / "models-home"
    told = subprocess.run(
        [*BDP, "model", "install", NAME, "--home", str(cache)], capture_output=True, text=True, timeout=600, check=False
    )
    assert told.returncode == 0, told.stderr
    return cache / "models" / f"{NAME}.gguf"


@pytest.fixture
def home(tmp_path: Path, weights: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / weights.name).symlink_to(weights)
    return tmp_path


@pytest.fixture
def served(home: Path, weights: Path) -> Iterator[Child]:
    """The child that the kind `local` asks, kept over several questions."""
    spec = Spec(home, weights.resolve(), NAME, 2048, 1)
    yield child.shared(spec)
    child.release(spec)


def settings(**more: Any) -> LocalSettings:
    return LocalSettings(context_tokens=2048, max_tokens=120, threads=1, **more)


def test_answers_are_of_the_form_that_was_asked_for(home: Path, served: Child) -> None:
    for number in range(3):
        response = ask("local", settings(temperature=1.5), home, seed=number)
        verdict = Verdict.model_validate_json(response.text or "")
        assert 0 <= verdict.risk <= 100
        assert response.finish_reason == "stop"
        assert response.usage.input_tokens > 40
        assert 5 < response.usage.output_tokens <= 120


def test_any_server_of_that_protocol_is_asked_the_same_way(home: Path, served: Child) -> None:
    address = served.ready()
    there = OpenAiSettings(base_url=f"{address.url}/v1", model=NAME, api_key=SecretStr(address.key), max_tokens=120)
    response = ask("vllm", there.model_copy(update={"temperature": 0.0}), home)
    assert set(json.loads(response.text or "")) == {"service", "risk"}
    assert response.model_name == NAME
    found = failure("vllm", there.model_copy(update={"api_key": SecretStr("guessed")}), home)
    assert (found.reason, found.again) == (Reason.ACCESS, False)


def test_an_answer_that_is_cut_off_says_so(home: Path, served: Child) -> None:
    response = ask("local", settings(), home, max_tokens=4)
    assert (response.finish_reason, response.usage.output_tokens) == ("length", 4)


def test_a_prompt_that_is_too_long_is_refused(home: Path, served: Child) -> None:
    async def long() -> ModelResponse:
        provided = made("local", settings(), home)
        try:
            return await provided.request(messages("error " * 4000), provided.settings, parameters(provided))
        finally:
            await provided.close()

    with pytest.raises(Exception, match="context size"):
        asyncio.run(long())


def test_one_child_serves_whoever_asks_and_ends_with_the_last(home: Path, weights: Path) -> None:
    spec = Spec(home, weights.resolve(), NAME, 2048, 1)

    def pid_after(number: int) -> int | None:
        async def once() -> int | None:
            provided = made("local", settings(), home)
            await provided.request(messages(), {**provided.settings, "max_tokens": 4}, parameters(provided))
            pid = child.shared(spec).pid
            child.release(spec)
            await asyncio.sleep(0.5)  # the others shall find it, not start one of their own
            await provided.close()
            return pid

        return asyncio.run(once())

    with ThreadPoolExecutor(4) as pool:
        pids = set(pool.map(pid_after, range(4)))
    assert len(pids) == 1
    assert not psutil.pid_exists(pids.pop() or 0)


def test_a_child_that_died_is_started_again(home: Path, served: Child) -> None:
    served.ready()
    first = served.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    psutil.Process(first).wait(5)
    Verdict.model_validate_json(ask("local", settings(), home).text or "")
    assert served.pid not in {None, first}


def test_a_child_ends_with_a_parent_that_was_killed(home: Path, weights: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(home), str(weights.resolve())], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        process = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert process.wait(10) is None or not process.is_running()


def test_weights_that_are_none_are_a_failure_like_others(home: Path) -> None:
    (home / "models" / "broken.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    found = failure("local", settings(model="broken"), home)
    assert (found.reason, found.billed, found.onward) == (Reason.AWAY, False, True)
    assert "does not start" in found.text


def test_who_stops_waiting_leaves_the_model_free_for_others(home: Path, served: Child) -> None:
    served.ready()

    async def stopped() -> float:
        provided = made("local", settings(), home)
        began = time.monotonic()
        given: ModelSettings = {**provided.settings, "max_tokens": 1900}
        counting = provided.request(messages("Count to 10,000."), given, ModelRequestParameters())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(counting, 0.05)
        await provided.request(messages(), {**provided.settings, "max_tokens": 4}, parameters(provided))
        await provided.close()
        return time.monotonic() - began

    assert asyncio.run(stopped()) < 10


def test_bdp_asks_it(home: Path) -> None:
    told = subprocess.run(
        [*BDP, "model", "try", "Say hello.", "--json", "--home", str(home)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert '"answer": "' in told.stdout


def test_the_whole_gateway_answers_by_it(home: Path, served: Child) -> None:
    state = open_state("sqlite://")
    gateway = Gateway(
        GatewaySettings(chain=("local",), local=settings()), state.spending, Context(home), SystemClock(), Ids()
    )
    try:
        answer = gateway.ask(Ask("insights", lambda most: Prompt(RULES, QUESTION), Verdict, seconds=30))
    finally:
        gateway.close()
        state.close()
    assert (answer.provider, answer.nano_usd) == ("local", 0)
    assert 0 <= answer.value.risk <= 100
    assert answer.tokens_in > 40
    assert answer.tokens_out > 5
