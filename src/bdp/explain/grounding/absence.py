"""What is said not to be: no errors, no change, 변경은 없었다."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bdp.explain.grounding.facts import Facts, Quantity
from bdp.explain.grounding.mentions import Mentions
from bdp.explain.grounding.reason import reason
from bdp.explain.grounding.vocabulary import COUNTED, KOREAN, concept

_NONE: Final = re.compile(
    r"(?<![A-Za-z])(?:no|not a single|not any|without any|none of the|zero)\s(?!more\b|less\b|fewer\b|longer\b|"
    r"later\b|earlier\b|doubt\b|sooner\b)"
    r"((?:[A-Za-z-]+\s){0,2}[A-Za-z-]+)|(?<![A-Za-z])(nothing|nobody|no one)\s(?:was|were|had been|got|has "
    r"been)\s(\w+)",
    re.IGNORECASE,
)
_KOREAN_NONE: Final = re.compile(
    rf"({'|'.join(sorted((stem for stem, one in KOREAN.items() if one in COUNTED), key=len, reverse=True))})[가-힣]{{0,3}}\s?(?:전혀 |하나도 |(?:단 )?한 \S{1, 2}도 )?"  # noqa: E501
    r"(?:없었|없다|없습|없음|없이|없고|없으|(?:하|되|나)지 않|안 (?:났|됐|나))"
)
_EARLIER: Final = re.compile(
    r"\b(?:before|previously|earlier|beforehand|prior|preceding)\b|이전|직전|앞선|평소", re.IGNORECASE
)


def absences(said: Mentions, held: Facts) -> tuple[list[str], int]:
    """Return what is there although it is said not to be, and how many were compared."""
    wrong: list[str] = []
    compared = 0
    for what in _missing(said.text):
        if what == "change" and any(text.named == "ref" for text in held.texts):
            shown = next(text.text for text in held.texts if text.named == "ref")
            wrong.append(reason("changed", korean=said.korean, has=shown))
            compared += 1
            continue
        counted = _counted(held.quantities, what, earlier=_EARLIER.search(said.text) is not None and what != "change")
        if counted:
            compared += 1
            if not any(one.value == 0 for one in counted):
                wrong.append(reason("some", korean=said.korean, has=f"{counted[0].raw:g}"))
    return wrong, compared


def _missing(text: str) -> list[str]:
    found: list[str] = []
    for match in _NONE.finditer(text):
        said = (match[1] or match[3] or "").split()
        known = [
            one for one in (concept("deploy" if word.startswith("deploy") else word) for word in said) if one in COUNTED
        ]
        if match[3] and re.match(r"chang|deploy|releas|roll|merg|shipp", match[3]):
            known = ["change"]
        found += known[:1]
    return found + [KOREAN[match[1]] for match in _KOREAN_NONE.finditer(text)]


def _counted(quantities: Sequence[Quantity], what: str, *, earlier: bool) -> list[Quantity]:
    ours = [
        one
        for one in quantities
        if one.counted == what and not one.derived and not one.length and "aside" not in one.roles
    ]
    base = [one for one in ours if "base" in one.roles]
    return base if earlier and base else [one for one in ours if "base" not in one.roles] or ours
