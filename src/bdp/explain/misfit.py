"""What is wrong with a playbook, told to whoever wrote it: which file, which field, what to do."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from bdp.errors import BadSetting

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_GUIDE: Final = "docs/guides/playbooks.md has all fields and an example."
_SIGN: Final = (
    "Write lower-case words and digits with one space between: connection refused. A * at an end lets the word go on, "
    "a * between two spaces stands for anything."
)
_OF_SIGNS: Final = frozenset({"signs", "names", "entities"})
_LONGEST: Final = 100
_NAME: Final = "Write lower-case letters, digits and hyphens that begin with a letter, such as slow-disk; at most 61."
_TABLES: Final = frozenset({"actions", "metrics"})
_SHAPES: Final = {
    "string": ("a text", '"…"'),
    "tuple": ("a list", '["…"]'),
    "dict": ("a table", "{ … = … }"),
    "model": ("a table", "{ … = … }"),
    "bool": ("true or false", "true"),
    "int": ("a whole number", "5"),
    "float": ("a number", "0.2"),
}
"""What a field takes by the first word of an error's kind, and how that is written."""
_BOUNDS: Final = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def not_valid(path: Path, error: ValidationError, fields: Mapping[str, Collection[str]]) -> BadSetting:
    """Return the error for a playbook whose head is TOML but does not fit the form.

    Args:
        fields: names of fields by the table they stand in; the head's own under the empty name.
    """
    first, *others = error.errors()
    why, step = _told(first, fields)
    more = f" ({len(others)} more after it)" if others else ""
    return BadSetting(f"Playbook {path}: {_where(first['loc'])}{why}{more}.", step)


def not_readable(path: Path, error: Exception) -> BadSetting:
    """Return the error for a file that is no playbook at all, or whose head is not TOML."""
    if isinstance(error, tomllib.TOMLDecodeError):
        return BadSetting(f"Playbook {path}: the head is not TOML: {error}.", "Mend that line; texts stand in quotes.")
    if isinstance(error, UnicodeDecodeError):
        return BadSetting(f"Playbook {path} is not UTF-8.", "Save it as UTF-8.")
    if isinstance(error, OSError):
        return BadSetting(f"Playbook {path} cannot be read: {error.strerror}.", "See that BDP may read it.")
    return BadSetting(
        f"Playbook {path} has no head between two lines of +++.",
        f"Begin it with +++, TOML, +++; keep other files out of the folder. {_GUIDE}",
    )


def not_known(names: Iterable[str], known: Collection[str]) -> str:
    """Return what to say of names that are not known, with the nearest that is; empty if all are."""
    unknown = next((name for name in names if name not in known), None)
    if unknown is None:
        return ""
    near = get_close_matches(unknown, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known)) or 'none'}"
    return f"{unknown[:_LONGEST]} is not known; {hint}"


def _told(error: ErrorDetails, fields: Mapping[str, Collection[str]]) -> tuple[str, str]:
    """Return what is wrong and what to do."""
    kind, place, given = error["type"], error["loc"], str(error["input"])[:_LONGEST]
    if kind == "extra_forbidden":
        names = fields.get(str(place[0]) if len(place) > 1 else "", ())
        return f"there is no such field; {not_known([str(place[-1])], names).partition('; ')[2]}", _GUIDE
    if kind == "missing":
        return "it is missing", f"Add {place[-1]} = … . {_GUIDE}"
    if kind == "string_pattern_mismatch" and _OF_SIGNS & set(map(str, place)):
        return f"“{given}” is not a sign", _SIGN
    if kind in {"enum", "literal_error"}:
        return f"“{given}” is not known", f"Take one of {error['ctx']['expected']}."
    if kind == "string_pattern_mismatch":
        return f"“{given}” is not a name", _NAME
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ").rstrip("."), _GUIDE
    return _bounded(error) or _shaped(error) or (f"“{given}” does not fit", _GUIDE)


def _bounded(error: ErrorDetails) -> tuple[str, str] | None:
    """Return what is wrong with a number out of its bounds, or with a text or a list that is too short or too long."""
    kind, field, limits = error["type"], _field(error), error.get("ctx", {})
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        given = str(error["input"])[:_LONGEST]
        return f"{given} is out of bounds", f"Write a number that is {words} {limits[key]:g}."
    if kind.endswith("too_short"):
        return "it is empty", f"Give {field} something, or leave the field out where it may be. {_GUIDE}"
    if kind.endswith("too_long"):
        return "it is too long", f"Give at most {limits['max_length']}."
    return None


def _shaped(error: ErrorDetails) -> tuple[str, str] | None:
    """Return what is wrong with a value of another kind than the field takes."""
    shape = _SHAPES.get(error["type"].partition("_")[0])
    if shape is None:
        return None
    field, (what, written) = _field(error), shape
    given = str(error["input"])[:_LONGEST]
    if field in _TABLES:
        return f"“{given}” is not a list of tables", f"Write a table [[{field}]] for each. {_GUIDE}"
    return f"“{given}” is not {what}", f"Write {field} = {written}. {_GUIDE}"


def _field(error: ErrorDetails) -> str:
    """Return the name of the field that an error is about, without the number in a list."""
    return next((part for part in reversed(error["loc"]) if isinstance(part, str) and part != "[key]"), "it")


def _where(place: tuple[int | str, ...]) -> str:
    """Return the way to a field, counted from 1: `actions #2 type: `."""
    words = [f"#{part + 1}" if isinstance(part, int) else part for part in place if part != "[key]"]
    return f"{' '.join(words)}: " if words else ""
