from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bdp.errors import BadSetting, BdpError, NotAllowed, Retry
from bdp.llm.providers import Context, build
from bdp.llm.settings import GeminiSettings
from bdp.model.spending import Reason
from tests.unit.llm.providers.asking import QUESTION, RULES, TEXT, ask, failure, probe
from tests.unit.llm.providers.loopback import Loopback


def settings(server: Loopback, **more: Any) -> GeminiSettings:
    given: dict[str, Any] = {"base_url": server.url, "model": "gemini-2.5-flash", "seconds": 5.0, **more}
    return GeminiSettings(api_key=SecretStr("sesame"), **given)


def generated(text: str = TEXT, finish: str = "STOP", **candidate: Any) -> dict[str, Any]:
    """An answer of generateContent (v1beta)."""
    return {
        "candidates": [
            {
                "content": {"parts": [{"text": text}], "role": "model"},
                "finishReason": finish,
                "index": 0,
                **candidate,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 812,
            "candidatesTokenCount": 96,
            "totalTokenCount": 948,
            "cachedContentTokenCount": 640,
            "thoughtsTokenCount": 40,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 812}],
            "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 640}],
        },
        "modelVersion": "gemini-2.5-flash",
        "responseId": "mAUhaf7eCv",
    }


def test_an_answer_comes_with_its_tokens_thoughts_included(server: Loopback, tmp_path: Path) -> None:
    server.answers(generated())
    response = ask("gemini", settings(server), tmp_path)
    assert (response.text, response.finish_reason, response.model_name) == (TEXT, "stop", "gemini-2.5-flash")
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (812, 96 + 40, 640)


def test_the_request_holds_schema_rules_and_key(server: Loopback, tmp_path: Path) -> None:
    server.answers(generated())
    ask("gemini", settings(server, temperature=0.2, top_p=0.8, max_tokens=300), tmp_path)
    asked = server.last
    assert (asked.method, asked.path) == ("POST", "/v1beta/models/gemini-2.5-flash:generateContent")
    assert asked.headers["x-goog-api-key"] == "sesame"
    told = asked.json
    assert told["contents"] == [{"parts": [{"text": QUESTION}], "role": "user"}]
    assert told["systemInstruction"]["parts"] == [{"text": RULES}]
    config = told["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"]["required"] == ["service", "risk"]
    assert (config["maxOutputTokens"], config["temperature"], config["topP"]) == (300, 0.2, 0.8)
    assert config["thinkingConfig"] == {"thinking_budget": 0}


def test_the_environment_changes_nothing(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "GOOGLE_API_KEY": "evil",
        "GEMINI_API_KEY": "evil",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9",
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
        "GOOGLE_GENAI_API_VERSION": "v9evil",
        "GOOGLE_GENAI_CLIENT_MODE": "replay",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    server.answers(generated())
    ask("gemini", settings(server), tmp_path)
    assert "evil" not in server.last.path + str(server.last.headers)


@pytest.mark.parametrize(
    ("finish", "expected"),
    [("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("PROHIBITED_CONTENT", "content_filter"),
     ("RECITATION", "content_filter"), ("LANGUAGE", "error")],
)  # fmt: skip
def test_it_says_how_an_answer_ended(server: Loopback, tmp_path: Path, finish: str, expected: str) -> None:
    server.answers(generated(TEXT[:10], finish))
    assert ask("gemini", settings(server), tmp_path).finish_reason == expected


def test_a_blocked_prompt_is_a_filtered_answer(server: Loopback, tmp_path: Path) -> None:
    server.answers(
        {
            "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
            "usageMetadata": {"promptTokenCount": 812, "totalTokenCount": 812},
            "modelVersion": "gemini-2.5-flash",
        }
    )
    response = ask("gemini", settings(server), tmp_path)
    assert (response.finish_reason, response.text, response.usage.input_tokens) == ("content_filter", None, 812)


def test_an_answer_that_was_all_thought_is_cut_off_and_empty(server: Loopback, tmp_path: Path) -> None:
    answer = generated(finish="MAX_TOKENS")
    answer["candidates"][0]["content"] = {"role": "model"}
    server.answers(answer)
    response = ask("gemini", settings(server), tmp_path)
    assert (response.finish_reason, response.text) == ("length", None)


def test_it_asks_once_even_if_told_to_continue(server: Loopback, tmp_path: Path) -> None:
    server.answers(generated(TEXT[:10], "CONTINUATION", continuationToken="bW9yZQ=="))
    assert ask("gemini", settings(server), tmp_path).finish_reason == "length"
    assert len(server.asked) == 1


def test_an_endless_answer_is_not_read(server: Loopback, tmp_path: Path) -> None:
    server.floods({"content-type": "application/json"})
    found = failure("gemini", settings(server), tmp_path, answer_bytes=10_000)
    assert (found.reason, found.billed) == (Reason.AWAY, True)
    assert "10000 bytes" in found.text


def test_a_dripping_answer_ends_in_time(server: Loopback, tmp_path: Path) -> None:
    server.drips({"content-type": "application/json"}, 5)
    began = time.monotonic()
    assert failure("gemini", settings(server, seconds=0.4), tmp_path).reason is Reason.TIMEOUT
    assert time.monotonic() - began < 2


def test_the_probe_asks_for_the_model_only(server: Loopback, tmp_path: Path) -> None:
    server.answers({"name": "models/gemini-2.5-flash", "inputTokenLimit": 1_048_576})
    assert probe("gemini", settings(server), tmp_path) == f"gemini-2.5-flash at {server.url}"
    assert (server.last.method, server.last.path) == ("GET", "/v1beta/models/gemini-2.5-flash")
    assert server.last.headers["x-goog-api-key"] == "sesame"


@pytest.mark.parametrize(("status", "error"), [(400, NotAllowed), (403, NotAllowed), (404, BadSetting), (503, Retry)])
def test_the_probe_says_what_to_change(server: Loopback, tmp_path: Path, status: int, error: type[BdpError]) -> None:
    server.answers({"error": {"code": status}}, status)
    assert isinstance(probe("gemini", settings(server), tmp_path), error)


@pytest.mark.parametrize(
    ("given", "words"), [({"model": "m"}, "GEMINI_API_KEY"), ({"api_key": SecretStr("k")}, "GEMINI_MODEL_ID")]
)
def test_what_is_missing_is_named(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        build("gemini", GeminiSettings(**given), Context(tmp_path))
