"""Playbooks: what is known of one mechanism of failure, as data. A file is markdown with TOML front matter (`+++`).

A sign is a phrase, not a regular expression: words that must follow one another in a message or an error code, whatever
separates them, so `connection refused` also finds `ConnectionRefused` and `connection_refused`. ` * ` stands for
anything between; a `*` at an end lets the word go on there (`timeout*`). Signs become RE2 patterns that only the store
runs; RE2 takes linear time whatever the text.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from bdp.errors import BadSetting
from bdp.model.analysis import ActionType
from bdp.sql import literal

SHIPPED = Path(__file__).parent / "playbooks"
_BETWEEN = "[^a-z0-9]*"

HOLE = re.compile(r"\{([a-z_]+)\}")
HOLES = frozenset(
    {
        *("service", "start_time", "event_count", "change_ref", "change_service"),
        *("top_address", "top_addresses", "top_addresses_text"),
        *("metrics", "metrics_text"),
    }
)
"""Values of an incident that texts of actions may name in braces."""

Sign = Annotated[str, StringConstraints(pattern=r"^\*?[a-z0-9]+(?:(?: | \* )[a-z0-9]+)*\*?$", max_length=200)]
Weight = Annotated[float, Field(gt=0, le=0.5)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlaybookAction(_Part):
    """What to do. `{service}` and the like in texts stand for values of the incident; see `proposals.py`."""

    type: ActionType
    description: str = Field(min_length=1)
    parameters: dict[str, Any] = {}
    priority: int = Field(default=1, ge=1)
    estimated_impact: str = ""
    rollback: str = ""

    @model_validator(mode="after")
    def _holes_are_known(self) -> Self:
        texts = [self.description, self.estimated_impact, self.rollback, *map(str, self.parameters.values())]
        unknown = {hole for text in texts for hole in HOLE.findall(text)} - HOLES
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} is not a value of an incident")
        return self


class Aftermath(_Part):
    """Normal events that show how the failures ended, such as a log-in from an address that had failed."""

    field: str = Field(pattern=r"^(client_ip|user_id|trace_id)$")
    signs: tuple[Sign, ...] = Field(min_length=1)
    least_failures: int = Field(default=5, ge=1)
    happened: str = Field(min_length=1)
    absent: str = Field(min_length=1)


class MetricSign(_Part):
    """What a metric does where the mechanism is at work, beyond leaving its usual range.

    Attributes:
        names: phrases in the metric's name, in the form of signs.
        rises: least multiple of its usual level; of one that is usually 0 any rise does.
        falls: largest share of its usual level.
        least: least value, in its own unit; `least_percent`: for shares of 1 or of 100.
        weight: what it adds to the score.
        carries: it shows the mechanism; one that does not only goes with it.
        confirms: with another that carries, it makes a cause CONFIRMED rather than LIKELY.
    """

    names: tuple[Sign, ...] = Field(min_length=1)
    rises: float | None = Field(default=None, ge=1)
    falls: float | None = Field(default=None, ge=0, lt=1)
    least: float | None = None
    least_percent: float | None = None
    weight: float = Field(gt=0, le=0.7)
    carries: bool = True
    confirms: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.rises is None) == (self.falls is None):
            raise ValueError("give either rises or falls")
        return self


class Playbook(_Part):
    """One mechanism.

    Attributes:
        mechanism: sentence part that follows "… is the likely cause: ".
        signs: phrases in messages and error codes.
        metrics: what metrics of the entity do; the preconditions of incidents of metrics.
        entities: phrases, one of which the name of a metric of the entity must show for `metrics` to count.
        supports: structural signals that speak for it, with what each adds to the score; see `signals.py`.
        refutes: signals that speak against it, with what each takes away.
        confirms: those of `supports` that make a cause CONFIRMED rather than LIKELY.
        yields_to: playbooks that say more of the same events; this one steps back for them.
        caused_by_change: a change of the service can bring it about.
        by_change_alone: a change right before the onset makes it a hypothesis even where no event shows a sign.
        needs: preconditions for acting, for people and for the gate, in words.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,60}$")
    title: str = Field(min_length=1)
    mechanism: str = Field(min_length=1)
    signs: tuple[Sign, ...] = Field(default=(), max_length=100)
    metrics: tuple[MetricSign, ...] = Field(default=(), max_length=20)
    entities: tuple[Sign, ...] = ()
    supports: dict[str, Weight] = {}
    refutes: dict[str, Weight] = {}
    confirms: tuple[str, ...] = ()
    yields_to: tuple[str, ...] = ()
    caused_by_change: bool = True
    by_change_alone: bool = False
    needs: tuple[str, ...] = ()
    would_confirm: tuple[str, ...] = ()
    would_refute: tuple[str, ...] = ()
    aftermath: Aftermath | None = None
    actions: tuple[PlaybookAction, ...] = Field(min_length=1)
    body: str = ""

    @model_validator(mode="after")
    def _shows_somehow(self) -> Self:
        if not self.signs and not any(sign.carries for sign in self.metrics):
            raise ValueError("give signs, or metrics that carry")
        return self

    @property
    def sql(self) -> str:
        """SQL condition that is true for an event whose message or error code shows one of the signs."""
        return signs_sql(self.signs)


