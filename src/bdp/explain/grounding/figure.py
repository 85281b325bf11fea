"""One number of a clause against the quantities of the evidence that it can be meant to be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bdp.explain.grounding import cue
from bdp.explain.grounding.facts import Facts, Quantity
from bdp.explain.grounding.mentions import Mentions
from bdp.explain.grounding.movement import is_change
from bdp.explain.grounding.number import Number
from bdp.explain.grounding.reason import reason
from bdp.explain.grounding.scope import Owner, owned
from bdp.explain.grounding.trend import FORMS
from bdp.explain.grounding.unit import MONEY
from bdp.explain.grounding.vocabulary import COUNTED, MEASURED, NEAR, concepts

_FARTHEST: Final = 160
"""Characters before a number in which words are its own."""
_RELATIVE: Final = 0.01
_HEDGED: Final = 0.03
_LEVELS: Final = {
    "base": {"base"},
    "from": {"base"},
    "now": {"now"},
    "high": {"high"},
    "low": {"low"},
    "mid": {"mid"},
    "delta": {"delta"},
}
_TRAFFIC: Final = re.compile(
    r"\b(?:normal|healthy|usual|regular|ordinary|abnormal|failing|bad|good|clean|affected|unaffected) traffic\b|\btraffic (?:from|to|of)\b|\busage types?\b|\bshare(?=\s(?:the|a|an|\x00|\w+\s\x00))|정상 트래픽",  # noqa: E501
    re.IGNORECASE,
)
"""They are events or names, no measure of the network or of use."""
_SPOKEN: Final = MEASURED | {"request"}
"""What may be measured, not counted, where a number comes behind it."""
_OPPOSITE: Final = {"after": "before", "later": "before", "before": "after", "earlier": "after"}
_ONSET: Final = re.compile(r"\b(?:started|began|onset|incident|errors?|failures?|outage|trouble)\b", re.IGNORECASE)
_BEFORE_TIMES: Final = re.compile(r"([A-Za-z]+)(?:\s(?:about|roughly|some|nearly|almost|around))*\s*$")
_SHOWS_UP: Final = re.compile(r"\b(?:show(?:s|ed|n)?|c[oa]mes?|turn(?:s|ed)?|crop(?:s|ped)?|pop(?:s|ped)?) up\s$")
_COMPARES: Final = frozenset({"by", "to", "is", "was", "at", "reached", "hit", "of", "factor", "up", "down", "became"})
_OF_WHAT: Final = re.compile(
    r"\s*(?:(?:rise|drop|fall|increase|decrease|jump|growth|decline|surge) in|of) (?:the |its )?([A-Za-z_ ]{3,30})"
)
_PART: Final = re.compile(
    r"\s*(?:times\s)?(?:out of|of|in|among)(?: the| all)?\s*|[^\s\d]{0,2}\s?(?:중|가운데)(?:에서?)?(?:는|은)?\s*"
)
_SINCE: Final = re.compile(
    r"\s?(?:동안|간|사이)?(?:에는|에|은|는|의)?\s(?:[가-힣]+[은는이가]\s)?|(?:\s(?:before|earlier|prior))?,?\s(?:there (?:were|was)|it (?:was|had)|we (?:had|saw))\s"  # noqa: E501
)
_PAUSE: Final = re.compile(r"[^\d]{0,20}[,:;(—–-]\s?(?:from\s)?")
_THEN: Final = re.compile(r" to |, then |,? and then | then ")
_TRACES: Final = re.compile(r"트레이스|추적")
_THAN: Final = re.compile(r"\s?(?:수준)?보다")
_RATE_OF: Final = re.compile(
    r"\b(?:errors?|failures?|faults?|warnings?|timeouts?|events?)[ -](?:rate|ratio|percentage)|(?:오류|에러|실패|장애)\s?(?:율|비율)",  # noqa: E501
    re.IGNORECASE,
)
_MULTIPLE: Final = re.compile(
    r"\s*(?:its?|the|their|as|more|higher|lower|larger|greater|above|over|that|what|usual|baseline|normal)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Read:
    """What a number was found to be.

    Attributes:
        fitting: quantities that it can be; empty where it fits none.
        wrong: why it does not fit.
    """

    number: Number
    role: str
    fitting: tuple[Quantity, ...]
    wrong: str = ""


def read(at: int, said: Mentions, held: Facts, found: Sequence[Owner]) -> Read | None:
    """Return what a number of the clause is; None for a spelled word that counts nothing of the evidence."""
    number = _meant(said, at)
    since = said.numbers[at - 1].end if at else 0
    named = max((place for place, kind, _ in found if kind == "metric" and place < said.numbers[at].start), default=0)
    until = said.numbers[at + 1].start if at + 1 < len(said.numbers) else len(said.text)
    role = _role(said, at, since, until) or _partner(said, at)
    if number.unit == "x" or (role == "delta" and not said.moves):
        role = _partner(said, at)
    if (
        number.shown.isdigit()
        and len(number.shown) >= 7
        and any(text.text.startswith(number.shown) for text in held.texts)
    ):
        return Read(number, role, ())
    mine = owned(number, at, said, found, held.quantities)
    if number.weak == "event" and not any(number.label[:1]) and _TRACES.search(said.text, 0, number.start):
        number = replace(number, label=("trace",))
    labelled = _labelled(number, mine)
    if number.spelled and number.unit == "" and not labelled:
        return None
    change = (
        (number.unit in {"", "%", "s"} or number.unit in MONEY)
        and is_change(said.text, number.start, number.end)
        and (role not in {"now", "base"} or number.unit == "%")
    )
    if change and number.unit == "s" and role != "delta":
        change = False
    role = "delta" if change else role
    candidates = _candidates(number, role, change, labelled, mine, said, named)
    if isinstance(candidates, str):
        return Read(number, role, (), reason("no_measure", korean=said.korean, said=number.shown, what=candidates))
    candidates = _sided(candidates, role, said)
    fitting = tuple(one for one in candidates if fits(number, one))
    wrong = "" if fitting else _why(number, candidates, labelled, said)
    if fitting and (opposite := _opposite(number, fitting, said)):
        wrong, fitting = opposite, ()
    return Read(number, role, fitting, wrong)


def _sided(candidates: list[Quantity], role: str, said: Mentions) -> list[Quantity]:
    """`rose to 5` is of the high side."""
    ups = {up for _, _, up, negated in said.moves if not negated}
    if role != "now" or len(ups) != 1:
        return candidates
    other = "low" if ups == {True} else "high"
    return [one for one in candidates if other not in one.roles] or candidates


def _meant(said: Mentions, at: int) -> Number:
    """`shows up 35 times` counts, `35 times its baseline` compares."""
    number = said.numbers[at]
    if number.unit == "x" and number.shown.lower().endswith("times") and number.value.is_integer():
        before = _BEFORE_TIMES.search(said.text[max(0, number.start - 30) : number.start])
        said_before = before[1].lower() if before else ""
        compares = (said_before in _COMPARES or said_before in FORMS) and not _SHOWS_UP.search(
            said.text, 0, number.start
        )
        if not compares and not _MULTIPLE.match(said.text, number.end):
            return replace(number, unit="", weak="event")
    return number


def _role(said: Mentions, at: int, since: int, until: int) -> str:
    number = said.numbers[at]
    found = _beside(said, at) or {"floor": "low", "ceiling": "high"}.get(number.bound, "")
    if found:
        return found
    if at and said.numbers[at - 1].unit == "s" and _SINCE.fullmatch(said.text[since : number.start]):
        since = said.numbers[at - 2].end if at > 1 else 0  # 직전 5분에는 3건
    found = cue.role(said.text, number.start, number.end, since=since, until=until)
    if number.bound in {"<", ">"} and _THAN.match(said.text, number.end):
        found = ""
    if number.bound and found in {"", "now"}:
        before = said.text[max(0, number.start - _FARTHEST) : number.start]
        return cue.bounded(before, below=number.bound.startswith("<"))
    if not found and number.label[:1] == ("point",) and cue.base(said.text[: number.start]):
        return "base"
    return found


def _beside(said: Mentions, at: int) -> str:
    """Return what a number is with the one next to it: an end of a range, or a side of `5 -> 9`."""
    number = said.numbers[at]
    for other, end, side in ((at + 1, "low", "from"), (at - 1, "high", "now")):
        if not 0 <= other < len(said.numbers):
            continue
        first, second = sorted((number, said.numbers[other]), key=lambda one: one.start)
        if cue.is_range(said.text, (first.start, first.end), (second.start, second.end)):
            return f"range {end}"
        to = _moving(said, first) and first.unit == second.unit and _THEN.fullmatch(said.text[first.end : second.start])
        if to or cue.changed(said.text, first.end, second.start):
            return side
    return ""


def _moving(said: Mentions, number: Number) -> bool:
    """`headed north, 10 to 20`: a word of direction, then a number, between them no more than a comma."""
    return any(end <= number.start and _PAUSE.fullmatch(said.text[end : number.start]) for _, end, _, _ in said.moves)


def _partner(said: Mentions, at: int) -> str:
    """`3 of 21 normal ones`, `정상 21건 중 3건`: both are of the same side."""
    for other in (at + 1, at - 1):
        if 0 <= other < len(said.numbers):
            first, second = sorted((said.numbers[at], said.numbers[other]), key=lambda number: number.start)
            if _PART.fullmatch(said.text[first.end : second.start]):
                since = said.numbers[other - 1].end if other else 0
                until = said.numbers[other + 1].start if other + 1 < len(said.numbers) else len(said.text)
                found = _role(said, other, since, until)
                return "" if found == "delta" else found
    return ""


def _candidates(
    number: Number, role: str, change: bool, labelled: list[Quantity], mine: list[Quantity], said: Mentions, since: int
) -> list[Quantity] | str:
    """Return the quantities that a number can be; or what it speaks of, where the evidence has none of that."""
    if (change or role == "delta") and _tells(mine):
        return _changes(number, mine, said, since)
    plain = [one for one in mine if not (one.derived in {"delta", "percent", "rate"} or "delta" in one.roles)]
    if (
        number.unit in {"", "$", "€", "₩"}
        and number.label
        and number.label[0] in COUNTED
        and not labelled
        and _tells(mine)
    ):
        return number.label[0]
    pool = labelled or [one for one in plain if not one.length and not (number.unit == "" and _aside(one))]
    if not labelled:
        topical = _topical(number, pool, said, since)
        if isinstance(topical, str):
            return topical
        pool = topical
    if number.unit == "x":
        return [one for one in pool if one.unit == "x" and not one.derived] or pool
    same = [one for one in pool if one.unit == number.unit] if number.unit else pool
    chosen = _with_role(same or pool, role)
    # `in the 2 h before`: a span, not a value of before.
    return chosen + [one for one in same if number.unit == "s" and "metric" not in one.scope and one not in chosen]


def _tells(quantities: Sequence[Quantity]) -> bool:
    """Return whether it is known of any figure what it counts or measures."""
    return any(one.counted in COUNTED or one.roles or "metric" in one.scope for one in quantities)


def _changes(number: Number, mine: list[Quantity], said: Mentions, since: int) -> list[Quantity] | str:
    """Return by how much something changed that a number can be."""
    moved = [one for one in mine if "delta" in one.roles and one.unit == number.unit]
    if said.names or not any(number.label[:1]):
        topical = _topical(number, moved, said, since)
        if not isinstance(topical, str):
            moved = topical
        elif any("metric" in one.scope for one in moved):
            return topical
    head = number.label[0] if number.label else ""
    return [one for one in moved if not head or one.counted in {head, ""}] or moved


def _with_role(pool: list[Quantity], role: str) -> list[Quantity]:
    if role.startswith("range "):
        end = role.split()[1]
        ends = [one for one in pool if end in one.roles]
        return ends or pool
    if not role:
        # What is counted is of the stretch itself, unless something is said of before.
        return [one for one in pool if "base" not in one.roles or one.counted == "point"] or pool
    wanted = _LEVELS.get(role, set())
    chosen = [one for one in pool if wanted & one.roles]
    if role in {"base", "from"}:
        chosen = [one for one in chosen if not one.roles & {"high", "low"}] or chosen
    if role in {"high", "low", "mid"}:
        chosen = [one for one in chosen if "base" not in one.roles] or chosen
    if role in {"base", "from"} and not chosen:
        return pool
    if role == "now" and chosen:
        # What is not a level at all, such as a count, may come behind "to" as well.
        return chosen + [one for one in pool if not one.roles]
    return chosen or [one for one in pool if "base" not in one.roles] or pool


def _topical(number: Number, pool: list[Quantity], said: Mentions, since: int) -> list[Quantity] | str:
    """Keep to the measure that the words before a number name; say so where the evidence has none of it."""
    before = _measures(_TRAFFIC.sub(" ", said.text[max(since, number.start - _FARTHEST) : number.start]), pool)
    if not before and number.label and number.label[0] in MEASURED:
        before = [number.label[0]]
    behind = _OF_WHAT.match(said.text, number.end, number.end + 40)
    if not before and behind and number.unit and not _role_word(behind[1]):
        before = _measures(behind[1], pool)
    if not before:
        return pool
    matching = [one for one in pool if all(topic in one.topics for topic in before)]
    matching = matching or [
        one for one in pool if any(topic in one.topics for topic in before[-2:] if topic in _SPOKEN)
    ]
    strange = [topic for topic in before if topic in _SPOKEN or topic in COUNTED]
    if matching:
        held = {topic for one in matching for topic in one.topics}
        missing = [topic for topic in strange if topic not in held]
        if not missing or len(missing) < len(strange):
            whole = all(topic in held for topic in strange)
            if whole or not _named_measure(before, strange):
                return matching
    measured = [one for one in pool if "metric" in one.scope or (one.topics & MEASURED and not one.counted)]
    if measured and any(topic in _SPOKEN for topic in before):
        return " ".join(before)
    return pool


def _aside(one: Quantity) -> bool:
    """A bare number is no setting and no length of time."""
    return "aside" in one.roles or (one.unit == "s" and not one.roles)


def _role_word(text: str) -> bool:
    """`of normal traffic` says which side, not what is measured."""
    return re.match(r"(?:normal|usual|healthy|regular|ordinary|everything|all)\b", text, re.IGNORECASE) is not None


def _named_measure(before: list[str], strange: list[str]) -> bool:
    return len(before) > 1 and before == strange


def _measures(text: str, pool: list[Quantity]) -> list[str]:
    """Return the concepts of the measure that a text names: the last run of such words."""
    known = {topic for one in pool for topic in one.topics if one.roles & {"now", "base"} and not one.counted}
    found: list[str] = []
    for run in re.split(r"[,;:()]|\band\b|\bwhile\b", text):
        said = concepts(run)
        beside = _RATE_OF.search(run) is not None
        rates = {at for at, topic in enumerate(said[:-1]) if beside and topic == "event" and said[at + 1] == "rate"}
        mine = [
            topic
            for at, topic in enumerate(said)
            if topic in _SPOKEN or (topic in known and topic != "event") or at in rates
        ]
        if mine:
            found = mine
    if found == ["utilization"] and not any("utilization" in one.topics for one in pool):
        found = ["rate"]  # 점유율, usage: of the whole
    return list(dict.fromkeys(found))


def _labelled(number: Number, quantities: Sequence[Quantity]) -> list[Quantity]:
    """Return the quantities that count what the number is said to count."""
    if number.unit or (not number.label and not number.weak):
        return []
    made = "rate" if number.rate else ""
    counted = [
        one for one in quantities if one.counted and one.derived == made and not one.length and "aside" not in one.roles
    ]
    head = number.label[0] if number.label else ""
    if number.bound:  # of a part, not of its whole; `at least 5 failures` may be what was asked for, too
        counted = _parts(counted) + [one for one in quantities if "aside" in one.roles and one.counted]
    for wanted in ([head], NEAR.get(head, ()), number.label[1:], [number.weak] if not head else []):
        found = [one for one in counted if any(word and (word == one.counted) for word in wanted)]
        if found:
            return found
    own = [one for one in quantities if any(word in one.topics for word in number.label[1:])]
    own = [one for one in own if not (one.derived or one.unit or one.length or "aside" in one.roles)]
    return own or [one for one in quantities if one.length and head and one.counted == head]


def _parts(counted: list[Quantity]) -> list[Quantity]:
    """Leave out what is the whole of another quantity: a bound is true of every larger one."""
    least: dict[tuple[str, str, frozenset[str]], float] = {}
    for one in counted:
        key = (one.family, one.counted, one.roles)
        least[key] = min(one.raw, least.get(key, one.raw))
    return [one for one in counted if one.raw == least[one.family, one.counted, one.roles]]


def fits(number: Number, quantity: Quantity) -> bool:
    """Return whether a quantity is what a number says, within its rounding and what is said of it."""
    if number.unit != quantity.unit and number.unit:
        return False
    if number.rate != quantity.rate and (number.rate or number.label):
        return False
    actual = quantity.value if number.unit or number.rate else quantity.raw
    said = number.value
    if "delta" in quantity.roles and said >= 0:
        actual = abs(actual)
    room = max(number.rounding * (1 + 1e-9), _RELATIVE * abs(actual), _HEDGED * abs(actual) if number.hedged else 0.0)
    if number.bound:
        return _beyond(number, actual) and _near(said, actual, quantity)
    difference = abs(said - actual)
    if number.whole and actual.is_integer() and not number.hedged:
        return difference < max(1e-9, 1e-9 * abs(actual))
    return difference <= room


def _beyond(number: Number, actual: float) -> bool:
    """Compare with a bound, within the rounding of the digits that were written."""
    said, bound = number.value, number.bound
    if bound in {">", "<"} and number.whole:
        return actual > said if bound == ">" else actual < said
    room = max(1e-9 * abs(said), 0.0 if number.whole else number.rounding)
    return actual >= said - room if bound in {">", ">=", "floor"} else actual <= said + room


def _near(said: float, actual: float, quantity: Quantity) -> bool:
    """A bound that is far from a value says nothing of it, unless it is known to be of that."""
    low, high = sorted((abs(said), abs(actual)))
    return bool(quantity.counted) or high <= 10 * low or bool(quantity.roles)


def _opposite(number: Number, fitting: Sequence[Quantity], said: Mentions) -> str:
    follows = re.match(r"\s*(\w+)", said.text[number.end :])
    opposite = _OPPOSITE.get(follows[1].lower(), "") if follows and number.unit == "s" else ""
    if follows and _ONSET.search(said.text, number.end):
        return ""  # the order of two things, see `order.py`
    if (
        opposite
        and all(opposite in one.name for one in fitting)
        and not re.search(
            r"\b(?:started|began|onset|incident|errors?|failures?|outage|trouble)\b",
            said.text[max(0, number.start - _FARTHEST) : number.start],
            re.IGNORECASE,
        )
    ):
        return reason(
            "other_way", korean=said.korean, said=number.shown, word=follows[1] if follows else "", has=opposite
        )
    return ""


def _why(number: Number, candidates: Sequence[Quantity], labelled: Sequence[Quantity], said: Mentions) -> str:
    near = [one for one in candidates if one in labelled or one.unit == number.unit][:3]
    if near and (labelled or len(candidates) <= 8):
        has = ", ".join(f"{one.raw:g}" for one in near)
        return reason("other_value", korean=said.korean, said=number.shown, has=has)
    return reason("no_value", korean=said.korean, said=number.shown)
