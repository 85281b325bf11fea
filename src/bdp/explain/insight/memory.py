"""Answers that serve again: which samples are alike, and an answer with the new sample's figures in it.

Two samples are alike where the rules say the same type and class of risk of both, the same measures stand out with
values and baselines in the same steps of about 10 %, and every measure is inside or outside of its reference, and near
or far from its baseline, as before. An answer is remembered with its numbers taken out, each bound to the figures that
it may be; the stream's name as well. It is used again only if it comes out true: each number of the new text is the new
sample's, whichever of its figures was meant, and each measure that is spoken of is on the same side of its baseline.
Where a number may be one of several that differ now, or was written as a bound ("over 4 times"), there is no reuse.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from math import floor, log
from typing import Any, Final

from bdp.explain.insight.examples import Language
from bdp.explain.insight.figures import Figure, Numeral, figures, fitting, names_of, numerals, occurrences, strangers
from bdp.explain.insight.prompt import VERSION
from bdp.model.inquiry import Inquiry, Measure
from bdp.model.insight import InsightSource, Opinion, severity_of

STEP: Final = 1.1
"""Ratio of two neighbouring steps."""
_ENTITY: Final = {"entity": True}
_IN_NAMES: Final = "-_./:"
"""A name with one of these, or a digit, is no common word."""
_FAR: Final = 0.5
_FEW: Final = 5.0
_Part = str | dict[str, Any]


def key_of(inquiry: Inquiry, language: Language, models: str) -> str:
    """Return what samples that are alike have in common.

    Args:
        models: what answers: another chain of models answers otherwise.
    """
    insight = inquiry.insight
    said = ("", "") if insight is None else (insight.prediction_type.value, severity_of(insight.risk_score).value)
    measures = sorted(f"{one.name}={_place(one)}" for one in inquiry.measures if not one.name.endswith("_ago"))
    parts = [str(VERSION), language, models, *said, inquiry.maintenance, *measures]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def kept(opinion: Opinion, inquiry: Inquiry) -> str | None:
    """Return an answer in the form in which it can be remembered; None if it cannot serve again."""
    known, names = figures(inquiry), names_of(inquiry)
    explanation = _template(opinion.explanation, known, names, inquiry.related_entity, strict=True)
    steps = [_template(step, known, names, inquiry.related_entity, strict=False) for step in opinion.recommendations]
    if explanation is None or None in steps:
        return None
    said = opinion.model_dump(mode="json", exclude={"explanation", "recommendations", "source"})
    told = [explanation, *(step for step in steps if step is not None)]
    said |= {"explanation": explanation, "recommendations": steps, "sides": _sides(inquiry, _spoken_of(told))}
    return json.dumps(said, ensure_ascii=False)


def served(text: str, inquiry: Inquiry) -> Opinion | None:
    """Return a remembered answer with this sample's figures; None where it would not be true of it."""
    said = json.loads(text)
    sides = said.pop("sides")
    if _sides(inquiry, sides) != sides:
        return None
    known: dict[str, Figure] = {figure.key: figure for figure in figures(inquiry) if not figure.fixed}
    explanation = _filled(said["explanation"], known, inquiry.related_entity)
    steps = [_filled(step, known, inquiry.related_entity) for step in said["recommendations"]]
    if explanation is None or None in steps or strangers(explanation, inquiry):
        return None
    said |= {"explanation": explanation, "recommendations": tuple(steps), "source": InsightSource.CACHED}
    return Opinion.model_validate(said)


def _spoken_of(texts: Sequence[Sequence[_Part]]) -> set[str]:
    """Return the names of the measures that numbers in these texts may be of."""
    holes = [piece for pieces in texts for piece in pieces if isinstance(piece, dict) and piece != _ENTITY]
    return {key.rpartition(".")[0] for hole in holes for key in hole["keys"]}


