"""Numbers in a claim: their value, unit, what they count, and whether they are meant as a bound or roughly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

from bdp.explain.grounding.trend import MOTION
from bdp.explain.grounding.unit import COUNTERS, UNIT, WRITTEN
from bdp.explain.grounding.vocabulary import CONCEPT, COUNTED, KOREAN, WEAK, concept, singular

_MYRIADS: Final = {"만": 1e4, "억": 1e8, "천만": 1e7, "백만": 1e6, "천": 1e3, "십만": 1e5, "조": 1e12}
_MYRIAD = "천만|백만|십만|만|억|조|천"
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,2}(?![A-Za-z0-9_]|\.\d))?"
_NUMBER: Final = re.compile(
    rf"(?<![A-WYZa-wyz0-9_.,])(?<![A-Za-z0-9_][xX])([$€₩]\s?)?({_DIGITS})(?:\s?({_MYRIAD})(?![가-힣]*간에)(?:\s?({_DIGITS})(?:\s?({_MYRIAD}))?)?)?"
    rf"(?:[\s-]?({UNIT}))?(?![\d])",
    re.IGNORECASE,
)
_WORDS: Final = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_NATIVE: Final = {
    "하나": 1, "한": 1, "두": 2, "둘": 2, "세": 3, "셋": 3, "네": 4, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8,  # noqa: E501
    "아홉": 9, "열": 10,
}  # fmt: skip
_SPELLED: Final = re.compile(
    rf"(?<![A-Za-z-])({'|'.join(_WORDS)})(?![A-Za-z])(?:[\s-]?(times|fold|percent|seconds|minutes|hours|"
    rf"days)(?![A-Za-z]))?",
    re.IGNORECASE,
)
_COUNTED: Final = re.compile(
    rf"(?<![가-힣])({'|'.join(sorted(_NATIVE, key=len, reverse=True))})\s?(배|시간|{'|'.join(COUNTERS)})(?!포|당|도(?![가-힣]))"  # noqa: E501
)
_MULTIPLES: Final = {
    "doubled": 2, "twice": 2, "double": 2, "twofold": 2, "tripled": 3, "threefold": 3, "triple": 3, "thrice": 3,
    "quadrupled": 4, "fourfold": 4, "fivefold": 5, "tenfold": 10, "halved": 0.5,
}  # fmt: skip
_FRACTIONS: Final = {
    "half": 50.0, "a third": 100 / 3, "one third": 100 / 3, "two thirds": 200 / 3, "a quarter": 25.0, "a fifth": 20.0,
    "three quarters": 75.0, "a tenth": 10.0, "one fifth": 20.0, "one quarter": 25.0, "절반": 50.0,
}  # fmt: skip
_MULTIPLE: Final = re.compile(rf"(?<![A-Za-z])({'|'.join(_MULTIPLES)})(?![A-Za-z])", re.IGNORECASE)
_FRACTION: Final = re.compile(
    rf"(?<![A-Za-z])({'|'.join(one.replace(' ', '[ -]') for one in _FRACTIONS)})(?![A-Za-z]| (?:an? |the )?"
    r"(?:hour|minute|second|day|time)| of (?:the |its )?time)|(\d)분의 (\d)",
    re.IGNORECASE,
)
_MINUS: Final = re.compile(r"(?:^|[\s(→>])[-\u2212]\Z")
_HEDGE: Final = re.compile(
    r"(?:about|around|roughly|approximately|nearly|almost|some|circa|close to|~|≈|약|거의|대략|얼추)\s*$", re.IGNORECASE
)
_HEDGE_BEHIND: Final = re.compile(r"\s*(?:or so|가량|정도|쯤|안팎|남짓)")
_ABOVE = r"more than|at least|exceed(?:ed|s|ing)?|not (?:fewer|less) than|upwards? of|no less than|no fewer than|greater than|in excess of|not below"  # noqa: E501
_BELOW = r"less than|fewer than|at most|no more than|not more than|not exceeding|not above|lower than"
_NEVER = r"(?:never|not once|did not|didn't|does not|doesn't)\s+(?:\w+\s+){0,2}?"
_BOUND: Final = re.compile(
    rf"(?P<floor>{_NEVER}(?:below|under|less than|fewer than))|(?P<ceiling>{_NEVER}(?:above|over|exceed(?:ed|s)?|"
    rf"more than|beyond))"
    rf"|(?P<above>{_ABOVE}|(?<![-=])[≥>]=?|over|above|beyond|surpass(?:ed|ing)?|최소|적어도|못해도|최소한|줄잡아)|(?P<below>{_BELOW}|[≤<]=?|below|under|"
    rf"up to|최대|많아야|기껏해야)",
    re.IGNORECASE,
)
_BOUND_END: Final = re.compile(rf"(?:{_BOUND.pattern})\s*(?:the\s+|a\s+)?$", re.IGNORECASE)
_NO_BOUND: Final = re.compile(
    rf"(?:spread|distributed|scattered|shared|split|divided|averaged|calculated|measured|summed|computed)\s(?:out\s)?(?:over|above)\s*$"
    rf"|\b(?:add(?:s|ed)?|sum(?:s|med)?|amount(?:s|ed)?|pile[sd]?|stack(?:s|ed)?|tot(?:s|ted)|tall(?:y|ied|ies)|{'|'.join(sorted(MOTION))})"
    rf"(?:\s\w+ly)?\sup to\s*$",
    re.IGNORECASE,
)
"""`spread over 5 hosts`, `added up to 5`: no bound."""
_THAN_BEHIND: Final[dict[str, re.Pattern[str]]] = {
    ">": re.compile(r"\s?(?:수준)?보다\s?(?:항상\s|늘\s|더\s|훨씬\s|약간\s|조금\s)*(?:높|컸|크|큰|클|많|위|길)"),
    "<": re.compile(r"\s?(?:수준)?보다\s?(?:항상\s|늘\s|더\s|훨씬\s|약간\s|조금\s)*(?:낮|작|적|아래|짧)"),
}
"""`5보다 높았다`: a bound, unless 5 is said to be the usual value."""
_BASE_BEFORE: Final = re.compile(
    r"(?:평소|평상시|평시|기준\S{0,2}|통상|정상|이전|직전|종전|앞선|전\s?구간|기존|원래|보통)[^\d]{0,16}$"
)
_KOREAN_NEVER: Final = re.compile(
    r"(?:\s?[을를이가])?\s?(?:아래로\s|위로\s)?(?:(?P<up>넘|초과|웃돌|웃돈|상회|올라)|밑돌|밑돈|하회|내려|떨어)\S{0,3}\s?(?:적|일|때|경우)?\S?\s?(?:한 번도\s)?(?:없|않|못)"  # noqa: E501
)
"""`5를 넘은 적이 없다`."""
_LEVEL: Final = re.compile(
    r"\b(?:stay|remain|kept|keep|held|was|is|were|be|been|fell|dropp|dipp|sank|rose|shot|climb|seen|go|went|never|read)\w*\s"
    r"(?:\w+\s)?(?:over|under)\s*$",
    re.IGNORECASE,
)
_BASE_BESIDE: Final = re.compile(r"(?:평소|평상시|평시|기준(?:치|값|선)?|정상치?|통상)(?:의|인|값|\s값)?\s?\(?$")
"""`기준 5를 초과`: that is the usual value itself."""
_ABOVE_BEHIND: Final = re.compile(r"(?:\s?[을를이가])?\s?(?:이상|초과|넘|웃돌|상회|or more)")
_BELOW_BEHIND: Final = re.compile(r"(?:\s?[을를에도]{1,2})?\s?(?:이하|미만|밑돌|하회|못 미|or less|or fewer)")
_OR_EQUAL: Final = re.compile(
    r"at least|at most|no (?:less|fewer|more) than|not |upwards?|up to|[≥≤=]|이상|이하|최소|최대|or |넘지",
    re.IGNORECASE,
)
_RATE: Final = re.compile(
    r"(?:\s+[A-Za-z-]+){0,3}\s*(?:per|/|each|every)\s*(seconds?|secs?|s|minutes?|min|hours?|h|days?)(?![A-Za-z])"
    r"|(?:\s+[A-Za-z-]+){0,3}?\s+an? (second|minute|hour|day)(?=\s*(?:$|[,.;:()]|(?:at|against|on|in|and|to|of|"
    r"from|while|than|before)\b))"
)
_RATE_BEFORE: Final = re.compile(r"(초|분|시간|일)당\s*(?:[가-힣]+\s)?$")
_PACE: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "초": 1.0, "분": 60.0, "시간": 3600.0, "일": 86400.0}
_STOP: Final = frozenset(
    "of in on at from to with by for against within since until between and or but then while when that which than as "  # noqa: SIM905
    "not no during out are is was were be had has have show shows read reads over under the a an it its this these per "
    "each every among amongst overall altogether came come were hit went".split()
)
_FOLLOWING: Final = re.compile(r"[\s(]{0,3}([A-Za-z]+(?:-[a-z]+)?)")
_KOREAN_AFTER: Final = re.compile(r"\s?(?:의|인)?\s{0,2}((?:[가-힣]+\s){0,2}[가-힣]+)")
_PRECEDING: Final = re.compile(
    r"([가-힣A-Za-z]+)\s?(?:은|는|이|가|을|를|도|만|:)?\s?(?:총|약|모두|대략|거의|각각|합계)?\s?$"
)
_NOT_EVENTS: Final = {"event": ("address", "user", "service", "host", "template")}
_COUNTED_NOUN: Final = re.compile(
    rf"\s?(IP|{'|'.join(sorted((one for one, what in KOREAN.items() if what in COUNTED), key=len, reverse=True))})"
)
"""`3개 서비스`."""
_RANK: Final = re.compile(r"차(?=\s)|위(?=[는은로를인의\s,.]|$)|순위|단계|등(?=[은으의\s])|호기|분기")
"""`2차 피해`: no quantity."""
_FACTOR: Final = re.compile(
    r"(?:\b(?:multiplied by|(?:a )?factor of|multiple of|ratio of|ratio is|ratio:|ratio was)|(?<![A-Za-z])[x×]|배율[은이]?:?)\s?$",  # noqa: E501
    re.IGNORECASE,
)
"""`by a factor of 3`, `x3`."""
_LOGIN: Final = re.compile(r"log-?ins?$", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """A number as written.

    Attributes:
        value: in the base of its kind of unit (seconds, percent, multiples, bytes, or a plain count).
        rounding: half of the last digit shown, in the same base.
        hedged: "about" or the like stands at it.
        bound: ">", ">=", "<" or "<=": the figure is said to be above or below; "floor", "ceiling": always; else "".
        label: concepts of what is counted, as far as words at it say so.
        weak: what a Korean counter alone says of that.
        rate: it is by the second; `value` is too.
    """

    shown: str
    value: float
    unit: str
    rounding: float
    start: int
    end: int
    hedged: bool = False
    bound: str = ""
    label: tuple[str, ...] = ()
    weak: str = ""
    rate: bool = False
    spelled: bool = False

    @property
    def whole(self) -> bool:
        """A plain count, shown to the last digit."""
        return self.unit == "" and self.rounding == 0.5 and not self.rate


def numbers(text: str) -> list[Number]:
    """Return the numbers of a text, in the order of their places; names and times must be blanked out before."""
    found = sorted([*_written(text), *_spelled(text)], key=lambda number: number.start)
    return _inherited(text, [_placed(text, number) for number in _merged(text, found)])


def _written(text: str) -> Iterator[Number]:
    for match in _NUMBER.finditer(text):
        unit = (match[6] or "").lower()
        if (unit == "d" and match[6] != "d") or (unit == "m" and match[6] != "M"):
            unit = ""
        behind = text[match.end() : match.end() + 1]
        if not unit and match[4] is None and match[3] is None and behind.isascii() and behind.isalpha():
            continue  # 3rd, 5xx: a word, not a quantity
        if not unit and _RANK.match(text, match.end()):
            continue
        value, step = _value(match)
        kind, scale = WRITTEN.get(unit, ("", 1.0))
        kind, scale = ("$€₩"["$€₩".index(match[1].strip())], 1.0) if match[1] else (kind, scale)
        if not unit and _FACTOR.search(text[max(0, match.start() - 20) : match.start()]):
            kind = "x"
        if _MINUS.search(text[max(0, match.start() - 2) : match.start()]):
            value = -value
        if isfinite(value * scale):
            end = match.end() if unit or not match[6] else match.start(6)
            yield Number(
                match[0].strip(),
                value * scale,
                kind,
                0.5 * step * scale,
                match.start(),
                end,
                weak=COUNTERS.get(unit, ""),
            )


def _value(match: re.Match[str]) -> tuple[float, float]:
    """Return a number's value and the step of its last digit."""
    total, step = 0.0, 1.0
    for digits, myriad in ((match[2], match[3]), (match[4], match[5])):
        if digits is None:
            continue
        mantissa, _, power = digits.lower().partition("e")
        size = _MYRIADS.get(myriad or "", 1.0)
        step = 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2])) * size
        total += float(digits.replace(",", "")) * size
    return total, step