def signs_sql(signs: tuple[str, ...]) -> str:
    """Return the SQL condition that is true for an event that shows one of the signs in its first 2,000 characters."""
    groups: dict[tuple[str, str], list[str]] = {}
    for sign in signs:
        groups.setdefault(_edges(sign), []).append(_words(sign))
    pattern = "|".join(f"{start}(?:{'|'.join(some)}){end}" for (start, end), some in groups.items())
    return f"match(lower(concat(error_code, ' ', substringUTF8(message, 1, 2000))), {literal(f'(?s){pattern}')})"


def says(sign: str, text: str) -> bool:
    """Return whether a text shows a sign, for short texts such as the names of metrics; linear in the text."""
    place, plain = 0, text.lower()
    for piece in _pieces(sign):
        found = piece.search(plain, place)
        if found is None:
            return False
        place = found.end()
    return True


@lru_cache(maxsize=4_096)
def _pieces(sign: str) -> tuple[re.Pattern[str], ...]:
    start, end = _edges(sign)
    pieces = [_BETWEEN.join(piece.split()) for piece in sign.strip("*").split(" * ")]
    last = len(pieces) - 1
    return tuple(
        re.compile(f"{start if number == 0 else ''}{piece}{end if number == last else ''}")
        for number, piece in enumerate(pieces)
    )


def load_playbooks(own: Path | None = None) -> tuple[Playbook, ...]:
    """Return the shipped playbooks and those of the folder `own`, by name; an own one replaces a shipped one.

    Raises:
        BadSetting: the folder is missing, or a playbook does not fit the form.
    """
    if own is not None and not own.is_dir():
        raise BadSetting(
            f"The folder of playbooks {own} does not exist.", "Set explain.playbooks to a folder or leave it out."
        )
    found = {}
    for folder in (SHIPPED, own):
        for path in sorted(folder.glob("*.md")) if folder else ():
            playbook = read_playbook(path)
            found[playbook.name] = playbook
    return tuple(found[key] for key in sorted(found))


def read_playbook(path: Path) -> Playbook:
    """Return one playbook from its file.

    Raises:
        BadSetting: it does not fit the form; the text says where.
    """
    try:
        _, front, body = path.read_text("utf-8").split("+++\n", 2)
        return Playbook.model_validate({**tomllib.loads(front), "body": body.strip()})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadSetting(f"Playbook {path.name}: {where}: {first['msg']}.", "See the shipped playbooks.") from error
    except (ValueError, OSError) as error:
        raise BadSetting(f"Playbook {path.name} cannot be read: {error}.", "Begin it with +++, TOML, +++.") from error


def _edges(sign: str) -> tuple[str, str]:
    return "" if sign.startswith("*") else "(?:^|[^a-z])", "" if sign.endswith("*") else "(?:$|[^a-z])"


def _words(sign: str) -> str:
    return ".*".join(_BETWEEN.join(gap.split()) for gap in sign.strip("*").split(" * "))
