"""Options that several verbs share, and how they are read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from bdp.errors import BadRequest, NotFound
from bdp.model.noun import Language

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="folder of this installation (default: BDP_HOME, else the user's data folder)"),
]
_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
KoreanOption = Annotated[bool, typer.Option("--ko", help="in Korean")]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object instead of text for people")]


def language_of(korean: bool) -> Language:
    """Return the language that was asked for."""
    return "ko" if korean else "en"


def existing(home: Path | None) -> Path | None:
    """Return a home that is only to be read.

    Raises:
        NotFound: the folder that was named is not there; opening it would make an empty home of a misspelt name.
    """
    if home is not None and not home.expanduser().is_dir():
        raise NotFound(
            f"There is no home {home}.",
            f"See whether the name is right; 'bdp ingest FILE --home {home}' or 'bdp serve --home {home}' makes one.",
        )
    return home


def instant(text: str) -> str:
    """Return a time as the API takes it; without a zone it is UTC.

    Raises:
        BadRequest: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{text!r} is not a time.", "Write it as 2026-05-01T12:00:00Z, or 2026-05-01.") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def ago(text: str, now: datetime) -> str:
    """Return a time as the API takes it, from one or from how long ago (`2h`, `3d`).

    Raises:
        BadRequest: it is neither.
    """
    try:
        if found := _AGO.fullmatch(text):
            return (now - timedelta(**{_UNITS[found[2]]: int(found[1])})).isoformat()
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise BadRequest(f"{text!r} is not a time.", "Write 2h, 3d, 2026-05-01T12:00:00Z or 2026-05-01.") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def check_plot(plot: Path | None) -> None:
    """See before the work whether a drawing can be written.

    Raises:
        BadRequest: it cannot.
    """
    if plot is None:
        return
    if plot.suffix.lower() != ".svg":
        raise BadRequest(
            f"Drawings are SVG; {plot.suffix or 'a name without an ending'} cannot be written.",
            f"Name it {plot.with_suffix('.svg').name}: every browser shows it, and can print it.",
        )
    if not plot.parent.is_dir():
        raise BadRequest(f"There is no folder {plot.parent}.", "Make it, or name another file.")