def _spelled(text: str) -> Iterator[Number]:
    for match in _SPELLED.finditer(text):
        kind, scale = WRITTEN.get((match[2] or "").lower(), ("", 1.0))
        value = _WORDS[match[1].lower()] * scale
        yield Number(match[0], value, kind, 0.5 * scale, match.start(), match.end(), spelled=True)
    for match in _COUNTED.finditer(text):
        kind, scale = WRITTEN.get(match[2], ("", 1.0))
        value = _NATIVE[match[1]] * scale
        weak = COUNTERS.get(match[2], "")
        yield Number(match[0], value, kind, 0.5 * scale, match.start(), match.end(), weak=weak, spelled=True)
    for match in _MULTIPLE.finditer(text):
        value = _MULTIPLES[match[1].lower()]
        yield Number(match[0], value, "x", 0.15 * value, match.start(), match.end(), spelled=True)
    for match in _FRACTION.finditer(text):
        value = (
            100 * int(match[3]) / max(1, int(match[2])) if match[2] else _FRACTIONS[match[1].lower().replace("-", " ")]
        )
        yield Number(match[0], value, "%", 2.5, match.start(), match.end(), spelled=True)


def _merged(text: str, found: Sequence[Number]) -> list[Number]:
    """Put `5 min 30 s` together."""
    merged: list[Number] = []
    for number in found:
        last = merged[-1] if merged else None
        if last and number.start < last.end:
            continue
        gap = text[last.end : number.start] if last else ""
        if (
            last
            and last.unit == number.unit == "s"
            and number.value < 2 * last.rounding
            and gap.strip() in {"", "and"}
            and len(gap) < 6
        ):
            shown = text[last.start : number.end]
            merged[-1] = replace(
                last, shown=shown, value=last.value + number.value, rounding=number.rounding, end=number.end
            )
        else:
            merged.append(number)
    return merged


