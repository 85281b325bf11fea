"""Text from outside shows as it is and does nothing: held against a real markdown parser."""

from __future__ import annotations

from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bdp.brief.escape import code, escape, plain, prose

PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def shown(markdown: str) -> str:
    """Return what a reader sees; fails if the markdown is anything but one paragraph of text."""
    tokens = PARSER.parse(markdown)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"], markdown
    children = tokens[1].children or []
    assert {child.type for child in children} <= {"text", "text_special"}, markdown
    return "".join(child.content for child in children)


@pytest.mark.parametrize(
    "text",
    [
        "# heading",
        "> quote",
        "- item",
        "1. item",
        "12) item",
        "---",
        "===",
        "[pay](javascript:alert(1))",
        "![x](http://evil.example/x.png)",
        "<script>alert(1)</script>",
        "<http://evil.example>",
        "a | b",
        "`rm -rf`",
        "**bold** and _slanted_ and ~~gone~~",
        "&lt;b&gt; &#35; AT&T",
        "back\\slash \\* \\",
        "DB_POOL_TIMEOUT in snake_case_name",
        "[ref]: http://evil.example",
        "$x^2$",
    ],
)
def test_shows_as_it_is(text: str) -> None:
    assert shown(escape(text)) == text


@given(st.text(max_size=80))
def test_any_text_shows_as_its_plain_form_alone_and_in_a_cell(text: str) -> None:
    line = plain(text)
    if not line:
        return
    assert shown(escape(text)) == line
    tokens = PARSER.parse(f"| a | b |\n| - | - |\n| {escape(text)} | end |\n")
    cells = [token.content for token in tokens if token.type == "inline"]
    assert len(cells) == 4
    assert cells[3] == "end"


def test_control_and_direction_signs_go() -> None:
    assert plain("a\x1b[31mred\x07\nnext\u202eevil\u200b\x00") == "a [31mred next evil"


def test_long_text_is_cut() -> None:
    assert len(plain("x" * 10_000)) == 300
    assert plain("x" * 10_000).endswith("…")


@pytest.mark.parametrize(
    "text", ["http://evil.example", "https://evil.example", "www.evil.example", "WWW.evil.example"]
)
def test_addresses_do_not_link_by_themselves(text: str) -> None:
    assert text not in escape(text)
    assert shown(escape(text)) == text


@given(st.text(max_size=40))
def test_code_shows_any_text_as_it_is(text: str) -> None:
    line = plain(text)
    if not line:
        return
    html = PARSER.render(code(f"{text}"))
    assert unescape(html) == f"<p><code>{line}</code></p>\n"


def test_code_ends_where_it_should() -> None:
    html = PARSER.render(code("a` <b> | \n`` c"))
    assert unescape(html) == "<p><code>a` <b> | `` c</code></p>\n"


def test_a_sentence_keeps_its_code_readable() -> None:
    text = "128 of 130 (98 %) read `user <*> \\[x] took <*>` at *shop*."
    assert prose(text) == "128 of 130 (98 %) read `user <*> \\[x] took <*>` at \\*shop\\*."


@given(st.text(st.sampled_from("`ab <*_[](|\\&;!~#1.-"), max_size=40))
@example("` `1")
@example("` `")
def test_a_sentence_with_code_does_nothing_and_loses_nothing(text: str) -> None:
    line = plain(text)
    if not line:
        return
    paragraph, inline, _ = PARSER.parse(prose(text))
    assert paragraph.type == "paragraph_open"
    children = inline.children or []
    assert {child.type for child in children} <= {"text", "text_special", "code_inline"}
    assert "".join(child.content for child in children).replace("`", "") == line.replace("`", "")
