"""Words at a number or a time that say which value it is: the usual one, the peak, what it came to, by how much."""

from __future__ import annotations

import re
from typing import Final

from bdp.explain.grounding.movement import moves

_FORWARD: Final[dict[str, str]] = {
    "base": r"(?:window|period|stretch|span|interval|time|hour) (?:\w+ )?(?:before|earlier|prior)(?=,? (?:it |there |one )?(?:had|saw|show|count|held|record|log|stood|was|were|brought|with)|:)|"  # noqa: E501
    r"customar(?:y|ily)|habitual(?:ly)?|accustomed|the norm(?! of)|norm of|regular(?:ly)?|standard|healthy|unaffected|quiet(?:er)?|"  # noqa: E501
    r"(?:그\s)?전에[는도]|그 전|against|versus|vs\.?|compared (?:with|to)|relative to|(?<!above )(?<!below )(?<!than )(?<!beyond )(?:usual|normal)(?:ly)?|typical(?:ly)?|"  # noqa: E501
    r"baselines?|previous|prev\.?|as opposed to|in contrast (?:to|with)|(?:last|earlier|prior|preceding) (?:window|period|stretch|span|interval|slice)|"  # noqa: E501
    r"than the|"
    r"used to be|instead of|(?:up|down) from|ordinar(?:y|ily)|(?:before|earlier|previously)(?=\W{0,3}$)|평소|평시|평상시?|여느 때|예년|원래|본래|종래|보통|"  # noqa: E501
    r"(?<!비)정상|기준(?:치|값|선)?(?!으로)|기존|이전|앞선|앞\s?구간|지난 구간|직전|종전|통상",
    "now": r"to|turned into|became|reach(?:ed|es|ing)?|hit|hits|now|climbed to|currently|at its worst|도달",
    "high": r"as (?:much|high|many) as|highest|peak(?:ed|s)?|maximum|max|topped|최고치?|최대(?:값|치)?|최댓값|정점|피크|고점|꼭대기|(?:가장|제일) (?:높|큰|클|컸|많)|상한",  # noqa: E501
    "low": r"as (?:little|low|few) as|lowest|minimum|min|bottom(?:ed)?(?: out)?|trough|최저치?|최소(?:값|치)?|최솟값|저점|바닥|(?:가장|제일) (?:낮|작|적)|하한|floor",  # noqa: E501
    "mid": r"median|middle|averag(?:ed|es|e|ing)|mean|half of the time|midpoint|중앙값|중간값|중위|가운데\s?값|가운뎃값|중간 (?:수준|정도)",  # noqa: E501
    "from": r"from",
    "delta": r"by",
}
_CUE: Final = re.compile(
    "|".join(f"(?P<{name}>(?<![A-Za-z])(?:{words})(?![A-Za-z]))" for name, words in _FORWARD.items()), re.IGNORECASE
)
_BACKWARD: Final[dict[str, re.Pattern[str]]] = {
    "base": re.compile(
        r"\s*then(?=\s*(?:$|[.,;)]))|\s*(?:\w+\s){0,2}?(?:of the (?:\w+ )?(?:period|window|stretch|span|interval) (?:before|prior|earlier)|before(?!\s+(?:the|that|it|onset)|\s*\x00)|previously|earlier|beforehand|in the [\d.,]+ "  # noqa: E501
        r"?\S{1,8} before|in the (?:preceding|previous|prior|earlier|"
        r"(?:same )?(?:stretch|span|period|window|interval|time) (?:\w+ )?(?:before|earlier|prior))|(?:is|was|being) (?:normal|"  # noqa: E501
        r"usual|typical)|"
        r"(?:of )?(?:the )?(?:normal|healthy|regular|ordinary|unaffected|quiet|good|clean|successful|fine|sound|uneventful)(?: ones| traffic| events)?|in "  # noqa: E501
        r"the baseline|as a rule|usually|normally|in quieter)"
        r"|\S{0,4}(?:\s?대비|\s?보다(?!\s(?:\S+\s)?(?:이른|늦|먼저|앞|일찍|나중|빨리|뒤))|이던|였던|이었다가|였다가|이다가|에 그쳤|에 머물|에 불과했|이었지만|였지만|이었던|이었으나)"  # noqa: E501
        r"|(?:[^\s\d]{0,4}|\s?(?:수준|선|대))에서\s[^0-9]{0,16}\d[\d,.만억천]*\s?[^\s\d]{0,6}?(?:\s수준|\s선)?(?:(?:으로|로|까지)(?![가-힣])|[이가] (?:됐|되)|에 (?:이르|달))",  # noqa: E501
        re.IGNORECASE,
    ),
    "now": re.compile(
        r"\s(?:\w+\s)?(?:now|at present|currently)(?![A-Za-z])|(?:[^\s\d]{0,4}|\s?(?:수준|선|대))(?:으로|로|까지|[을를] (?:기록|찍)|에 (?:달|"  # noqa: E501
        r"도달))(?![가-힣]?당)"
    ),
    "high": re.compile(r"\s*(?:at (?:its|the) peak|at most|tops)|[^\s\d]{0,4}로 (?:정점|최고|고점|피크)"),
    "low": re.compile(r"[^\s\d]{0,4}로 (?:저점|최저|바닥)"),
}
_COMPARED: Final = re.compile(r"(?:\s?(?:구간|기간|시간대|값|수준|치))?\s?(?:대비|보다|에 비해)\s(?:[^\d\s]+\s)+$")
_NAMED: Final = re.compile("\x00+")
_STAYED: Final = re.compile(r"\b(?:stay(?:ed|s)?|remain(?:ed|s)?|kept|always|held)\b|내내|항상|유지", re.IGNORECASE)
_SUFFIX: Final = re.compile(r"before|earlier|previously", re.IGNORECASE)
"""Right behind a number they are its own, not of the next one."""
_NOW: Final = re.compile(r"\s(?:\w+\s)?(?:now|at present|currently)(?![A-Za-z])", re.IGNORECASE)
_RANGE: Final = re.compile(
    r"\b(?:ranged?|between|stayed|varied|oscillated|was somewhere)\b|사이|범위|오갔|오르내|움직였|움직인|움직임|변동|넘나|등락|걸쳐",  # noqa: E501
    re.IGNORECASE,
)
_ARROW: Final = re.compile(r"[^\d\x00]{0,8}?(?:→|->|=>|⇒|➜|>>|\s>)\s?[^\d\x00]{0,6}?$")
_EXTREME: Final[dict[str, re.Pattern[str]]] = {
    "high": re.compile(
        r"(?<![가-힣])(?:최고점|최고치|고점|정점|최댓값|최대치|꼭대기|피크|천장)(?=이|을|에|로|였|입|임|$|[,.])"
    ),
    "low": re.compile(r"(?<![가-힣])(?:최저점|최저치|저점|바닥|최솟값|최소치|밑바닥)(?=이|을|에|로|였|입|임|$|[,.])"),
}
_JOIN: Final = re.compile(r"^[^\s\d]{0,4}\s?(?:to|and|–|-|~|에서|부터|와|과)\s?(?:약\s?)?$")


