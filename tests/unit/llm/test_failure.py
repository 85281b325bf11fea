"""Errors are raised by the SDKs themselves, from what a provider on loopback sends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bdp.llm.failure import LONGEST_WAIT, Failure, classify
from bdp.llm.settings import BedrockSettings, Candidate, GeminiSettings, OpenAiSettings
from bdp.model.spending import Reason
from tests.unit.llm.providers.asking import failure, made, messages, parameters
from tests.unit.llm.providers.loopback import Loopback, loopback

KINDS = ("vllm", "gemini", "bedrock")
Outcome = tuple[Reason, bool, bool, float | None]


def settings(kind: str, url: str, seconds: float = 5.0) -> Candidate:
    if kind == "vllm":
        return OpenAiSettings(base_url=f"{url}/v1", model="llama-3", seconds=seconds)
    if kind == "gemini":
        return GeminiSettings(base_url=url, model="gemini-2.5-flash", api_key=SecretStr("k"), seconds=seconds)
    return BedrockSettings(
        endpoint_url=url, region="us-east-1", model="anthropic.claude-3-haiku-20240307-v1:0", seconds=seconds
    )


class Parties:
    """One model of each kind, and the server that they all ask."""

    def __init__(self, server: Loopback, runner: asyncio.Runner, home: Path) -> None:
        self.server = server
        self._runner = runner
        self._provided = {kind: made(kind, settings(kind, server.url), home) for kind in KINDS}

    def failure(self, kind: str) -> Failure:
        provided = self._provided[kind]
        self.server.asked.clear()
        with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what the tests are about
            self._runner.run(provided.request(messages(), provided.settings, parameters(provided)))
        return classify(raised.value)

    def close(self) -> None:
        for provided in self._provided.values():
            self._runner.run(provided.close())


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    with pytest.MonkeyPatch.context() as patched, loopback() as server, asyncio.Runner() as runner:
        patched.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        parties = Parties(server, runner, tmp_path_factory.mktemp("home"))
        yield parties
        parties.close()


def outcome(found: Failure) -> Outcome:
    assert found.onward
    assert found.expected, found.text
    return found.reason, found.again, found.billed, found.retry_after


def openai_error(message: str, kind: str, code: str | int | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def google_error(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def quota(*ids: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": one} for one in ids]}


def delay(seconds: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": seconds}


THROTTLED = (Reason.THROTTLED, True, False, None)
SPENT = (Reason.THROTTLED, False, False, None)
AWAY = (Reason.AWAY, True, False, None)
ACCESS = (Reason.ACCESS, False, False, None)
REJECTED = (Reason.REJECTED, False, False, None)
LOST = (Reason.AWAY, True, True, None)


OPENAI: dict[str, tuple[int, dict[str, str], Any, Outcome]] = {
    "throttled": (429, {"retry-after": "7"}, openai_error("Rate limit reached", "requests", "rate_limit_exceeded"),
                  (Reason.THROTTLED, True, False, 7.0)),
    "throttled, ms": (429, {"retry-after-ms": "250"}, openai_error("Slow down", "tokens", "rate_limit_exceeded"),
                      (Reason.THROTTLED, True, False, 0.25)),
    "throttled for days": (429, {"retry-after": "999999"}, openai_error("Slow down", "tokens"),
                           (Reason.THROTTLED, True, False, LONGEST_WAIT)),
    "throttled, nonsense": (429, {"retry-after": "-3"}, b"slow down", THROTTLED),
    "no money left": (429, {}, openai_error("You exceeded your quota", "insufficient_quota", "insufficient_quota"),
                      SPENT),
    "payment": (402, {}, openai_error("Pay", "billing"), SPENT),
    "key": (401, {}, openai_error("Incorrect API key", "invalid_request_error", "invalid_api_key"), ACCESS),
    "forbidden": (403, {}, openai_error("No access", "permission_error"), ACCESS),
    "vllm unknown model": (404, {}, openai_error("The model `x` does not exist.", "NotFoundError", 404), ACCESS),
    "vllm too long": (400, {}, openai_error("This model's maximum context length is 8192 tokens.", "BadRequestError",
                                            400), REJECTED),
    "old vllm too long": (400, {}, {"object": "error", "message": "max_tokens must be at least 1, got -186.",
                                    "type": "BadRequestError", "param": None, "code": 400}, REJECTED),
    "llama.cpp too long": (400, {}, {"error": {"code": 400, "message": "request (9031 tokens) exceeds the available "
                                     "context size (8192 tokens)", "type": "exceed_context_size_error",
                                     "n_prompt_tokens": 9031, "n_ctx": 8192}}, REJECTED),
    "too large": (413, {}, b"<html>Request Entity Too Large</html>", REJECTED),
    "conflict": (409, {}, openai_error("Conflict", "conflict"), AWAY),
    "timeout there": (408, {}, b"", (Reason.TIMEOUT, True, False, None)),
    "teapot": (418, {}, b"", REJECTED),
    "redirect": (307, {"location": "http://127.0.0.1:9/elsewhere"}, b"", REJECTED),
    "defect": (500, {}, openai_error("The server had an error", "server_error"), AWAY),
    "bad gateway": (502, {}, b"<html><h1>502 Bad Gateway</h1></html>", AWAY),
    "overloaded": (503, {"retry-after": "2"}, openai_error("Overloaded", "overloaded"),
                   (Reason.AWAY, True, False, 2.0)),
    "gateway timeout": (504, {}, b"", AWAY),
}  # fmt: skip

GOOGLE: dict[str, tuple[int, dict[str, str], Any, Outcome]] = {
    "throttled": (429, {}, google_error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
                  THROTTLED),
    "throttled a minute": (429, {}, google_error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", quota(
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), delay("34.07s")), (Reason.THROTTLED, True, False,
                                                                                   34.07)),
    "told in words": (429, {}, google_error(429, "RESOURCE_EXHAUSTED", "Quota. Please retry in 45.578569677s."),
                      (Reason.THROTTLED, True, False, 45.578569677)),
    "spent for the day": (429, {}, google_error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", quota(
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier"), delay("12s")), (Reason.THROTTLED, False, False, 12.0)),
    "wrong key": (400, {}, google_error(400, "INVALID_ARGUMENT", "API key not valid.", {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}), ACCESS),
    "forbidden": (403, {}, google_error(403, "PERMISSION_DENIED", "Denied."), ACCESS),
    "unknown model": (404, {}, google_error(404, "NOT_FOUND", "models/x is not found for API version v1beta"), ACCESS),
    "too long": (400, {}, google_error(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number "
                                       "of tokens allowed (8)."), REJECTED),
    "wrong request": (400, {}, google_error(400, "INVALID_ARGUMENT", "Invalid JSON payload received."), REJECTED),
    "defect": (500, {}, google_error(500, "INTERNAL", "An internal error has occurred."), AWAY),
    "overloaded": (503, {}, google_error(503, "UNAVAILABLE", "The model is overloaded."), AWAY),
    "deadline there": (504, {}, google_error(504, "DEADLINE_EXCEEDED", "Deadline expired."), AWAY),
    "html": (502, {"content-type": "text/html"}, b"<html>502</html>", AWAY),
}  # fmt: skip


def aws(code: str) -> dict[str, str]:
    return {"x-amzn-errortype": f"{code}:http://internal.amazon.com/coral/com.amazon.bedrock/"}


BEDROCK: dict[str, tuple[int, dict[str, str], Any, Outcome]] = {
    "throttled": (429, aws("ThrottlingException"), {"message": "Too many requests, please wait."}, THROTTLED),
    "tokens of the day": (429, aws("ThrottlingException"), {"message": "Too many tokens per day, please wait."}, SPENT),
    "spent": (400, aws("ServiceQuotaExceededException"), {"message": "Your request exceeds the quota."}, SPENT),
    "invalid": (400, aws("ValidationException"), {"message": "`temperature` and `top_p` cannot both be specified"},
                REJECTED),
    "too long": (400, aws("ValidationException"), {"message": "Input is too long for requested model."}, REJECTED),
    "unknown model": (400, aws("ValidationException"), {"message": "The provided model identifier is invalid."},
                      ACCESS),
    "access": (403, aws("AccessDeniedException"), {"message": "You don't have access to the model."}, ACCESS),
    "wrong key": (403, aws("UnrecognizedClientException"), {"message": "The security token is invalid."}, ACCESS),
    "old key": (403, aws("ExpiredTokenException"), {"message": "The security token is expired"}, ACCESS),
    "gone": (404, aws("ResourceNotFoundException"), {"message": "Model is end of life."}, ACCESS),
    "model error": (424, aws("ModelErrorException"), {"message": "Failed.", "originalStatusCode": 500}, AWAY),
    "model timeout": (408, aws("ModelTimeoutException"), {"message": "Too long."}, (Reason.TIMEOUT, True, False, None)),
    "not ready": (429, aws("ModelNotReadyException"), {"message": "Not ready."}, AWAY),
    "defect": (500, aws("InternalServerException"), {"message": "Internal."}, AWAY),
    "away": (503, aws("ServiceUnavailableException"), {"message": "Unavailable."}, AWAY),
    "html": (502, {"content-type": "text/html"}, b"<html>502</html>", AWAY),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "case"),
    [(kind, case) for kind, table in zip(KINDS, (OPENAI, GOOGLE, BEDROCK), strict=True) for case in table.items()],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_refusal_costs_nothing_and_says_whether_to_try_again(
    parties: Parties, kind: str, case: tuple[str, tuple[int, dict[str, str], Any, Outcome]]
) -> None:
    status, headers, body, expected = case[1]
    parties.server.answers(body, status, headers)
    assert outcome(parties.failure(kind)) == expected
    assert len(parties.server.asked) == 1, "the SDK tried again by itself"


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_of_too_many_words_is_still_one(parties: Parties, kind: str) -> None:
    parties.server.answers(b" " * 1_000_000, 503)
    assert outcome(parties.failure(kind)) == AWAY


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
GARBAGE = {
    "no body": HEAD + b"content-length: 0\r\n\r\n",
    "no json": HEAD + b"content-length: 5\r\n\r\nhello",
    "half of it": HEAD + b"content-length: 20\r\n\r\n" + b'{"candidates": [{"co',
    "broken off": HEAD + b"content-length: 4000\r\n\r\n{",
    "binary": HEAD + b"content-length: 4\r\n\r\n\xff\xfe\x00\x80",
    "a list": HEAD + b"content-length: 2\r\n\r\n[]",
    "a number": HEAD + b"content-length: 1\r\n\r\n7",
    "null": HEAD + b"content-length: 4\r\n\r\nnull",
    "html": b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>",
    "bad chunk": HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing at all": b"",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", GARBAGE)
def test_what_cannot_be_read_may_have_been_billed(parties: Parties, kind: str, case: str) -> None:
    parties.server.sends(GARBAGE[case])
    assert outcome(parties.failure(kind)) == LOST


SHAPES: dict[str, list[Any]] = {
    "vllm": [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": "x"},
        {"choices": [{"message": "hello", "finish_reason": "stop", "index": 0}]},
        {"id": 1, "choices": [{"index": "a", "message": {"content": {"a": 1}}}]},
        {"choices": [{"index": 0, "finish_reason": "exploded", "message": {"role": "assistant", "content": "x"}}]},
    ],
    "gemini": [
        {"candidates": "x"},
        {"candidates": [{"content": "x"}]},
        {"candidates": [{"content": {"parts": [{"text": 5}]}}]},
    ],
    "bedrock": [{"output": {"message": {"role": "assistant"}}}, {"usage": {}}, {"output": {"message": {"content": 5}}}],
}


@pytest.mark.parametrize(
    ("kind", "body"), [(kind, body) for kind, bodies in SHAPES.items() for body in bodies], ids=lambda v: str(v)[:60]
)
def test_an_answer_of_another_shape_is_lost(parties: Parties, kind: str, body: Any) -> None:
    parties.server.answers(body)
    found = parties.failure(kind)
    assert (found.reason, found.onward, found.billed) == (Reason.AWAY, True, True)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("kind", KINDS)
def test_nobody_there_costs_nothing_and_is_tried_again(server: Loopback, tmp_path: Path, kind: str) -> None:
    found = failure(kind, settings(kind, "http://127.0.0.1:9"), tmp_path)
    assert outcome(found) == AWAY


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_in_time_may_have_been_billed(server: Loopback, tmp_path: Path, kind: str) -> None:
    server.stalls(2.0)
    found = failure(kind, settings(kind, server.url, seconds=0.3), tmp_path)
    assert outcome(found) == (Reason.TIMEOUT, False, True, None)


def test_no_credentials_is_access(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/none",
                        "AWS_SHARED_CREDENTIALS_FILE": "/none"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert outcome(failure("bedrock", settings("bedrock", server.url), tmp_path)) == ACCESS
    assert not server.asked


def test_a_cancelled_request_goes_nowhere_else() -> None:
    found = classify(asyncio.CancelledError())
    assert (found.reason, found.again, found.onward, found.billed) == (Reason.CANCELLED, False, False, True)


def test_what_nobody_expects_is_told_as_such_and_may_have_been_billed() -> None:
    found = classify(ZeroDivisionError("a defect"))
    assert (found.reason, found.again, found.onward, found.billed, found.expected) == (
        Reason.AWAY, False, True, True, False,
    )  # fmt: skip


def test_its_text_is_one_short_line() -> None:
    found = classify(ValueError("a\nb\x1b[31m" + "x" * 100_000))
    assert found.text.startswith("ValueError: a b [31mx")
    assert len(found.text) == 300