def _placed(text: str, number: Number) -> Number:
    """Read what stands around a number."""
    before, behind = text[max(0, number.start - 40) : number.start], text[number.end : number.end + 60]
    pace = _RATE.match(behind)
    prefix = _RATE_BEFORE.search(before)
    per = _PACE[prefix[1]] if prefix else _PACE[(pace[1] or pace[2])[0]] if pace else 1.0
    rate = pace is not None or prefix is not None
    bound = _bound(before, behind, number)
    return replace(
        number,
        shown=number.shown + (f" {pace[0].strip()}" if pace and len(pace[0]) < 12 else ""),
        value=number.value / per,
        rounding=number.rounding / per,
        rate=rate,
        hedged=_HEDGE.search(before) is not None or _HEDGE_BEHIND.match(behind) is not None,
        bound=bound,
        label=_label(text, number),
    )


def _bound(before: str, behind: str, number: Number) -> str:
    if match := _KOREAN_NEVER.match(behind):
        return "ceiling" if match["up"] else "floor"
    if match := _BOUND_END.search(before):
        said = str(match.lastgroup)
        if _NO_BOUND.search(before):
            return ""
        if match[0].strip() in {">", "<"} and re.search(r"\d\S{0,3}\s$", before[: match.start()]):
            return ""  # 3 > 93: an arrow
        if match[0].rstrip().endswith("than the"):
            return ""  # `more than the 5 that …`: exactly those
        temporal = match[0].strip().lower() in {"over", "under"} and number.unit == "s" and not _LEVEL.search(before)
        equal = "=" if _OR_EQUAL.search(match[0]) else ""
        return "" if temporal else {"above": f">{equal}", "below": f"<{equal}"}.get(said, said)
    for sign, pattern in _THAN_BEHIND.items():
        than = pattern.match(behind)
        attributive = than and re.match(r"[은는]?\s[^\d]{0,8}\d", behind[than.end() :])
        if than and not attributive and not _BASE_BEFORE.search(before):
            return sign
    for sign, pattern in ((">", _ABOVE_BEHIND), ("<", _BELOW_BEHIND)):
        if (behind_match := pattern.match(behind)) and not _BASE_BESIDE.search(before):
            return sign + ("=" if _OR_EQUAL.search(behind_match[0]) else "")
    return ""


