"""Globs: names with `*`, `?` and `[…]`, compiled once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

MOST = 100
LONGEST = 200


def several(value: Any) -> Any:
    """Return a list: in a policy one value may stand without its brackets."""
    return value if isinstance(value, (list, tuple)) else (value,)


def _readable(glob: str) -> str:
    re.compile(translate(glob))
    return glob


Glob = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_readable)]
Globs = Annotated[tuple[Glob, ...], Field(min_length=1, max_length=MOST), BeforeValidator(several)]
ANY: tuple[str, ...] = ("*",)


def pattern_of(globs: Sequence[str], *, any_case: bool = False) -> re.Pattern[str] | None:
    """Return what a name must match to fit one of the globs; None where every name does.

    Args:
        any_case: take upper and lower case for the same. For what forbids: some systems take `Orders` for `orders`.
    """
    if "*" in globs:
        return None
    return re.compile("|".join(translate(glob) for glob in globs), re.IGNORECASE if any_case else 0)


def fits(pattern: re.Pattern[str] | None, name: str) -> bool:
    """Return whether a name matches."""
    return pattern is None or pattern.match(name) is not None