def _sides(inquiry: Inquiry, names: Iterable[str]) -> dict[str, int]:
    """Return whether measures are above (1) or below (-1) their baselines."""
    known = {one.name: one for one in inquiry.measures}
    found = {name: known[name] for name in names if name in known}
    return {name: 0 if one.baseline is None else _sign(one.value - one.baseline) for name, one in found.items()}


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _place(measure: Measure) -> str:
    """Return where a measure is: fine where it stands out, else on which side of what is usual."""
    if measure.stands_out:
        steps = [_step(value) for value in (measure.value, measure.baseline) if value is not None]
        return f"{'/'.join(steps)}{_inside(measure)}"
    value, baseline = measure.value, measure.baseline
    usual = "?" if baseline is None else "="
    if baseline is not None and abs(value - baseline) > _FAR * baseline + (0 if measure.unit else _FEW):
        usual = "+" if value > baseline else "-"
    return f"{usual}{_inside(measure)}"


def _step(value: float) -> str:
    return "0" if value <= 0 else str(floor(log(value) / log(STEP)))


def _inside(measure: Measure) -> str:
    """Return whether a value lies within its reference: `< 5`, `40-70`."""
    low, dash, high = measure.reference.partition("-")
    try:
        if dash:
            return "in" if float(low) <= measure.value <= float(high) else "out"
        return ("in" if measure.value < float(low.lstrip("< ")) else "out") if low else ""
    except ValueError:
        return ""


def _template(
    text: str, known: Sequence[Figure], names: Sequence[str], entity: str, *, strict: bool
) -> list[_Part] | None:
    """Return a text in pieces; None if it cannot be said of another sample.

    Args:
        strict: every number must be one of the sample's; else one that is none of them stays as it is: advice.
    """
    numbers, strange = numerals(text, names)
    if (strict and strange) or _names_it_otherwise(text, entity):
        return None
    places: list[tuple[int, int, dict[str, Any]]] = []
    for number in numbers:
        fits = fitting(number, known, text)
        if all(figure.fixed for figure in fits):
            if strict and not fits:
                return None
            continue
        if number.hedged or number.spelled:
            return None
        places.append((number.start, number.end, _hole(text, number, fits)))
    return _pieces(text, sorted(places, key=lambda place: place[0]), entity)


def _names_it_otherwise(text: str, entity: str) -> bool:
    """Return whether the stream's name stands there so that it cannot be taken out: in other letters, or as a word."""
    places = occurrences(text, entity)
    is_word = not any(character.isdigit() or character in _IN_NAMES for character in entity)
    return any(is_word or text[at : at + len(entity)] != entity for at in places)


def _hole(text: str, number: Numeral, fits: Sequence[Figure]) -> dict[str, Any]:
    digits = text[number.start : number.end]
    fixed = [digits] if any(figure.fixed for figure in fits) else []
    places = len(digits.partition(".")[2])
    keys = sorted({figure.key for figure in fits if not figure.fixed})
    scale = number.scale if number.kind else 0.0
    return {"keys": keys, "fixed": fixed, "places": places, "comma": "," in digits, "scale": scale}


def _pieces(text: str, places: Sequence[tuple[int, int, dict[str, Any]]], entity: str) -> list[_Part] | None:
    found: list[_Part] = []
    at = 0
    for start, end, hole in places:
        if "e" in text[start:end].lower():
            return None
        found += [*_named(text[at:start], entity), hole]
        at = end
    return [*found, *_named(text[at:], entity)]


def _named(text: str, entity: str) -> list[_Part]:
    """Return a piece with the stream's name taken out."""
    found: list[_Part] = []
    at = 0
    for place in occurrences(text, entity):
        found += [text[at:place], _ENTITY]
        at = place + len(entity)
    return [piece for piece in [*found, text[at:]] if piece]


def _filled(pieces: Sequence[_Part], known: Mapping[str, Figure], entity: str) -> str | None:
    found = []
    for piece in pieces:
        said = piece if isinstance(piece, str) else entity if piece == _ENTITY else _number(piece, known)
        if said is None:
            return None
        found.append(said)
    return "".join(found)


def _number(hole: Mapping[str, Any], known: Mapping[str, Figure]) -> str | None:
    """Return the digits of a number; None where the figures that it may be differ now, or one is not there."""
    said = set(hole["fixed"])
    for key in hole["keys"]:
        if key not in known:
            return None
        figure = known[key]
        counted = hole["scale"] and figure.kind  # as `figures` compares them: by unit, or as they are
        value = figure.value * figure.scale / hole["scale"] if counted else figure.value
        said.add(f"{value:,.{hole['places']}f}" if hole["comma"] else f"{value:.{hole['places']}f}")
    return said.pop() if len(said) == 1 else None
