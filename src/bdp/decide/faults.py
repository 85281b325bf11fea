"""What is wrong with what a person wrote, in words that help: from the errors of a form."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ValidationError

Place = tuple[str | int, ...]
_WORDS = {
    "missing": "is missing",
    "tuple_type": "give a list",
    "list_type": "give a list",
    "dict_type": "give a table",
    "model_type": "give a table of keys",
    "string_type": "give text; put it in quotes",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
}


class Fault(NamedTuple):
    """One thing that is wrong, and where."""

    place: Place
    what: str


def faults(error: ValidationError, form: type[BaseModel]) -> Iterator[Fault]:
    """Yield what is wrong, each once.

    Args:
        form: what the text was held against.
    """
    seen = set()
    errors = error.errors(include_url=False, include_input=False)
    for one in errors:
        place, what = _told(one, form)
        # A list that is too short because something in it is wrong is told of by that.
        hollow = one["type"] == "too_short" and any(_within(other["loc"], one["loc"]) for other in errors)
        if (place, what) not in seen and not hollow:
            seen.add((place, what))
            yield Fault(place, what)


def _told(one: Any, form: type[BaseModel]) -> tuple[Place, str]:
    place: Place = tuple(part for part in one["loc"] if part != "[key]")
    kind = one["type"]
    if kind == "extra_forbidden":
        return place, _unknown(str(place[-1]), _keys(form, place[:-1]))
    if kind in ("enum", "literal_error"):
        return place, f"must be one of {_listed(one['ctx']['expected'])}"
    if kind == "value_error":
        text = str(one["ctx"]["error"])
        named, colon, rest = text.partition(": ")
        return ((*place, named), rest) if colon and named.isidentifier() else (place, text)
    return place, _WORDS.get(kind) or one["msg"].replace("Input should be", "must be").replace("Tuple", "the list")


def _within(inner: Place, outer: Place) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _listed(expected: str) -> str:
    return expected.replace("'", "").replace(" or ", ", ")


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.6)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"nobody knows this key; {hint}"


def _keys(form: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that a table at a place may have."""
    here = form
    for part in place:
        if isinstance(part, str):
            field = next((f for n, f in here.model_fields.items() if part in (n, f.alias)), None)
            inner = _model(field.annotation) if field else None
            if inner is None:
                return []
            here = inner
    return [field.alias or name for name, field in here.model_fields.items()]


def _model(annotation: Any) -> type[BaseModel] | None:
    """Return the form inside an annotation such as `tuple[Rule, ...]`."""
    inner = typing.get_args(annotation)
    if not inner:
        return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    if typing.get_origin(annotation) is Annotated:
        inner = inner[:1]
    return next((found for part in inner if (found := _model(part))), None)
