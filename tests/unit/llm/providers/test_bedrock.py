from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from bdp.errors import BadSetting, NotAllowed, Retry
from bdp.llm.providers import Context, build
from bdp.llm.settings import BedrockSettings
from bdp.model.spending import Reason
from tests.unit.llm.providers.asking import QUESTION, RULES, TEXT, ask, failure, made, messages, parameters, probe
from tests.unit.llm.providers.loopback import Loopback

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
OLD = "anthropic.claude-3-haiku-20240307-v1:0"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def settings(server: Loopback, **more: Any) -> BedrockSettings:
    given: dict[str, Any] = {"endpoint_url": server.url, "region": "eu-central-1", "model": HAIKU, "seconds": 5.0}
    return BedrockSettings(**(given | more))


def converse(text: str = TEXT, stop: str = "end_turn") -> dict[str, Any]:
    """An answer of Converse, with all members that its service model requires."""
    return {
        "metrics": {"latencyMs": 1275},
        "output": {"message": {"content": [{"text": text}], "role": "assistant"}},
        "stopReason": stop,
        "usage": {
            "inputTokens": 172,
            "outputTokens": 96,
            "totalTokens": 908,
            "cacheReadInputTokens": 640,
            "cacheWriteInputTokens": 0,
        },
    }


def test_an_answer_comes_with_its_tokens_those_of_the_cache_included(server: Loopback, tmp_path: Path) -> None:
    server.answers(converse())
    response = ask("bedrock", settings(server), tmp_path)
    assert (response.text, response.finish_reason, response.model_name) == (TEXT, "stop", HAIKU)
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (812, 96, 640)


def test_the_request_is_signed_and_holds_rules_and_schema(server: Loopback, tmp_path: Path) -> None:
    server.answers(converse())
    ask("bedrock", settings(server), tmp_path)
    asked = server.last
    assert (asked.method, asked.path) == ("POST", f"/model/{HAIKU.replace(':', '%3A')}/converse")
    assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/bedrock/aws4_request" in asked.headers["authorization"]
    told = asked.json
    assert told["messages"] == [{"role": "user", "content": [{"text": QUESTION}]}]
    assert told["system"] == [{"text": RULES}]
    form = told["outputConfig"]["textFormat"]
    assert form["type"] == "json_schema"
    schema = json.loads(form["structure"]["jsonSchema"]["schema"])
    assert schema["required"] == ["service", "risk"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        (OLD, {"maxTokens": 1000, "temperature": 0.3, "topP": 0.9}),
        ("us.amazon.nova-lite-v1:0", {"maxTokens": 1000, "temperature": 0.3, "topP": 0.9}),
        # Together they are refused by Claude since 4.1, and whose profile this is nobody can tell.
        (HAIKU, {"maxTokens": 1000, "temperature": 0.3}),
        ("eu.anthropic.claude-sonnet-4-6", {"maxTokens": 1000, "temperature": 0.3}),
        ("arn:aws:bedrock:eu-central-1:1:application-inference-profile/x", {"maxTokens": 1000, "temperature": 0.3}),
        # Both are refused by the newest.
        ("us.anthropic.claude-opus-4-7", {"maxTokens": 1000}),
    ],
)
def test_sampling_is_sent_where_the_model_takes_it(
    server: Loopback, tmp_path: Path, model: str, sent: dict[str, Any]
) -> None:
    server.answers(converse())
    ask("bedrock", settings(server, model=model), tmp_path)
    assert server.last.json["inferenceConfig"] == sent


def test_a_model_without_schemas_is_told_the_schema_and_the_rules(server: Loopback, tmp_path: Path) -> None:
    server.answers(converse())
    ask("bedrock", settings(server, model=OLD), tmp_path)
    assert "outputConfig" not in server.last.json
    system = "".join(part["text"] for part in server.last.json["system"])
    assert RULES in system
    assert '"risk"' in system


@pytest.mark.parametrize(
    ("stop", "expected"),
    [("max_tokens", "length"), ("model_context_window_exceeded", "length"), ("guardrail_intervened", "content_filter"),
     ("content_filtered", "content_filter"), ("malformed_model_output", "error")],
)  # fmt: skip
def test_it_says_how_an_answer_ended(server: Loopback, tmp_path: Path, stop: str, expected: str) -> None:
    server.answers(converse(TEXT[:10], stop))
    assert ask("bedrock", settings(server), tmp_path).finish_reason == expected


@pytest.mark.parametrize("framing", [{"content-length": "99999999"}, {}], ids=["told", "untold"])
def test_an_endless_answer_is_not_read(server: Loopback, tmp_path: Path, framing: dict[str, str]) -> None:
    server.floods({"content-type": "application/json", **framing})
    found = failure("bedrock", settings(server), tmp_path, answer_bytes=10_000)
    assert (found.reason, found.billed) == (Reason.AWAY, True)
    assert "10000 bytes" in found.text


def test_a_dripping_answer_ends_in_time(server: Loopback, tmp_path: Path) -> None:
    server.drips({"content-type": "application/json"}, 5)
    began = time.monotonic()
    assert failure("bedrock", settings(server, seconds=0.4), tmp_path).reason is Reason.TIMEOUT
    assert time.monotonic() - began < 2


def test_who_cancels_goes_on_at_once_and_the_request_is_left(server: Loopback, tmp_path: Path) -> None:
    server.stalls(4)

    async def cancelled() -> None:
        provided = made("bedrock", settings(server, seconds=6), tmp_path)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await provided.request(messages(), provided.settings, parameters(provided))
        await provided.close()

    began = time.monotonic()
    asyncio.run(cancelled())  # its end waits for nobody either
    assert time.monotonic() - began < 3.5


def test_a_shorter_time_is_kept(server: Loopback, tmp_path: Path) -> None:
    server.stalls(1.0)

    async def late() -> float:
        provided = made("bedrock", settings(server), tmp_path)
        began = time.monotonic()
        with pytest.raises(Exception, match=r"timed out after 0\.2 seconds"):
            await provided.request(messages(), {**provided.settings, "timeout": 0.2}, parameters(provided))
        return time.monotonic() - began

    assert asyncio.run(late()) < 1


def test_the_probe_connects_and_asks_nothing(server: Loopback, tmp_path: Path) -> None:
    found = probe("bedrock", settings(server), tmp_path)
    assert isinstance(found, str)
    assert found.startswith(f"{HAIKU} at {server.url}")
    assert not server.asked


def test_the_probe_finds_nobody(server: Loopback, tmp_path: Path) -> None:
    found = probe("bedrock", settings(server, endpoint_url="http://127.0.0.1:9"), tmp_path)
    assert isinstance(found, Retry)


def test_the_probe_finds_no_credentials(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/none")
    assert isinstance(probe("bedrock", settings(server), tmp_path), NotAllowed)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
    with pytest.raises(BadSetting, match="BEDROCK_MODEL_ID"):
        build("bedrock", BedrockSettings(region="eu-central-1"), Context(tmp_path))
    with pytest.raises(BadSetting, match="AWS_REGION"):
        build("bedrock", BedrockSettings(model=HAIKU), Context(tmp_path))
