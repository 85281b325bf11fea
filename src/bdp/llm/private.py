"""What is secret or personal in a text: the patterns that `disguise` hides by.

Each is linear in the length of the text, and is only looked for where one of a few words stands that it cannot do
without, since most text holds none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

SECRET: Final = "SECRET"  # noqa: S105 - a kind
REST: Final = "<HIDDEN>"
"""Stands for what came after too many others."""


class Pattern(NamedTuple):
    """One kind of secret or personal data.

    Attributes:
        kind: the stand-in's name.
        expression: the group `hidden` of a match is hidden, or all of it where there is no such group.
        needs: folded words; none of them in the text means no match. Empty: always look.
        holds: says whether what was found is meant.
    """

    kind: str
    expression: re.Pattern[str]
    needs: tuple[str, ...] = ()
    holds: Callable[[str], bool] = lambda text: True


def _luhn(text: str) -> bool:
    """Return whether the digits pass the check of card numbers (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in text if one.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_ipv4(text: str) -> bool:
    return all(int(part) <= 255 for part in text.split("."))


def _is_token(text: str) -> bool:
    """Return whether this is a token, and not a word such as `expired`."""
    return len(text) >= 16 or any(one.isdigit() for one in text)


_NAMES_ALWAYS = "password passwd pwd passphrase private_key private-key privatekey authorization cookie 비밀번호 암호"
_NAMES_OF_KEYS = (
    "secret token api_key api-key apikey access_key access-key accesskey credential credentials session_id session-id "
    "sessionid"
)
_IS = r"\\?[\"']?\s{0,3}[=:]\s{0,3}"
_QUOTED = r"\\?[\"'](?P<hidden>[^\"'\\]{1,4000})"
_BARE = r"(?P<hidden>[^\s\"',;&<>\\{}\[\]]{3,4000})"
_PREFIXES = (
    "sk-|ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|glpat-|xoxa-|xoxb-|xoxe-|xoxo-|xoxp-|xoxr-|xoxs-|AIza|ya29.|hf_|npm_|"
    "pypi-|SG.|rk_live_|sk_live_|pk_live_|dop_v1_"
)
_AWS = "AKIA|ASIA|AROA|AIDA|ABIA|ACCA"
_PEM = "PRIVATE KEY-----"


def _named(words: str, value: str, holds: Callable[[str], bool]) -> Pattern:
    names = words.split()
    expression = f"(?:{'|'.join(sorted(names, key=len, reverse=True))}){_IS}{value}"
    return Pattern(SECRET, re.compile(expression, re.IGNORECASE), tuple(names), holds)


def _folded(alternatives: str) -> tuple[str, ...]:
    return tuple(alternatives.casefold().split("|"))


PATTERNS: Final = (
    # What looks like a stand-in already.
    Pattern("TEXT", re.compile(rf"<(?:SECRET|EMAIL|IP|PHONE|ID|CARD|TEXT)_\d{{1,6}}>|{REST}"), ("_", "<hidden>")),
    Pattern(
        SECRET,
        re.compile(
            rf"-----BEGIN [A-Z ]{{0,30}}{_PEM}"
            rf"(?:[\s\S]{{0,16000}}?-----END [A-Z ]{{0,30}}{_PEM}|[\s\S]{{0,16000}})"
        ),
        ("private key-----",),
    ),
    Pattern(SECRET, re.compile(r"\beyJ[\w-]{8,2000}\.[\w-]{4,4000}(?:\.[\w-]{0,2000})?"), ("eyj",)),
    Pattern(SECRET, re.compile(rf"\b(?:{_AWS})[A-Z0-9]{{16}}\b"), _folded(_AWS)),
    Pattern(SECRET, re.compile(rf"\b(?:{_PREFIXES.replace('.', chr(92) + '.')})[\w.-]{{12,300}}"), _folded(_PREFIXES)),
    Pattern(SECRET, re.compile(r"\b(?:Bearer|Basic)\s{1,4}(?P<hidden>[\w.~+/=-]{8,4000})", re.I), ("bearer", "basic")),
    Pattern(
        SECRET,
        re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>]{0,200}:(?P<hidden>[^\s/@\"'<>]{1,200})@", re.I),
        ("://",),
    ),
    _named(_NAMES_ALWAYS, _QUOTED, lambda text: True),
    _named(_NAMES_ALWAYS, _BARE, lambda text: True),
    _named(_NAMES_OF_KEYS, _QUOTED, _is_token),
    _named(_NAMES_OF_KEYS, _BARE, _is_token),
    Pattern("EMAIL", re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), ("@",)),
    Pattern("IP", re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)"), (".",), _is_ipv4),
    Pattern("IP", re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])", re.I), (":",)),
    Pattern("IP", re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}(?![\w:])", re.I), ("::",)),
    Pattern("CARD", re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]*\d)"), (), _luhn),
    Pattern("ID", re.compile(r"(?<!\d)\d{6}-[1-8]\d{6}(?!\d)"), ("-",)),  # Korean resident registration number
    Pattern("ID", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), ("-",)),  # US social security number
    Pattern("PHONE", re.compile(r"(?<!\d)01[016-9]-\d{3,4}-\d{4}(?!\d)"), ("01",)),
    Pattern("PHONE", re.compile(r"(?<![\w+])\+\d{1,3}[ .-]\(?\d{1,4}\)?(?:[ .-]\d{2,4}){2,4}(?!\d)"), ("+",)),
)
STAND_IN: Final = re.compile(r"<(?:EMAIL|IP|PHONE|ID|CARD|TEXT)_\d{1,6}>")
"""What is put back: all but secrets."""
