"""Playbooks: what is known of one mechanism of failure, as data. A file is markdown with TOML front matter (`+++`).

A sign is a phrase, not a regular expression: words that must follow one another in a message or an error code, whatever
separates them, so `connection refused` also finds `ConnectionRefused` and `connection_refused`. ` * ` stands for
anything between; a `*` at an end lets the word go on there (`timeout*`). Signs become RE2 patterns that only the store
runs; RE2 takes linear time whatever the text.
"""

from __future__ import annotations

import re
import tomllib
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


class Playbook(_Part):
    """One mechanism.

    Attributes:
        mechanism: sentence part that follows "… is the likely cause: ".
        signs: phrases in messages and error codes.
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
    signs: tuple[Sign, ...] = Field(min_length=1, max_length=100)
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