def role(text: str, start: int, end: int, *, since: int, until: int) -> str:
    """Return which value a number at [start, end) is said to be; empty where nothing says so.

    Args:
        since: end of the number or time before it; `until`: start of the next.
    """
    behind = text[end : min(len(text), end + 60)]
    if (match := _NOW.match(behind)) and end + match.end() <= until:
        return "now"
    for name in ("base", "high", "low"):
        match = _BACKWARD[name].match(behind)
        # A word behind a number is its own only if it does not reach to the next one, but for `50에서 10으로`.
        if match and (end + match.end() <= until or "에서" in match[0] or " in the " in match[0]):
            return name
    if said := _ahead(text[max(since, start - 70) : start], since):
        return said
    if until == len(text) and (side := _side(text, end)):
        return side
    return "now" if (match := _BACKWARD["now"].match(behind)) and end + match.end() <= until else ""


def _ahead(before: str, since: int) -> str:
    """Return which value the words before a number say it is; `since` is 0 where no number stands before them."""
    cues = [one for one in _CUE.finditer(before) if not (since and one.start() <= 1 and _SUFFIX.fullmatch(one[0]))]
    cues = [one for one in cues if not (one[0] == "기준" and before[: one.start()].rstrip().endswith("\x00"))]
    if not cues:
        return ""
    said = str(cues[-1].lastgroup)
    if said == "base" and _COMPARED.match(before, cues[-1].end()):
        said = ""  # `직전 대비 늘어 26건`: not the one of before
    if said == "delta" and before[cues[-1].end() :].strip():
        said = ""
    if said in {"now", "from"} and len(before) - cues[-1].end() > 14:
        said = str(cues[-2].lastgroup) if len(cues) > 1 and cues[-2].lastgroup in {"high", "low", "mid"} else ""
    if said == "now" and len(cues) > 1 and cues[-2].lastgroup in {"high", "low", "mid"}:
        said = str(cues[-2].lastgroup)
    return said


