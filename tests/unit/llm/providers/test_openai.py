from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bdp.errors import BadSetting, BdpError, NotAllowed, Retry
from bdp.llm.providers import Context, build
from bdp.llm.settings import OpenAiSettings
from bdp.model.spending import Reason
from tests.unit.llm.providers.asking import (
    QUESTION,
    RULES,
    TEXT,
    ask,
    failure,
    made,
    messages,
    parameters,
    probe,
)
from tests.unit.llm.providers.loopback import Loopback


def settings(server: Loopback, **more: Any) -> OpenAiSettings:
    given = {"base_url": f"{server.url}/v1", "model": "llama-3", "api_key": SecretStr("sesame"), "seconds": 5.0, **more}
    return OpenAiSettings(**given)


def completion(content: str | None = TEXT, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion as vLLM 0.16 sends it."""
    return {
        "id": "chatcmpl-8b1c",
        "object": "chat.completion",
        "created": 1_763_764_800,
        "model": "llama-3",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": content,
                    "refusal": None,
                    "tool_calls": [],
                    "reasoning_content": None,
                    **message,
                },
                "logprobs": None,
                "finish_reason": finish,
                "stop_reason": None,
            }
        ],
        "service_tier": None,
        "system_fingerprint": None,
        "usage": {
            "prompt_tokens": 812,
            "total_tokens": 908,
            "completion_tokens": 96,
            "prompt_tokens_details": {"cached_tokens": 640},
        },
        "prompt_logprobs": None,
        "kv_transfer_params": None,
    }


def test_an_answer_comes_with_its_tokens(server: Loopback, tmp_path: Path) -> None:
    server.answers(completion())
    response = ask("vllm", settings(server), tmp_path)
    assert response.text == TEXT
    assert (response.finish_reason, response.model_name) == ("stop", "llama-3")
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (812, 96, 640)


def test_the_request_holds_schema_rules_and_key(server: Loopback, tmp_path: Path) -> None:
    server.answers(completion())
    ask("vllm", settings(server, temperature=0.2, top_p=0.8, max_tokens=300), tmp_path)
    asked = server.last
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.headers["authorization"] == "Bearer sesame"
    told = asked.json
    assert (told["model"], told["max_tokens"], told["temperature"], told["top_p"]) == ("llama-3", 300, 0.2, 0.8)
    form = told["response_format"]
    assert (form["type"], form["json_schema"]["strict"], form["json_schema"]["name"]) == (
        "json_schema",
        True,
        "Verdict",
    )
    assert form["json_schema"]["schema"]["required"] == ["service", "risk"]
    system, user = told["messages"]
    assert (system["role"], user) == ("system", {"role": "user", "content": QUESTION})
    # vLLM only masks tokens: the model has to be told the schema as well.
    assert RULES in system["content"]
    assert '"risk"' in system["content"]


def test_the_environment_changes_nothing(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OPENAI_API_KEY": "evil",
        "OPENAI_BASE_URL": "http://127.0.0.1:9",
        "OPENAI_ORG_ID": "evil",
        "OPENAI_PROJECT_ID": "evil",
        "OPENAI_CUSTOM_HEADERS": "X-Evil: 1\nAuthorization: Bearer evil",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    server.answers(completion())
    ask("vllm", settings(server), tmp_path)
    assert "evil" not in str(server.last.headers)
    assert set(server.last.headers) == {
        "host", "connection", "accept", "content-type", "content-length", "accept-encoding", "user-agent",
        "authorization",
    }  # fmt: skip
    ask("vllm", settings(server, api_key=SecretStr("")), tmp_path)
    assert "authorization" not in server.last.headers


@pytest.mark.parametrize(
    ("finish", "expected"), [("length", "length"), ("content_filter", "content_filter"), ("stop", "stop")]
)
def test_it_says_how_an_answer_ended(server: Loopback, tmp_path: Path, finish: str, expected: str) -> None:
    server.answers(completion(TEXT[:10], finish))
    response = ask("vllm", settings(server), tmp_path)
    assert (response.finish_reason, response.text) == (expected, TEXT[:10])


def test_a_refusal_is_a_filtered_answer_without_text(server: Loopback, tmp_path: Path) -> None:
    server.answers(completion(None, refusal="I can't help with that."))
    response = ask("vllm", settings(server), tmp_path)
    assert (response.finish_reason, response.text) == ("content_filter", None)


def test_thinking_is_no_part_of_the_answer(server: Loopback, tmp_path: Path) -> None:
    server.answers(completion(TEXT, reasoning_content="Let me think."))
    assert ask("vllm", settings(server, model="Qwen/Qwen3-8B"), tmp_path).text == TEXT
    assert server.last.json["chat_template_kwargs"] == {"enable_thinking": False}
    assert "reasoning_effort" not in server.last.json


def test_reasoning_models_of_openai_get_no_sampling(tmp_path: Path) -> None:
    given = OpenAiSettings(base_url="https://api.openai.com/v1", model="gpt-5-mini", api_key=SecretStr("k"))
    provided = build("vllm", given, Context(tmp_path))
    assert not {"temperature", "top_p"} & set(provided.settings)
    assert provided.settings["max_tokens"] == given.max_tokens


@pytest.mark.parametrize("framing", [{"content-length": "99999999"}, {}], ids=["told", "untold"])
def test_an_endless_answer_is_not_read(server: Loopback, tmp_path: Path, framing: dict[str, str]) -> None:
    server.floods({"content-type": "application/json", **framing})
    began = time.monotonic()
    found = failure("vllm", settings(server), tmp_path, answer_bytes=10_000)
    assert (found.reason, found.billed) == (Reason.AWAY, True)
    assert "10000 bytes" in found.text
    assert time.monotonic() - began < 3


def test_a_packed_answer_is_refused(server: Loopback, tmp_path: Path) -> None:
    server.answers(b"\x1f\x8b" + b"\0" * 50, headers={"content-encoding": "gzip"})
    assert failure("vllm", settings(server), tmp_path).reason is Reason.AWAY


def test_a_dripping_answer_ends_in_time(server: Loopback, tmp_path: Path) -> None:
    server.drips({"content-type": "application/json"}, 5)
    began = time.monotonic()
    assert failure("vllm", settings(server, seconds=0.4), tmp_path).reason is Reason.TIMEOUT
    assert time.monotonic() - began < 2


def test_nobody_is_led_elsewhere(server: Loopback, tmp_path: Path) -> None:
    server.answers(b"", 307, {"location": f"{server.url}/elsewhere"})
    failure("vllm", settings(server), tmp_path)
    assert [one.path for one in server.asked] == ["/v1/chat/completions"]


def test_a_cancelled_request_ends_at_once(server: Loopback, tmp_path: Path) -> None:
    server.stalls(3)

    async def cancelled() -> float:
        provided = made("vllm", settings(server), tmp_path)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await provided.request(messages(), provided.settings, parameters(provided))
        await provided.close()
        return time.monotonic() - began

    assert asyncio.run(cancelled()) < 1


def test_the_probe_finds_the_model(server: Loopback, tmp_path: Path) -> None:
    server.answers({"object": "list", "data": [{"id": "llama-3", "object": "model"}]})
    assert probe("vllm", settings(server), tmp_path) == f"llama-3 at {server.url}/v1"
    assert (server.last.path, server.last.headers["authorization"]) == ("/v1/models", "Bearer sesame")


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, {"data": [{"id": "other"}]}, BadSetting, "It serves other"),
        (401, {}, NotAllowed, "VLLM_API_KEY"),
        (500, {}, BdpError, "answers 500"),
    ],
)
def test_the_probe_says_what_to_change(
    server: Loopback, tmp_path: Path, status: int, body: Any, error: type[BdpError], words: str
) -> None:
    server.answers(body, status)
    found = probe("vllm", settings(server), tmp_path)
    assert isinstance(found, error)
    assert words in str(found)


@pytest.mark.parametrize(("status", "body"), [(404, b"no"), (200, b"<html>"), (200, b"[]")])
def test_a_server_without_a_list_of_models_is_there(server: Loopback, tmp_path: Path, status: int, body: bytes) -> None:
    server.answers(body, status)
    assert isinstance(probe("vllm", settings(server), tmp_path), str)


def test_the_probe_finds_nobody(tmp_path: Path) -> None:
    found = probe("vllm", OpenAiSettings(base_url="http://127.0.0.1:9/v1", model="m"), tmp_path)
    assert isinstance(found, Retry)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "m"}, "VLLM_BASE_URL"),
        ({"model": "m", "base_url": "gpu-1:8000"}, "VLLM_BASE_URL"),
        ({"base_url": "http://gpu-1:8000/v1"}, "VLLM_MODEL_NAME"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, given: dict[str, str], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        build("vllm", OpenAiSettings(**given), Context(tmp_path))  # type: ignore[arg-type]  # of the table
