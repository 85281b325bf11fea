"""What values a database parameter takes, in the words of RDS: `0,1`, `1-65535`, `off,on`, `10-100,200-300`."""

from __future__ import annotations

import re
from typing import Final

from bdp.errors import BadRequest
from bdp.notify.plain import one_line

_RANGE: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_WHOLE: Final = re.compile(r"-?\d+")
_TRUTHS: Final = frozenset({"0", "1", "on", "off", "true", "false"})


def check_value(name: str, value: str, kind: str, allowed: str) -> None:
    """Check a value before it is sent.

    Args:
        kind: `integer`, `float`, `boolean`, `string`, `list` and so on; empty: unknown.
        allowed: values and ranges, split by commas; empty: anything of the kind.

    Raises:
        BadRequest: RDS would refuse it.
    """
    if not _fits_kind(value, kind):
        raise BadRequest(f"{name} is of type {kind}, {one_line(value, 100)!r} is not.", "Mend the parameters.")
    if not allowed:
        return
    parts = [part.strip() for part in allowed.split(",")]
    values = [one.strip() for one in value.split(",")] if kind == "list" else [value]
    wrong = next((one for one in values if not any(_fits(one, part) for part in parts)), None)
    if wrong is not None:
        raise BadRequest(
            f"{name} takes {one_line(allowed, 200)}, not {one_line(wrong, 100)!r}.", "Mend the parameters."
        )


def _fits_kind(value: str, kind: str) -> bool:
    if kind in {"integer", "int"}:
        return bool(_WHOLE.fullmatch(value))
    if kind in {"float", "real"}:
        return bool(_NUMBER.fullmatch(value))
    return kind != "boolean" or value.lower() in _TRUTHS


def _fits(value: str, part: str) -> bool:
    span = _RANGE.fullmatch(part)
    if span and _NUMBER.fullmatch(value):
        return float(span[1]) <= float(value) <= float(span[2])
    return value == part