def _side(text: str, end: int) -> str:
    """`231 ms … 고점이다`: the side that the rest of a text names."""
    return next((name for name, pattern in _EXTREME.items() if pattern.search(text, end)), "")


def base(text: str) -> bool:
    """Return whether a text speaks of the usual side only."""
    return {str(one.lastgroup) for one in _CUE.finditer(text)} == {"base"}


def changed(text: str, first: int, second: int) -> bool:
    """Return whether an arrow leads from a number that ends at `first` to one that starts at `second`."""
    return second - first < 24 and _ARROW.match(text[first:second]) is not None


def bounded(before: str, *, below: bool) -> str:
    """Return which side a bound is of: what stayed below is so at its highest, what fell below at its lowest."""
    sides = [
        str(one.lastgroup)
        for one in _CUE.finditer(re.split(r"\d", before[-30:])[-1])
        if one.lastgroup in {"high", "low"}
    ]
    if sides:
        return sides[-1]
    if _STAYED.search(before):
        return "high" if below else "low"
    fell = any(not up and not negated for _, _, up, negated in moves(before))
    return "low" if below and fell else "high"


def is_range(text: str, first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Return whether two numbers are the ends of a range: `between 3 and 5`, `3에서 5 사이`."""
    gap = text[first[1] : second[0]]
    if len(gap) > 14 or not _JOIN.match(gap):
        return False
    if "부터" in gap and not moves(text):
        return True
    around = text[max(0, first[0] - 40) : first[0]] + " | " + text[second[1] : second[1] + 14]
    return "~" in gap or "–" in gap or _RANGE.search(around) is not None


_TIME_ROLES: Final = {
    "first": r"first|began|begins?|beginning|start(?:ed|s|ing)?|onset|since|from|처음|첫|시작|최초",
    "last": r"last|latest|most recent|final|newest|until|till|end(?:ed|s)?|kept on|stopped|마지막|끝|종료|최종",
    "extreme": r"peak(?:ed)?|highest|lowest|worst|maximum|minimum|정점|최고|최저|최대|최소",
}
_TIME_CUE: Final = re.compile(
    "|".join(f"(?P<{name}>(?<![A-Za-z])(?:{words})(?![A-Za-z]))" for name, words in _TIME_ROLES.items()), re.IGNORECASE
)
_TIME_BEHIND: Final = re.compile(
    r"\s?(?:(?:UTC|KST)\s?)?(?:에\s(?P<first>처음|시작|최초)|에\s(?:\S+\s)?(?P<last>마지막|끝|종료|멎|멈|그쳤|그쳐|그침|잦아|최후)|(?P<since>부터)|(?P<until>까지))"
)


def time_role(text: str, start: int, end: int, since: int) -> str:
    """Return which time is said: the first, the last, that of the extreme; empty where nothing says so."""
    if match := _TIME_BEHIND.match(text, end):
        return "first" if match["first"] or match["since"] else "last"
    cues = list(_TIME_CUE.finditer(_NAMED.sub("\x00", text[since:start])[-48:]))
    cues = [one for one in cues if one[0].lower() not in {"from", "since"}] or cues
    return str(cues[-1].lastgroup) if cues else ""
