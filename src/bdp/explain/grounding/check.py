"""Each claim held against the evidence that it cites, by code alone.

    contradicted    a number, time, order or direction that its evidence has otherwise, or has not at all
    unsupported     it cites nothing, or evidence that does not exist, or uses a name that its evidence does not hold
    not checkable   nothing in it can be compared
    supported       everything in it that can be compared fits

A plain whole number must fit exactly unless "about" or the like stands before it; any other number within 1 % or within
the rounding of the digits shown, after conversion of units. A number is compared only with values of what it is said to
count or measure, of whom it is said to be, and of the side (usual, lowest, highest, by how much) that it is said to be
of. It is pure: the same input gives the same answer. Time is linear in the claim and in the evidence that it cites.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Final

from bdp.explain.grounding import cue, time
from bdp.explain.grounding.absence import absences
from bdp.explain.grounding.direction import directions
from bdp.explain.grounding.facts import Facts, Text, facts
from bdp.explain.grounding.figure import read
from bdp.explain.grounding.mentions import LONGEST_CLAIM, Mentions, mentions
from bdp.explain.grounding.name import Name, holds, plain
from bdp.explain.grounding.number import Number
from bdp.explain.grounding.order import orders
from bdp.explain.grounding.reason import reason
from bdp.explain.grounding.scope import Owner, owners
from bdp.model.analysis import Check, Claim, Grounding
from bdp.model.evidence import Evidence

_RELATIVE: Final = 0.01
_OF: Final = re.compile(r"\s*(?:out )?of(?:\s+the|\s+all)?\s*|/|[^\s\d]{0,2}\s?(?:중|가운데)(?:에서?)?\s*")
_BESIDE: Final = re.compile(r"\s?(?:,|\(|:|—|–|=)\s?\(?")
"""Between a percentage and the two counts it is made of."""
_KOREAN: Final = re.compile(r"[가-힣]")
_TIME_KEYS: Final = {"first": "first_time", "last": "last_time", "extreme": "extreme_time"}
_BELONGS: Final = frozenset({"ref", "metric", "client_ip"})


def check(claims: Sequence[Claim], evidence: Sequence[Evidence]) -> tuple[tuple[Claim, ...], Grounding]:
    """Return the claims with `check` and `reason` set, and the tally."""
    known = {one.id: one for one in evidence}
    subject = [one for one in evidence if "subject" in one.value]
    checked = tuple(_checked(claim, known, subject) for claim in claims)
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


def _checked(claim: Claim, known: dict[str, Evidence], subject: Sequence[Evidence]) -> Claim:
    verdict, why = _verdict(claim, known, subject)
    return claim.model_copy(update={"check": verdict, "reason": why})


def _verdict(claim: Claim, known: dict[str, Evidence], subject: Sequence[Evidence]) -> tuple[Check, str]:
    korean = _KOREAN.search(claim.text[:LONGEST_CLAIM]) is not None
    unknown = [cited for cited in claim.evidence if cited not in known]
    if not claim.evidence:
        return Check.UNSUPPORTED, reason("no_evidence", korean=korean)
    if unknown:
        return Check.UNSUPPORTED, reason("no_such", korean=korean, what=", ".join(unknown))
    if len(claim.text) > LONGEST_CLAIM:
        return Check.UNSUPPORTED, reason("too_long", korean=korean, most=LONGEST_CLAIM)
    cited = [known[one] for one in dict.fromkeys(claim.evidence)]
    held = facts(cited)
    wrong, missing, compared = _compare(claim.text, held, _about(cited, subject))
    if wrong:
        return Check.CONTRADICTED, "; ".join(dict.fromkeys(wrong))
    if missing:
        return Check.UNSUPPORTED, "; ".join(dict.fromkeys(missing))
    if not compared:
        return Check.NOT_CHECKABLE, reason("nothing", korean=korean)
    return Check.SUPPORTED, reason("fits", korean=korean, count=compared, cited=", ".join(claim.evidence))


def _about(cited: Sequence[Evidence], subject: Sequence[Evidence]) -> list[Text]:
    """Return the names of what is under study; evidence that names no service of its own is about it."""
    if all({"service", "entity", "first_service", "hit_services"} & set(one.value) for one in cited):
        return []
    return [text for text in facts(subject).texts if text.key in {"subject", "service"}]


def _compare(text: str, held: Facts, about: Sequence[Text]) -> tuple[list[str], list[str], int]:
    """Return what is wrong, what is missing, and how much was compared."""
    wrong: list[str] = []
    missing: list[str] = []
    compared = 0
    context = ""
    for clause in _clauses(text):
        said = mentions(clause)
        found = owners(said, held)
        reads = [one for at in range(len(said.numbers)) if (one := read(at, said, held, found)) is not None]
        wrong += [one.wrong for one in reads if one.wrong] + _parts([one.number for one in reads], said)
        for check_more in (
            _times(said, held),
            orders(said, held, found, context),
            directions(said, held, reads, found),
            absences(said, held),
        ):
            wrong += check_more[0]
            compared += check_more[1]
        named = [name for name in said.names if name.sure or not _is_word(name, held)]
        missing += [
            reason("name", korean=said.korean, said=name.text) for name in named if not _held(name, held.texts, about)
        ]
        missing += _strays(said, found, held, about)
        compared += len(reads) + len(named)
        context += clause
    return wrong, missing, compared


def _clauses(text: str) -> list[str]:
    """Split at semicolons and full stops outside quotes."""
    pieces = re.split(r"(`[^`]*`|\"[^\"]*\")", text)
    marked = "".join(
        piece
        if i % 2
        else re.sub(
            r";|(?<=[^\W\d_]{2})(?<!\bvs)(?<!\bprev)(?<!\bavg)(?<!\bmax)(?<!\bmin)(?<!\bapprox)(?<!\bincl)\.(?=\s)",
            "\x01",
            piece,
        )
        for i, piece in enumerate(pieces)
    )
    return [clause for clause in marked.split("\x01") if clause.strip()]


def _times(said: Mentions, held: Facts) -> tuple[list[str], int]:
    wrong = []
    for at, one in enumerate(said.times):
        role = cue.time_role(said.text, one.start, one.end, said.times[at - 1].end if at else 0)
        moments = [moment.at for moment in held.moments if moment.key == _TIME_KEYS.get(role)]
        every = [moment.at for moment in held.moments]
        if not time.fits(one, every):
            wrong.append(reason("time", korean=said.korean, said=one.shown))
        elif moments and not time.fits(one, moments) and role != "extreme":
            edges = [moment.at for moment in held.moments if moment.key in {"start", "end", "time", "extreme_time"}]
            if not time.fits(one, edges):
                wrong.append(reason("time_role", korean=said.korean, said=one.shown, role=role))
    return wrong, len(said.times)


def _parts(numbers: Sequence[Number], said: Mentions) -> list[str]:
    """Check `A of B (P %)` against itself: a part is not larger than the whole, and the percentage is theirs."""
    wrong = []
    clause = said.text
    for part, whole in itertools.pairwise(numbers):
        between = clause[part.end : whole.start]
        korean = "중" in between or "가운데" in between
        if part.unit or whole.unit or not _OF.fullmatch(between) or not whole.value:
            continue
        few, all_of = (whole, part) if korean else (part, whole)
        if few.value > all_of.value:
            wrong.append(reason("part", korean=said.korean, part=few.shown, whole=all_of.shown))
        share = next((n for n in numbers if n.start > whole.end and n.unit == "%"), None)
        beside = share is not None and re.fullmatch(r"[^\d()]*\(", clause[whole.end : share.start]) is not None
        ahead = next((n for n in numbers if n.unit == "%" and _BESIDE.fullmatch(clause[n.end : part.start])), None)
        share, beside = (ahead, True) if ahead and not beside else (share, beside)
        if (
            share
            and beside
            and all_of.value
            and abs(share.value - 100 * few.value / all_of.value) > max(share.rounding, _RELATIVE * share.value) + 1e-9
        ):
            wrong.append(reason("share", korean=said.korean, part=few.shown, whole=all_of.shown, share=share.shown))
    return wrong


def _held(name: Name, texts: Sequence[Text], about: Sequence[Text]) -> bool:
    wanted = plain(name.text)
    if not wanted:
        return True
    return any(holds(text.text, wanted) for text in (*texts, *about)) or any(text.key == wanted for text in texts)


def _is_word(name: Name, held: Facts) -> bool:
    """A word at the place of a name may be a measure of the evidence: `availability of …`."""
    return any(name.text.lower() in one.topics or name.text.lower() == one.name for one in held.quantities)


def _strays(said: Mentions, found: Sequence[Owner], held: Facts, about: Sequence[Text]) -> list[str]:
    """Return names that are of another service than the one that the clause names with them."""
    services = {text for _, named, text in found if named == "service"}
    services |= {
        text.text
        for text in about
        if text.key == "service" and any(plain(name.text) == text.text for name in said.names)
    }
    wrong = []
    for _, named, text in found:
        if named not in _BELONGS or not services:
            continue
        families = {one.family for one in held.texts if one.named == named and one.text == text}
        theirs = {one.text for one in held.texts if one.family in families and one.named == "service"}
        if theirs and not theirs & services:
            wrong.append(reason("name", korean=said.korean, said=f"{text} / {', '.join(sorted(services))}"))
    return wrong
