"""Where a text says that something rose or fell, and by how much: `trend.py`'s words at their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bdp.explain.grounding.trend import DOWNWARD, FORMS, KOREAN, KOREAN_NOT, MOTION, PHRASES, STATE, UPWARD

Move = tuple[int, int, bool, bool]
"""Start, end, up, negated."""
_WORD: Final = re.compile(r"[A-Za-z]+(?:-[a-z]+)?")
_PHRASE: Final = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(PHRASES)})(?![A-Za-z])", re.IGNORECASE)
_STEMS = "|".join(sorted(KOREAN, key=len, reverse=True))
_HANGUL: Final = re.compile(rf"(?:{KOREAN_NOT})|(?P<stem>{_STEMS})(?P<nicht>하지 (?:않|못)|지 (?:않|못))?")
_BASES = r"(?:usual|normal|norm|baseline|typical|customary|ordinary|standard|expected|habitual|regular|reference)"
_BESIDE: Final = re.compile(
    r"(?<![A-Za-z])(?:(?P<up>above|over|past|beyond|exceed(?:s|ed|ing)?|surpass(?:es|ed|ing)?|outstripp?(?:s|ed|ing)?|"
    r"north of|in excess of|higher than|greater than|more than|larger than)|(?P<down>below|under|beneath|short of|south "  # noqa: E501
    rf"of|lower than|less than|fewer than|smaller than))\s(?:its |the |their |what is |what was )?{_BASES}(?![A-Za-z])",
    re.IGNORECASE,
)
_KOREAN_BASES = r"(?:평소|평상시|평시|통상|기준(?:선|치|값)?|정상|이전|직전|종전|보통|예년|기존|앞선\s\S{1,8})"
_MUCH = r"(?:약\s|더\s|훨씬\s|크게\s|다소\s|조금\s|소폭\s|대폭\s|한참\s|만큼\s?)*"
_KOREAN_BESIDE: Final = re.compile(
    rf"{_KOREAN_BASES}(?:의|인|\s?값|\s?수준|\s?치)?\s?\(?(?:\d[\d,.]*\s?[^\s\d()]{{0,5}}?\)?)?(?:보다|[을를]|에|대비|에 비해|\s(?=초과|미달|상회|하회))\s?"  # noqa: E501
    rf"(?:\d[\d,.]*\s?(?:%|퍼센트|배|[a-z]{{1,2}}|초|건)\s?)?(?:정도|가량|쯤|이나|나)?\s?{_MUCH}"
    r"(?:(?P<up>높|컸|크[게고다며]|큰|많|웃돌|웃도|웃돈|상회|넘[어었는김]|초과|앞질)|(?P<down>낮|적[은었다고게]|작|밑돌|밑도|밑돈|하회|못 미|못미|미달|미치지))"  # noqa: E501
)
_KOREAN_MORE: Final = re.compile(
    r"\d\s?(?:%p?|퍼센트(?:포인트)?|배)\s?(?:정도|가량|쯤|만큼|이나|나)?\s?(?:더\s?)?(?:(?P<up>높|컸|큰|많)|(?P<down>낮|적[은었다고게]|작))"
)
_NEVER: Final = re.compile(r"(?:did not|didn't|does not|never|not|no|without)\s(?:\w+\s){0,2}$", re.IGNORECASE)
_PHRASAL: Final = re.compile(
    r"\b(?:mak(?:es?|ing)|made|show(?:s|ed)?|adds?|ends?|turn(?:s|ed)?|tak(?:es|en|ing)|took|back(?:s|ed)?|"
    r"summed|coming)\s+up\s*$",
    re.IGNORECASE,
)
_THAN: Final = re.compile(r"\s+than\s+\d")
_IDIOM: Final = re.compile(
    r"\s+(?:under|into|within|among|outside|over|through|apart|on)\b|\s+to\s(?!\W{0,3}\d)(?![^\d]{0,12}\d)",
    re.IGNORECASE,
)
"""`falls under`, `falls to the message`: nothing moves."""
_FIGURE: Final = re.compile(r"\s(?:by\s|from\s)?[$~]?\d")
_ENDS: Final = re.compile(r"\s*(?:$|[,.;:()]|\d|(?:by|from|to|on|at|against|versus|vs|compared|over|since)\b)")
_WIDTH: Final = re.compile(
    r"(?:상승|하락|증가|감소|변동|변화|오름|내림|등락|증감|급등|급락)(?:폭|률|율|량|분)(?:[은는이가]|:)?\s(?:(?:평소|기준|이전) 대비\s)?(?:약\s)?$"  # noqa: E501
)
_AMOUNTS: Final = re.compile(
    r"\b(\w+) (?:of|in|for) [^,;\d]{0,60}?\b(?:amount|c[oa]me|is|was|equal|total|reach|measure)\w*\s(?:to\s|at\s)?"
    r"(?:about\s|some\s|roughly\s)?$",
    re.IGNORECASE,
)
"""`the fall of … amounts to 5 %`."""
_GAIN: Final = frozenset("more less up down".split())  # noqa: SIM905
_LEAD: Final = re.compile(r"\s?(?:of )?(?:an? )?([A-Za-z]+)")
_KOREAN_BEHIND: Final = re.compile(
    rf"(?:만큼|이나|나|정도|가량|쯤|p)?\s?(?:더\s)?(?:크게\s)?(?:(?!{KOREAN_NOT})(?:{_STEMS})|높|낮|많|적)"
)
_LAST: Final = re.compile(
    r"([A-Za-z]+(?:\s(?:up|down|upwards?|downwards?|higher|lower))?)(?:\s(?:of|by|about|roughly|some|nearly|almost|around|"
    r"a|an|full|whole))*\s*$"
)


def moves(text: str) -> list[Move]:
    """Return where a text says that something rose or fell."""
    found = [*_english(text), *_korean(text)]
    for pattern in (_BESIDE, _KOREAN_BESIDE, _KOREAN_MORE):
        found += [(m.start(), m.end(), m["up"] is not None, False) for m in pattern.finditer(text)]
    found += [(m.start(), m.end(), _phrase(m[0].lower()), _negated(text, m.start())) for m in _PHRASE.finditer(text)]
    return sorted(set(found))


def _phrase(said: str) -> bool:
    return next((up for phrase, up in PHRASES.items() if re.fullmatch(phrase, said)), True)


def _negated(text: str, at: int) -> bool:
    return _NEVER.search(text[max(0, at - 30) : at]) is not None


def _english(text: str) -> Iterator[Move]:
    words = list(_WORD.finditer(text))
    for at, match in enumerate(words):
        word = match[0].lower()
        before = words[at - 1][0].lower() if at and words[at - 1].end() + 2 > match.start() else ""
        if before.endswith("ly") and at > 1:  # crept slowly up
            before = words[at - 2][0].lower()
        if word in {"up", "down"}:
            if _particle(text, match, before):
                yield match.start(), match.end(), word == "up", False
        elif before in MOTION and word in UPWARD | DOWNWARD:
            yield match.start(), match.end(), word in UPWARD, _negated(text, words[at - 1].start())
        elif word in FORMS and not _other(text, match, word):
            yield match.start(), match.end(), FORMS[word], _negated(text, match.start())


def _particle(text: str, match: re.Match[str], before: str) -> bool:
    """Return whether `up` or `down` says a direction here: `crept up`, `is down 5 %`, `up from 3`."""
    if before in {"go", "goes", "going", "went", "gone"} and match[0].lower() == "down":
        return _ENDS.match(text, match.end()) is not None  # a service goes down, too
    if before in MOTION:
        return True
    if text[: match.start()].endswith(("% ", "percent ", "pct ", "points ")):
        return True
    if before in STATE:
        return _ENDS.match(text, match.end()) is not None
    if text.startswith(" to", match.end()) and match[0].lower() == "up":
        return False
    phrasal = _PHRASAL.search(text[max(0, match.start() - 12) : match.end()])
    return not phrasal and _FIGURE.match(text, match.end()) is not None


def _other(text: str, match: re.Match[str], word: str) -> bool:
    """Return whether a word is no direction where it stands."""
    if word in {"fewer", "lower", "higher", "elevated"} and _THAN.match(text, match.end()):
        return True
    if word in {"fall", "falls", "fell", "fallen", "falling", "drop", "drops", "dropped"}:
        return _IDIOM.match(text, match.end(), match.end() + 40) is not None
    return False


def _korean(text: str) -> Iterator[Move]:
    for match in _HANGUL.finditer(text):
        if match["stem"]:
            yield match.start(), match.end(), KOREAN[match["stem"]], match["nicht"] is not None


def is_change(text: str, start: int, end: int) -> bool:
    """Return whether a number is said to be by how much something changed: `rose 15 %`, `15% 증가`."""
    before = text[max(0, start - 40) : start]
    percent = text[start:end].endswith(("%", "percent", "pct"))
    amounts = percent and (said := _AMOUNTS.search(text, max(0, start - 120), start)) and said[1].lower() in FORMS
    return _WIDTH.search(before) is not None or _grew(before) or _by(text, end) or bool(amounts)


def _grew(before: str) -> bool:
    """`rose`, `climbed by about`, `is down`, `increase of` right before it."""
    match = _LAST.search(before)
    if not match or _PHRASAL.search(before):
        return False
    said = match[1].lower().split()
    return any(word in FORMS for word in said) or said[-1] in {"up", "down"} | UPWARD | DOWNWARD


def _by(text: str, end: int) -> bool:
    """`increase`, `higher`, `증가` right behind it."""
    if _BESIDE.match(text, end + (text[end : end + 1] == " ")):
        return True  # 45 % under its usual level
    match = _LEAD.match(text, end)
    if match and (match[1].lower() in FORMS or match[1].lower() in _GAIN):
        return not (match[1].endswith("s") or _other(text, match, match[1].lower()))  # `75 % falls to …` is no change
    return _KOREAN_BEHIND.match(text, end + (text[end : end + 1] == " ")) is not None
