"""A model that answers by a function does with answers what the gateway does."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from bdp.errors import NoAnswer
from bdp.llm.ask import Ask, Prompt
from bdp.llm.scripted import Scripted, estimated


class Word(BaseModel):
    word: str


def ask(room: list[int] | None = None) -> Ask[Word]:
    def prompt(tokens: int) -> Prompt:
        if room is not None:
            room.append(tokens)
        return Prompt("Say a word.", "…")

    check = lambda value: None if value.word == "right" else f"{value.word} is wrong"  # noqa: E731
    return Ask(agent="tests", prompt=prompt, form=Word, seconds=1, check=check, max_tokens=100)


def test_a_right_answer_with_its_tokens() -> None:
    model, room = Scripted(lambda prompt: Word(word="right"), context_tokens=4000, nano_usd=2), list[int]()
    answer = model.ask(ask(room))
    assert (answer.value.word, answer.requests, room) == ("right", 1, [3900])
    assert answer.tokens_out == estimated('{"word":"right"}')
    assert answer.nano_usd == 2 * (answer.tokens_in + answer.tokens_out)
    assert (model.requests, model.tokens_in, model.tokens_out) == (1, answer.tokens_in, answer.tokens_out)


def test_wrong_ones_are_told_and_asked_again_and_all_is_counted() -> None:
    said = iter(["no json", '{"word":"left"}', '```json\n{"word":"right"}\n```'])
    model = Scripted(lambda prompt: next(said))
    answer = model.ask(ask())
    assert (answer.value.word, answer.requests) == ("right", 3)
    assert answer.tokens_in == sum(one.tokens_in for one in model.exchanges)
    assert "left is wrong" in model.exchanges[2].prompt.text


def test_in_the_end_there_is_none() -> None:
    model = Scripted(lambda prompt: "{}")
    with pytest.raises(NoAnswer) as told:
        model.ask(ask())
    assert (told.value.reason, model.requests) == ("invalid", 3)


def test_the_script_may_be_away() -> None:
    def away(prompt: Prompt) -> str:
        raise NoAnswer("gone", reason="away")

    with pytest.raises(NoAnswer) as told:
        Scripted(away).ask(ask())
    assert told.value.reason == "away"