def _label(text: str, number: Number) -> tuple[str, ...]:
    """Return what is counted: the nouns behind it in English, before it or behind `의` in Korean."""
    found: list[str] = []
    position = number.end
    while len(found) < 4:
        match = _FOLLOWING.match(text, position, position + 40)
        if not match or match[1].lower() in _STOP:
            break
        if match[1].lower() in {"point", "points"} and re.match(r"\s(?:to|at)\b", text[match.end() : match.end() + 4]):
            break
        found.append("login" if _LOGIN.fullmatch(match[1]) else match[1])
        position = match.end()
    if found and found[0].lower() in {"instances", "instance"} and text[position : position + 3] == " of":
        return ("event", "event")  # `5 instances of …`
    if found:
        return _head(found)
    if number.unit not in {"", "%"}:
        return ()
    if number.weak in {"user", "host"}:
        return (number.weak,)  # 명, 대
    behind = _KOREAN_AFTER.match(text, number.end, number.end + 30)
    noun = _COUNTED_NOUN.match(text, number.end) if text[number.end - 1 : number.end] == "개" else None
    if noun:
        return (KOREAN.get(noun[1], "address"),)
    if behind and text[number.end : behind.start(1)].strip() in {"의", "인"}:
        known = [stem for word in behind[1].split() for stem in KOREAN if word.startswith(stem)]
        if known:
            return (KOREAN[max(known, key=len)],)
    preceding = _PRECEDING.search(text[max(0, number.start - 24) : number.start])
    counted = _korean_noun(preceding[1]) if preceding and number.unit == "" else ()
    if number.weak and counted and counted[0] in _NOT_EVENTS.get(number.weak, ()):
        return ()  # `주소는 30건`: events of that address
    return counted


