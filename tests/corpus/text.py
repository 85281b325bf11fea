"""Text that is not what it says: broken UTF-8, other charsets, marks, NULs, line ends, Korean in two forms."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator

from tests.corpus.entry import IN, MOMENT, Entry, Good, among, item, whole

_BROKEN = {
    "overlong-slash-2": b"\xc0\xaf",
    "overlong-slash-3": b"\xe0\x80\xaf",
    "overlong-slash-4": b"\xf0\x80\x80\xaf",
    "overlong-nul": b"\xc0\x80",
    "lone-continuation": b"\x80",
    "five-continuations": b"\xbf" * 5,
    "lead-without-rest": b"\xc3",
    "cut-three-byte-character": "한".encode()[:2],
    "cut-four-byte-character": "😀".encode()[:3],
    "encoded-surrogate": b"\xed\xa0\x80",
    "encoded-surrogate-pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "above-unicode": b"\xf4\x90\x80\x80",
    "five-byte-form": b"\xf8\x88\x80\x80\x80",
    "byte-fe": b"\xfe",
    "byte-ff": b"\xff",
    "latin-1": "café".encode("latin-1"),
    "euc-kr": "한글".encode("euc-kr"),
    "shift-jis": "日本語".encode("shift-jis"),
    "windows-1251": "ошибка".encode("cp1251"),
}

NFC = "결제 실패"
NFD = unicodedata.normalize("NFD", NFC)


def _with(message: bytes) -> bytes:
    return b'{"ts":"%b","message":"%b"}' % (MOMENT.encode(), message)


def _broken() -> Iterator[Entry]:
    for name, broken in _BROKEN.items():
        yield among(f"utf8-{name}", "broken UTF-8", _with(b"a" + broken + b"b"), "encoding", "UTF-8")
    for name in ("lone-continuation", "cut-three-byte-character", "encoded-surrogate", "euc-kr"):
        yield item(f"utf8-{name}-in-array", "broken UTF-8", _with(_BROKEN[name]), "encoding", "UTF-8")
    bad = b'{"ts":"%b","caf\xe9":1}' % MOMENT.encode()
    yield among("utf8-in-a-key", "broken UTF-8", bad, "encoding", "UTF-8")
    bad = b'{"ts":"%b","attributes":{"k":"\xc3("}}' % MOMENT.encode()
    yield among("utf8-in-an-attribute", "broken UTF-8", bad, "encoding", "UTF-8")
    yield among("utf8-line-of-noise", "broken UTF-8", bytes(n for n in range(128, 256)), "encoding", "UTF-8")
    yield Entry(
        "utf8-body-ends-inside-a-character",
        "broken UTF-8",
        lambda good: good.lines(1, 2) + _with("한".encode())[:-3],
        good=2,
        refused=("encoding",),
    )
    yield Entry("utf8-single-object", "broken UTF-8", lambda good: _with(b"\xff"), refused=("encoding",), says="UTF-8")


def _escapes() -> Iterator[Entry]:
    for name, text in {
        "lone-high-surrogate": r"\ud800",
        "lone-low-surrogate": r"\udc00",
        "surrogates-swapped": r"\ude00\ud83d",
        "two-high-surrogates": r"\ud83d\ud83d\ude00",
        "escaped-nul": r"a\u0000b",
        "escaped-control-characters": r"\u0001\u001b[31m\u007f\u0085\u2028\u202e",
        "noncharacters": r"\ufffe\uffff\udbff\udfff",
    }.items():
        yield among(f"escape-{name}", "surrogates and NULs", _with(text.encode()), IN)
    for name, text in {"cut": r"\u12", "not-hex": r"\u12g4", "unknown": r"\x41", "at-the-end": "\\"}.items():
        yield among(f"escape-{name}", "surrogates and NULs", _with(text.encode()), "schema", "JSON")
    yield among("nul-raw-in-text", "surrogates and NULs", _with(b"a\0b"), "schema", "JSON")
    yield among("nul-between-records", "surrogates and NULs", b"\0\0\0\0", "schema", "JSON")
    yield among("nul-after-a-record", "surrogates and NULs", _with(b"x") + b"\0", "schema", "JSON")
    yield among("control-characters-raw", "surrogates and NULs", _with(b"a\x1b[2Jb\x07"), "schema", "JSON")
    yield among("tab-raw-in-text", "surrogates and NULs", _with(b"a\tb"), "schema", "JSON")
    yield item("nul-raw-in-text-in-array", "surrogates and NULs", _with(rb"\u0000"), IN)


def _marks_and_charsets() -> Iterator[Entry]:
    bom = b"\xef\xbb\xbf"
    idea = "byte order marks and charsets"
    yield Entry("bom-first", idea, lambda good: bom + good.lines(1, 2), good=2)
    yield Entry("bom-before-array", idea, lambda good: bom + b"[" + good.line(1) + b"]", good=1)
    yield among("bom-in-the-middle", idea, bom + _with(b"x"), "schema", "JSON")
    yield Entry(
        "bom-twice", idea, lambda good: bom + bom + _with(b"x") + b"\n" + good.line(1), good=1, refused=("schema",)
    )
    yield Entry("bom-alone", idea, lambda good: bom)
    text = _with("한글".encode()).decode()
    for name in ("utf-16", "utf-16-be", "utf-16-le", "utf-32"):
        yield among(f"line-in-{name}", idea, text.encode(name), "encoding", "UTF-8")
    for charset in ("utf-16", "euc-kr", "iso-8859-1", "no-such-charset"):
        yield whole(
            f"charset-{charset}",
            idea,
            lambda good: good.line(1),
            415,
            "charset",
            headers={"Content-Type": f"application/json; charset={charset}"},
        )
    yield Entry(
        "charset-quoted-utf8",
        idea,
        lambda good: good.line(1),
        good=1,
        headers={"Content-Type": 'application/x-ndjson; charset="UTF-8"'},
    )


def _lines() -> Iterator[Entry]:
    idea = "line ends and empty bodies"
    yield Entry("lines-crlf", idea, lambda good: good.lines(1, 2).replace(b"\n", b"\r\n"), good=2)
    yield Entry(
        "lines-blank-between", idea, lambda good: b"\n\n \n\t\n" + good.line(1) + b"\n\r\n\n" + good.line(2), good=2
    )
    yield Entry("lines-no-end", idea, lambda good: good.line(1), good=1)
    yield Entry("lines-cr-only", idea, lambda good: good.line(1) + b"\r" + good.line(2), refused=("schema",))
    yield Entry("lines-two-records-in-one", idea, lambda good: good.line(1) + good.line(2), refused=("schema",))
    yield Entry(
        "lines-comma-between", idea, lambda good: good.line(2) + b",\n" + good.line(1), good=1, refused=("schema",)
    )
    yield Entry(
        "lines-separator-u2028-in-text",
        idea,
        lambda good: good.line(1) + b"\n" + _with("a\u2028b\x85".encode()),
        good=1,
        odd=1,
    )
    yield Entry("lines-last-one-cut", idea, lambda good: good.lines(1) + good.line(2)[:-9], good=1, refused=("schema",))
    yield Entry(
        "lines-first-one-cut", idea, lambda good: good.line(2)[9:] + b"\n" + good.line(1), good=1, refused=("schema",)
    )
    yield Entry("empty", idea, lambda good: b"")
    yield Entry("empty-white-space", idea, lambda good: b" \r\n\t\n ")
    yield Entry("empty-array", idea, lambda good: b"[]")
    yield Entry("empty-array-of-arrays", idea, lambda good: b"[[],[],{}]", refused=("schema", "schema"), odd=1)
    yield Entry("white-space-before-an-array", idea, lambda good: b" \n" * 2000 + b"[" + good.line(1) + b"]", good=1)
    yield Entry("white-space-5000-before-an-object", idea, lambda good: b"\n" * 5000 + good.line(1), good=1)
    yield Entry(
        "object-over-several-lines",
        idea,
        lambda good: good.line(1).replace(b",", b",\n\n", 1).replace(b"{", b"{\n", 1),
        good=1,
    )
    yield whole("array-not-closed", idea, lambda good: b"[" + good.line(1) + b",", 400, "JSON array")
    yield whole("array-with-rubbish-behind", idea, lambda good: b"[" + good.line(1) + b"]x", 400, "JSON array")
    yield whole("array-comma-at-the-end", idea, lambda good: b"[" + good.line(1) + b",]", 400, "JSON array")
    yield item("array-with-an-item-that-is-no-json", idea, b'{"ts":nope}', "schema", "JSON")
    yield item("array-with-half-a-pair", idea, _with(rb"\ud800"), IN)
    yield whole("array-with-an-item-cut", idea, lambda good: b"[" + good.line(1) + b',{"ts":]', 400, "JSON array")
    for name, bad in {
        "number": b"42",
        "text": b'"hello"',
        "null": b"null",
        "true": b"true",
        "word": b"hello",
        "array": b'[{"ts":1}]',
        "csv": b"2026-03-01,shop,hello",
        "xml": b"<event/>",
        "form": b"a=1&b=2",
        "only-brace": b"{",
        "single-quotes": b"{'a':1}",
        "comment": b'{"a":1} // note',
        "comma-at-the-end": b'{"a":1,}',
        "no-quotes": b"{a:1}",
        "concatenated": b'{"a":1}{"b":2}',
    }.items():
        yield among(f"not-an-object-{name}", "not an object", bad, "schema")


def _korean() -> Iterator[Entry]:
    idea = "Korean and keys"

    def both(good: Good) -> bytes:
        rows = [good.event(n) | {"attributes": {"n": str(n), form: form}} for n, form in ((1, NFC), (2, NFD))]
        return b"\n".join(json.dumps(row, ensure_ascii=False).encode() for row in rows)

    yield Entry("korean-nfc-and-nfd-keys", idea, both, good=2)
    same = json.dumps({"ts": MOMENT, NFC: 1, NFD: 2}, ensure_ascii=False).encode()
    yield among("korean-nfc-and-nfd-in-one", idea, same, IN)
    for name, key in {
        "empty": "",
        "dots": "a..b.",
        "quotes": "\"'`",
        "newline": "a\nb",
        "control": "\x01\x1b",
        "sql": "'); DROP TABLE events;--",
        "nul": "a\0b",
        "brackets": "a[0]['b']",
        "prototype": "__proto__",
        "long": "k" * 5000,
        "emoji": "👩‍👩‍👧",
        "rtl": "\u202eabc",
    }.items():
        yield among(f"key-{name}", idea, json.dumps({"ts": MOMENT, "attributes": {key: "v"}, key: "w"}).encode(), IN)


def entries() -> Iterator[Entry]:
    for part in (_broken, _escapes, _marks_and_charsets, _lines, _korean):
        yield from part()
