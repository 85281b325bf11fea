from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai.messages import ModelResponse

from bdp.errors import BadSetting
from bdp.llm.failure import classify
from bdp.llm.providers import Context, Provided, build
from bdp.llm.providers.recorded import digest_of, recording
from bdp.llm.settings import OpenAiSettings, RecordedSettings
from bdp.model.spending import Reason
from tests.unit.llm.providers.asking import TEXT, VERDICT, Verdict, made, messages, parameters
from tests.unit.llm.providers.loopback import Loopback
from tests.unit.llm.providers.test_openai import completion


class Other(BaseModel):
    word: str


def written(tmp_path: Path, *lines: dict[str, Any]) -> Provided:
    (tmp_path / "answers.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return build("recorded", RecordedSettings(file="answers.ndjson"), Context(tmp_path))


def asked(provided: Provided, text: str = "a", form: type[BaseModel] = Verdict) -> ModelResponse:
    return asyncio.run(provided.request(messages(text), provided.settings, parameters(provided, form)))


def digest(text: str, form: type[BaseModel] = Verdict) -> str:
    provided = build("recorded", RecordedSettings(file="/dev/null"), Context(Path("/")))
    return digest_of(messages(text), parameters(provided, form))


def test_an_answer_is_found_by_what_was_asked(tmp_path: Path) -> None:
    provided = written(
        tmp_path,
        {"asked": digest("b"), "answer": "of b", "tokens_in": 7, "tokens_out": 3, "tokens_cached": 2, "model": "m-1"},
        {"asked": digest("a"), "answer": VERDICT, "finish": "length"},
    )
    first, second = asked(provided, "a"), asked(provided, "b")
    assert (json.loads(first.text or ""), first.finish_reason, first.model_name) == (VERDICT, "length", "m-1")
    usage = second.usage
    assert (second.text, usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == ("of b", 7, 3, 2)


def test_the_same_question_gets_its_answers_in_turn_and_then_the_last(tmp_path: Path) -> None:
    provided = written(tmp_path, *({"asked": digest("a"), "answer": answer} for answer in ("first", "second")))
    assert [asked(provided).text for _ in range(3)] == ["first", "second", "second"]


def test_answers_without_a_digest_go_by_form_and_order_each_once(tmp_path: Path) -> None:
    provided = written(
        tmp_path,
        {"form": "Verdict", "answer": "v1"},
        {"form": "Other", "answer": "o1"},
        {"form": "Verdict", "answer": "v2"},
    )
    told = [asked(provided, text, form).text for text, form in (("x", Verdict), ("y", Verdict), ("z", Other))]
    assert told == ["v1", "v2", "o1"]
    with pytest.raises(Exception, match="No answer to") as raised:
        asked(provided, "x")
    found = classify(raised.value)
    assert (found.reason, found.again, found.billed) == (Reason.REJECTED, False, False)


def test_what_was_recorded_from_a_model_is_played_back(server: Loopback, tmp_path: Path) -> None:
    server.answers(completion())
    real = made("vllm", OpenAiSettings(base_url=f"{server.url}/v1", model="llama-3"), tmp_path)

    async def record() -> None:
        provided = recording(real, tmp_path / "answers.ndjson")
        await provided.request(messages(), provided.settings, parameters(provided))
        await provided.close()

    asyncio.run(record())
    played = build("recorded", RecordedSettings(file="answers.ndjson"), Context(tmp_path))
    response = asyncio.run(played.request(messages(), played.settings, parameters(played)))
    assert (response.text, response.model_name, response.usage.cache_read_tokens) == (TEXT, "llama-3", 640)
    assert played.model_name == "llama-3"
    assert asyncio.run(played.probe()) == "1 recorded answers in answers.ndjson"


@pytest.mark.parametrize(
    ("text", "words"),
    [("{}\n", "Line 1"), ('{"answer": "a"}\nnonsense\n', "Line 2"), ('{"answer": "a", "tokens_in": -1}', "Line 1")],
)
def test_a_wrong_line_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "answers.ndjson").write_text(text)
    with pytest.raises(BadSetting, match=words):
        build("recorded", RecordedSettings(file="answers.ndjson"), Context(tmp_path))


@pytest.mark.parametrize("file", ["", "none.ndjson", "/"])
def test_a_missing_recording_is_told(tmp_path: Path, file: str) -> None:
    with pytest.raises(BadSetting, match=r"llm\.recorded\.file"):
        build("recorded", RecordedSettings(file=file), Context(tmp_path))
