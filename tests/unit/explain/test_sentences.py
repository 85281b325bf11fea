"""Every sentence is there in both languages, with the same values; numbers and spans are worded in each."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from bdp.explain.bilingual import Bilingual, Count, in_both, lasting, together
from bdp.explain.sentences import SENTENCES, kind_of, say
from bdp.model.change import ChangeKind

HANGUL = re.compile(r"[가-힣]")
LETTERS = re.compile(r"[A-Za-z]")
EITHER = re.compile(r"\((?:은|는|이|가|을|를|와|과|으)\)")


def values(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def words(text: str) -> str:
    """What a sentence says besides its values."""
    return "".join(part for part, *_ in Formatter().parse(text))


@pytest.mark.parametrize("key", SENTENCES)
def test_both_languages_say_it_with_the_same_values(key: str) -> None:
    english, korean = SENTENCES[key]["en"], SENTENCES[key]["ko"]
    assert values(english) == values(korean)
    assert not HANGUL.search(english)
    # What has only values and signs reads the same in both.
    assert HANGUL.search(words(korean)) or not LETTERS.search(words(english)), korean
    assert not EITHER.search(korean), "a particle that fits any name reads badly; build the sentence without one"


def test_a_value_is_put_in_once_and_a_text_in_its_language() -> None:
    kind = kind_of("deploy")
    assert say("took_effect_before", kind=kind, ref="`{time}`", time=lasting(300)) == Bilingual(
        "Deploy `{time}` took effect 5.0 min before the failure began.",
        "배포 `{time}` 적용 시점은 장애 시작 5.0분 전입니다.",
    )


def test_every_kind_of_change_has_a_word_and_an_unknown_one_stays_as_it_is() -> None:
    assert all(HANGUL.search(kind_of(kind.value).ko) for kind in ChangeKind)
    assert kind_of("migration") == Bilingual("Migration", "migration")
    assert kind_of("deploy", begins=False).en == "deploy"


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [(45, "45 s", "45초"), (180, "3.0 min", "3.0분"), (11_160, "3.1 h", "3.1시간")],
)
def test_spans(seconds: float, english: str, korean: str) -> None:
    assert lasting(seconds) == Bilingual(english, korean)


@pytest.mark.parametrize(
    ("count", "english", "korean"),
    [
        (1, "1 other service fails with it, by shared traces or the same error: x.", "다른 서비스 1개도"),
        (1234, "1,234 other services fail with it, by shared traces or the same error: x.", "다른 서비스 1,234개도"),
    ],
)
def test_numbers_agree_in_english_and_are_counted_in_korean(count: int, english: str, korean: str) -> None:
    said = say("fail_with_it", services=Count(count), parts="x")
    assert said.en == english
    assert korean in said.ko


def test_texts_are_joined_in_each_language() -> None:
    assert together([say("too_late"), "`x`"], "; ").ko == "장애가 시작된 뒤에 적용되었습니다.; `x`"
    assert not Bilingual()
    assert not together([])


def test_a_text_without_korean_stays_english() -> None:
    class Part:
        title = "Own playbook"
        title_ko = ""

    assert in_both(Part(), "title") == Bilingual("Own playbook", "Own playbook")
