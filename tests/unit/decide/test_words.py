"""Every reason has words, in both languages."""

from __future__ import annotations

import re
import string

import pytest

from bdp.decide.words import ROLE_KO, SAID, SCOPE, SHORT, Words, joined, said
from bdp.model.decision import Reason, Role, Scope

HANGUL = re.compile("[가-힣]")


def fields(text: str) -> set[str]:
    return {name.removesuffix("_ko") for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_told_in_english_and_korean(reason: Reason) -> None:
    for words in (SAID[reason], SHORT[reason]):
        assert words.en
        assert not HANGUL.search(words.en)
        assert HANGUL.search(words.ko)
        assert fields(words.en) == fields(words.ko)
    assert SAID[reason].en.endswith((".", "."))
    assert SAID[reason].ko.endswith(".")


def test_every_role_and_scope_has_words() -> None:
    assert set(ROLE_KO) == set(Role)
    assert set(SCOPE) == set(Scope)


def test_figures_that_hold_braces_or_steer_a_terminal_are_plain_text() -> None:
    told = said(Reason.ENVIRONMENT, rule="{x} \x1b[31m", wanted="a", environment="b\nc")
    assert told.en == "The rule `{x} [31m` would fit, but it is for a and this is b c."
    assert joined([Words("A.", "가."), Words("B.", "나.")]) == ("A. B.", "가. 나.")