def _head(found: Sequence[str]) -> tuple[str, ...]:
    """Return the noun of a phrase: the last of the first run of known nouns, and the phrase's own words."""
    own = tuple(concept(word) for word in found)
    head = ""
    for word, one in zip(found, own, strict=True):
        known = word.lower() in CONCEPT or one in CONCEPT.values()
        if known and word.lower() not in WEAK:
            head = one
            if singular(word.lower()) != word.lower():
                break  # what follows a plural is a verb: `50 hosts match`
        elif head:
            break
    if not head and found[0].lower() in WEAK:
        head = "event"
    return (head, *own) if head else ("", *own)


def _korean_noun(word: str) -> tuple[str, ...]:
    if word.endswith(("에서", "에게", "으로", "부터", "까지", "의")):
        return ()
    ending = next((stem for stem in sorted(KOREAN, key=len, reverse=True) if stem in word), "")
    known = KOREAN.get(ending, "") or (CONCEPT.get(word.lower(), "") if word.isupper() else "")
    return (known,) if known and " " not in known else ()


def _inherited(text: str, found: list[Number]) -> list[Number]:
    """Let `30 of 100 errors`, `100 errors, 30 of them` and `오류 100건 중 30건` count the same."""
    for at, number in enumerate(found):
        before = found[at - 1] if at else None
        after = found[at + 1] if at + 1 < len(found) else None
        if number.unit:
            continue
        between = text[before.end : number.start] if before else ""
        onward = text[number.end : after.start] if after else ""
        if (
            after
            and after.label
            and not number.label
            and re.fullmatch(r"\s*(?:out )?of (?:the |all |all the )?|/", onward)
        ):
            found[at] = replace(number, label=after.label)
        elif before and before.label and not (number.label and number.label[0]):
            if number.weak == "event" and before.label[0] in _NOT_EVENTS["event"]:
                continue  # `서비스 3개 중 …는 40건`
            opened = re.search(
                r"(?:\bof|\bamong|\bout of)\s(?:the |all )?$",
                text[max(0, before.start - 16) : before.start],
                re.IGNORECASE,
            )
            listed = "(" in between and before.label[0] in _NOT_EVENTS["event"]
            if opened and len(between) < 40 and not listed:
                found[at] = replace(number, label=before.label)
                continue
            part = re.search(r"(?<!그)(?:중|가운데)(?:에서?|은|는|에는)?\s*$", between[:60]) or re.match(
                r"\s*(?:out )?of (?:them|those|these)\b", text[number.end : number.end + 20]
            )
            if part or re.search(r"(?<!그)(?:중|가운데)(?:에서?|은|는|에는)?\s", between[:40]):
                found[at] = replace(number, label=before.label)
    return found
