"""Playbooks: what is known of one mechanism of failure, as data. A file is markdown with TOML front matter (`+++`).

A sign is a phrase, not a regular expression: words that must follow one another in a message or an error code, whatever
separates them, so `connection refused` also finds `ConnectionRefused` and `connection_refused`. ` * ` stands for
anything between; a `*` at an end lets the word go on there (`timeout*`). Signs become RE2 patterns that only the store
runs; RE2 takes linear time whatever the text.

Texts for people come in English and, in fields with `_ko`, in Korean; where a Korean one is empty English is shown. The
body is Korean after the heading `## 한국어`.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from bdp.errors import BadSetting
from bdp.explain.costs.connection import levers
from bdp.explain.misfit import not_known, not_readable, not_valid
from bdp.model.analysis import ActionType, ConditionKind, Remedy
from bdp.sql import literal

SHIPPED = Path(__file__).parent / "playbooks"
_BETWEEN = "[^a-z0-9]*"

HOLE = re.compile(r"\{([a-z_]+)\}")
HOLES = frozenset(
    {
        *("service", "start_time", "event_count", "change_ref", "change_service"),
        *("top_address", "top_addresses", "top_addresses_text"),
        *("metrics", "metrics_text"),
        *("account", "first_day", "cost_text", "cost_query"),
    }
)
"""Values of an incident that texts of actions may name in braces."""

SIGNAL_NAMES = frozenset(
    {
        *("surge", "concentrated_source", "many_users", "aftermath", "change_before_onset", "maintenance"),
        *("work_fell", "no_change", "fails_downstream", "fails_here", "many_services", "one_host", "one_peer"),
        "one_record",
    }
)
"""Structural signals that a playbook may name; `signals.py` says when each is there."""

COST_SIGNS = frozenset(
    {
        *(f"{how}_{what}" for how in ("new", "one") for what in ("resource", "usage_type", "region", "tag")),
        *("same_usage_type", "new_account", "account_fell", "account_rose_too", "service_fell", "service_rose_too"),
        *("steady_all_accounts", "steady_all_services", "effective_steady", "commitment_ended"),
        *(f"category_{one}" for one in ("purchase", "credit", "tax", "adjustment")),
        *(f"change{one}" for one in ("", *(f"_{lever.name}" for lever in levers()))),
    }
)
"""What a bill may show; `evidence/cost_*.py` say when each is there."""

_KOREAN_BODY = re.compile(r"^## 한국어\s*$", re.MULTILINE)

Sign = Annotated[str, StringConstraints(pattern=r"^\*?[a-z0-9]+(?:(?: | \* )[a-z0-9]+)*\*?$", max_length=200)]
Weight = Annotated[float, Field(gt=0, le=0.5)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Requirement(_Part):
    """What must be true right before an action, asked of the store; see `bdp.model.analysis.ConditionKind`."""

    kind: ConditionKind
    parameters: dict[str, str | int | float] = {}


class PlaybookAction(_Part):
    """What to do. `{service}` and the like in texts stand for values of the incident; see `proposals.py`.

    Attributes:
        requires: what code asks of the store before the action; the playbook's `needs` are for people.
    """

    type: ActionType
    description: str = Field(min_length=1)
    description_ko: str = ""
    parameters: dict[str, Any] = {}
    priority: int = Field(default=1, ge=1)
    requires: tuple[Requirement, ...] = Field(default=(), max_length=10)
    estimated_impact: str = ""
    estimated_impact_ko: str = ""
    rollback: str = ""
    rollback_ko: str = ""

    @model_validator(mode="after")
    def _holes_are_known(self) -> Self:
        given = [self.parameters, *(requirement.parameters for requirement in self.requires)]
        texts = [getattr(self, key) for key in self.texts()]
        texts += [str(value) for parameters in given for value in parameters.values()]
        unknown = {hole for text in texts for hole in HOLE.findall(text)} - HOLES
        if unknown:
            named = ", ".join(f"{{{hole}}}" for hole in sorted(unknown))
            raise ValueError(f"{named} is not a value of an incident; these are: {', '.join(sorted(HOLES))}")
        return self

    @classmethod
    def texts(cls) -> tuple[str, ...]:
        """Return the fields that people read, in English and Korean."""
        return tuple(f"{key}{end}" for key in ("description", "estimated_impact", "rollback") for end in ("", "_ko"))


class Aftermath(_Part):
    """Normal events that show how the failures ended, such as a log-in from an address that had failed."""

    field: Literal["client_ip", "user_id", "trace_id"]
    signs: tuple[Sign, ...] = Field(min_length=1)
    least_failures: int = Field(default=5, ge=1)
    happened: str = Field(min_length=1)
    happened_ko: str = ""
    absent: str = Field(min_length=1)
    absent_ko: str = ""


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


class CostSign(_Part):
    """What a bill shows where the mechanism is at work.

    Attributes:
        shows: what it shows, one of these.
        names: phrases in the name of the part that shows it, in the form of signs; empty: any name.
        billed: phrases in the name of what is billed or of the usage types that rose; empty: anything.
        weight: what it adds to the score, or takes from it where it speaks `against` the mechanism.
        carries, confirms: as of metrics.
    """

    shows: tuple[str, ...] = Field(min_length=1)
    names: tuple[Sign, ...] = ()
    billed: tuple[Sign, ...] = ()
    weight: float = Field(gt=0, le=0.8)
    carries: bool = True
    confirms: bool = False
    against: bool = False

    @field_validator("shows")
    @classmethod
    def _are_known(cls, shows: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := not_known(shows, COST_SIGNS):
            raise ValueError(unknown)
        return shows


class Playbook(_Part):
    """One mechanism.

    Attributes:
        mechanism: sentence part that follows "… is the likely cause: ".
        signs: phrases in messages and error codes.
        metrics: what metrics of the entity do; the preconditions of incidents of metrics.
        costs: what bills show; the preconditions of incidents of costs.
        entities: phrases, one of which the name of a metric of the entity must show for `metrics` to count.
        supports: structural signals that speak for it, with what each adds to the score; see `signals.py`.
        refutes: signals that speak against it, with what each takes away.
        confirms: those of `supports` that make a cause CONFIRMED rather than LIKELY.
        yields_to: playbooks that say more of the same events; this one steps back for them.
        caused_by_change: a change of the service can bring it about.
        by_change_alone: a change right before the onset makes it a hypothesis even where no event shows a sign.
        needs: preconditions for acting, for people and for the gate, in words.
        remedy: what helps where a change is to blame; `remedy_alone` where none is.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,60}$")
    title: str = Field(min_length=1)
    title_ko: str = ""
    mechanism: str = Field(min_length=1)
    mechanism_ko: str = ""
    signs: tuple[Sign, ...] = Field(default=(), max_length=100)
    metrics: tuple[MetricSign, ...] = Field(default=(), max_length=20)
    costs: tuple[CostSign, ...] = Field(default=(), max_length=20)
    entities: tuple[Sign, ...] = ()
    supports: dict[str, Weight] = {}
    refutes: dict[str, Weight] = {}
    confirms: tuple[str, ...] = ()
    yields_to: tuple[str, ...] = ()
    caused_by_change: bool = True
    by_change_alone: bool = False
    remedy: Remedy | None = None
    remedy_alone: Remedy | None = None
    needs: tuple[str, ...] = ()
    needs_ko: tuple[str, ...] = ()
    would_confirm: tuple[str, ...] = ()
    would_confirm_ko: tuple[str, ...] = ()
    would_refute: tuple[str, ...] = ()
    would_refute_ko: tuple[str, ...] = ()
    aftermath: Aftermath | None = None
    actions: tuple[PlaybookAction, ...] = Field(min_length=1)
    body: str = ""
    body_ko: str = ""

    @field_validator("supports", "refutes")
    @classmethod
    def _signals_are_known(cls, weights: dict[str, float]) -> dict[str, float]:
        if unknown := not_known(weights, SIGNAL_NAMES):
            raise ValueError(unknown)
        return weights

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if unknown := not_known(self.confirms, self.supports):
            raise ValueError(f"confirms: {unknown}, for what confirms must be among supports")
        for key in ("needs", "would_confirm", "would_refute"):
            ours, korean = getattr(self, key), getattr(self, f"{key}_ko")
            if korean and len(korean) != len(ours):
                raise ValueError(f"{key}_ko has {len(korean)} lines and {key} has {len(ours)}; give one for each")
        return self

    @model_validator(mode="after")
    def _shows_somehow(self) -> Self:
        carry = any(sign.carries for sign in self.metrics) or any(sign.carries for sign in self.costs)
        if not self.signs and not carry:
            raise ValueError("give signs, or metrics or costs that carry")
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
        BadSetting: the folder is missing, or a playbook does not fit the form; the text says which and where.
    """
    if own is not None and not own.is_dir():
        raise BadSetting(
            f"The folder of playbooks {own} does not exist.", "Set explain.playbooks to a folder or leave it out."
        )
    found = _shipped() | (_folder(own) if own else {})
    for path, playbook in found.values():
        if unknown := not_known(playbook.yields_to, found.keys() - {playbook.name}):
            raise BadSetting(f"Playbook {path}: yields_to: {unknown}.", "Take the names of other playbooks.")
    return tuple(found[key][1] for key in sorted(found))


@cache
def _shipped() -> dict[str, tuple[Path, Playbook]]:
    """Read once: they are a part of the program, and each part of the product that explains asks for them."""
    return _folder(SHIPPED)


def _folder(folder: Path) -> dict[str, tuple[Path, Playbook]]:
    found: dict[str, tuple[Path, Playbook]] = {}
    for path in sorted(folder.glob("*.md")):
        playbook = read_playbook(path)
        if playbook.name in found:
            other = found[playbook.name][0].name
            raise BadSetting(f"Playbook {path}: name: {other} has {playbook.name} too.", "Give each a name of its own.")
        found[playbook.name] = path, playbook
    return found


def read_playbook(path: Path) -> Playbook:
    """Return one playbook from its file.

    Raises:
        BadSetting: it does not fit the form; the text says where, and what to do.
    """
    try:
        # A line of +++ is the first of the file; with an empty line in its place TOML counts lines as the file does.
        empty, front, body = re.split(r"^\+\+\+[ \t]*$\n?", path.read_text("utf-8-sig"), maxsplit=2, flags=re.MULTILINE)
        if empty.strip():
            raise ValueError("something stands before the first +++")
        texts = (text.strip() for text in _KOREAN_BODY.split(body, maxsplit=1))
        return Playbook.model_validate(
            {**tomllib.loads(f"\n{front}"), **dict(zip(("body", "body_ko"), texts, strict=False))}
        )
    except ValidationError as error:
        raise not_valid(path, error, _FIELDS) from error
    except (ValueError, OSError) as error:
        raise not_readable(path, error) from error


_FIELDS = {
    "": Playbook.model_fields,
    "actions": PlaybookAction.model_fields,
    "metrics": MetricSign.model_fields,
    "costs": CostSign.model_fields,
    "aftermath": Aftermath.model_fields,
}
"""Names of fields by the table that they stand in."""


def _edges(sign: str) -> tuple[str, str]:
    return "" if sign.startswith("*") else "(?:^|[^a-z])", "" if sign.endswith("*") else "(?:$|[^a-z])"


def _words(sign: str) -> str:
    return ".*".join(_BETWEEN.join(gap.split()) for gap in sign.strip("*").split(" * "))
