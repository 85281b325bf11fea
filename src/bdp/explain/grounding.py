"""Grounding: each claim is held against the evidence that it cites, by code alone.

    contradicted    a number, time or order that its evidence has otherwise, or has not at all
    unsupported     it cites nothing, or evidence that does not exist, or uses a name that its evidence does not hold
    not checkable   nothing in it can be compared
    supported       everything in it that can be compared fits

A plain whole number must fit exactly unless "about" or the like stands before it; any other number within 1 % or within
the rounding of the digits shown, after conversion of units. A number followed by a word for what it counts is compared
with values of that quantity only, and in a sentence about one row of a list with that row and the whole, not with
other rows. It is pure: the same input gives the same answer.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from bdp.explain.facts import Facts, Quantity, facts
from bdp.explain.mentions import LONGEST_CLAIM, Mentions, Name, Number, Time, mentions
from bdp.explain.wording import clean
from bdp.model.analysis import Check, Claim, Grounding
from bdp.model.evidence import Evidence

_RELATIVE = 0.01
_OF = re.compile(r"\s*of(?:\s+the)?\s*")
_OPPOSITE = {"after": "before", "later": "before", "before": "after", "earlier": "after"}


def check(claims: Sequence[Claim], evidence: Sequence[Evidence]) -> tuple[tuple[Claim, ...], Grounding]:
    """Return the claims with `check` and `reason` set, and the tally."""
    known = {one.id: one for one in evidence}
    checked = tuple(_checked(claim, known) for claim in claims)
    return checked, tally(checked)


def tally(claims: Iterable[Claim]) -> Grounding:
    """Return how many claims came out how; the score is 0.0 when nothing was checkable."""
    checks = [claim.check for claim in claims]
    supported, contradicted = checks.count(Check.SUPPORTED), checks.count(Check.CONTRADICTED)
    unsupported = checks.count(Check.UNSUPPORTED)
    checkable = supported + contradicted + unsupported
    return Grounding(
        score=supported / checkable if checkable else 0.0,
        supported=supported,
        contradicted=contradicted,
        unsupported=unsupported,
        not_checkable=checks.count(Check.NOT_CHECKABLE),
    )


def _checked(claim: Claim, known: dict[str, Evidence]) -> Claim:
    verdict, reason = _verdict(claim, known)
    return claim.model_copy(update={"check": verdict, "reason": reason})


def _verdict(claim: Claim, known: dict[str, Evidence]) -> tuple[Check, str]:
    unknown = [cited for cited in claim.evidence if cited not in known]
    if not claim.evidence:
        return Check.UNSUPPORTED, "it cites no evidence"
    if unknown:
        return Check.UNSUPPORTED, f"it cites {', '.join(unknown)}, which does not exist"
    if len(claim.text) > LONGEST_CLAIM:
        return Check.UNSUPPORTED, f"it is longer than {LONGEST_CLAIM} characters"
    held = facts(known[cited] for cited in claim.evidence)
    wrong, missing, compared = _compare(claim.text, held)
    if wrong:
        return Check.CONTRADICTED, "; ".join(wrong)
    if missing:
        return Check.UNSUPPORTED, "; ".join(missing)
    if not compared:
        return Check.NOT_CHECKABLE, "nothing in it can be compared"
    return Check.SUPPORTED, f"{compared} of {compared} figures, names and times fit {', '.join(claim.evidence)}"


def _compare(text: str, held: Facts) -> tuple[list[str], list[str], int]:
    """Return what is wrong, what is missing, and how much was compared."""
    wrong: list[str] = []
    missing: list[str] = []
    compared = 0
    for clause in _clauses(text):
        said = mentions(clause)
        numbers = [number for number in said.numbers if not number.spelled or _labelled(number, held.quantities)]
        wrong += [reason for number in numbers if (reason := _number(number, clause, said, held))]
        wrong += _parts(numbers, clause)
        wrong += [
            f"{time.shown} is not a time of this evidence" for time in said.times if not _time_fits(time, held.times)
        ]
        ordered = _order(clause, held)
        wrong += ordered or []
        missing += [f"{name.text} is not in this evidence" for name in said.names if not _name_fits(name, held)]
        compared += len(numbers) + len(said.times) + len(said.names) + (ordered is not None)
    return wrong, missing, compared


def _clauses(text: str) -> list[str]:
    """Split at semicolons outside quotes."""
    pieces = re.split(r"(`[^`]*`|\"[^\"]*\")", text)
    marked = "".join(piece if i % 2 else piece.replace(";", "\x01") for i, piece in enumerate(pieces))
    return [clause for clause in marked.split("\x01") if clause.strip()]


def _number(number: Number, clause: str, said: Mentions, held: Facts) -> str:
    candidates = _rows(held, said.names)
    labelled = _labelled(number, candidates)
    fitting = [quantity for quantity in labelled or candidates if _fits(number, quantity)]
    if not fitting:
        near = ", ".join(f"{quantity.raw:g}" for quantity in labelled[:3])
        return (
            f"{number.shown} does not fit: the evidence has {near}"
            if near
            else f"{number.shown} is not in this evidence"
        )
    follows = re.match(r"\s*(\w+)", clause[number.end :])
    opposite = _OPPOSITE.get(follows[1].lower(), "") if follows and number.unit == "s" else ""
    if opposite and all(opposite in quantity.key for quantity in fitting):
        return f"{number.shown} {follows[1] if follows else ''}: the evidence says {opposite}"
    return ""


def _labelled(number: Number, quantities: Iterable[Quantity]) -> list[Quantity]:
    return [quantity for quantity in quantities if number.label & quantity.key and quantity.unit == number.unit]


def _rows(held: Facts, names: Sequence[Name]) -> list[Quantity]:
    """Leave out the other rows of a list when the clause names exactly one of its rows."""
    said = {_plain(name.text) for name in names}
    named = {text.row for text in held.texts if text.row and text.text in said}
    lists = {row.rsplit("[", 1)[0]: [r for r in named if r.rsplit("[", 1)[0] == row.rsplit("[", 1)[0]] for row in named}
    single = {owner: rows[0] for owner, rows in lists.items() if len(rows) == 1}
    return [q for q in held.quantities if not q.row or single.get(q.row.rsplit("[", 1)[0], q.row) == q.row]


def _fits(number: Number, quantity: Quantity) -> bool:
    if number.unit != quantity.unit and number.unit:
        return False
    actual = quantity.value if number.unit else quantity.raw
    difference = abs(number.value - actual)
    if number.whole and actual.is_integer() and not number.hedged:
        return difference < 1e-9
    return difference <= max(number.rounding * (1 + 1e-9), _RELATIVE * abs(actual))


def _parts(numbers: Sequence[Number], clause: str) -> list[str]:
    """Check `A of B (P %)` against itself: a part is not larger than the whole, and the percentage is theirs."""
    wrong = []
    for part, whole in itertools.pairwise(numbers):
        if part.unit or whole.unit or not _OF.fullmatch(clause[part.end : whole.start]) or not whole.value:
            continue
        if part.value > whole.value:
            wrong.append(f"{part.shown} is more than {whole.shown}")
        share = next((n for n in numbers if n.start > whole.end and n.unit == "%"), None)
        beside = share is not None and re.fullmatch(r"[A-Za-z\s]*\(", clause[whole.end : share.start]) is not None
        if (
            share
            and beside
            and abs(share.value - 100 * part.value / whole.value) > max(share.rounding, _RELATIVE * share.value) + 1e-9
        ):
            wrong.append(f"{part.shown} of {whole.shown} is not {share.shown}")
    return wrong


def _name_fits(name: Name, held: Facts) -> bool:
    wanted = _plain(name.text)
    if not wanted:
        return False
    if wanted.endswith("…"):
        return any(text.text.startswith(wanted[:-1]) for text in held.texts)
    return any(_contains(text.text, wanted) for text in held.texts)


def _contains(text: str, wanted: str) -> bool:
    """Find a name that is not a part of a longer word, number or address."""
    at = text.find(wanted)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(wanted) : at + len(wanted) + 2]
        inside = (before.isalnum() and wanted[0].isalnum()) or (after[:1].isalnum() and wanted[-1].isalnum())
        if not inside and not (after[:1] == "." and after[1:].isdigit() and wanted[-1].isdigit()):
            return True
        at = text.find(wanted, at + 1)
    return False


def _plain(text: str) -> str:
    return clean(text).lower()


def _time_fits(time: Time, times: Sequence[datetime]) -> bool:
    return any(_same(time, at) for at in times)


def _same(time: Time, at: datetime) -> bool:
    said = time.at.replace(tzinfo=UTC) if time.at.tzinfo is None else time.at.astimezone(UTC)
    if time.precision == "day":
        return said.date() == at.date()
    if not time.dated:
        said = said.replace(year=at.year, month=at.month, day=at.day)
    if time.precision == "fraction":
        return abs(said - at) <= timedelta(milliseconds=1)
    step = timedelta(minutes=1) if time.precision == "minute" else timedelta(seconds=1)
    return -step / 2 <= at - said < step


def _order(clause: str, held: Facts) -> list[str] | None:
    """Check who is said to be first, where the evidence knows who is; None where nobody is said to be."""
    said = re.search(r"\bfirst\b", clause, re.IGNORECASE)
    firsts = {text.text for text in held.texts if text.key.startswith("first_") and not text.text[:4].isdigit()}
    if not said or not firsts:
        return None
    lowered = clause.lower()
    known = {text.text for text in held.texts if text.key == "service"} | firsts
    places = [(abs(lowered.find(name) - said.start()), name) for name in known if name and _contains(lowered, name)]
    if not places:
        return None
    return [] if min(places)[1] in firsts else [f"{min(places)[1]} is not first: {', '.join(sorted(firsts))} is"]
