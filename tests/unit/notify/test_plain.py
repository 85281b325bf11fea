"""Untrusted text made harmless."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bdp.notify.plain import one_line, plain


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    assert all(char in "\n\t" or char.isprintable() or char.isspace() or ord(char) > 0x20 for char in plain(text))
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e", "\u2066"} & set(plain(text))
    assert "\n" not in one_line(text)


def test_long_text_is_cut() -> None:
    assert plain("x" * 10, 4) == "xxxx […]"
    assert plain("한국어 text", 100) == "한국어 text"
