"""What connects a change with a rise in cost: it names what costs more, or alters what the bill is counted by.

Nothing is understood beyond words: that a change is connected says that it may have brought the rise about, not that
it did.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from bdp.explain.bilingual import Bilingual, together
from bdp.explain.changes.diff import Hunk, hunks, is_config
from bdp.explain.changes.setting import Setting, settings
from bdp.explain.sentences import say
from bdp.explain.wording import clean, name
from bdp.model.cost_result import CostKey, Driver
from bdp.ports import Row

WELL: Final = 2
"""From this strength on a change may be blamed."""
_NAMES_PART: Final = 3
_ALTERS: Final = 2
_NAMES_REGION: Final = 2
_NAMES_BILLED: Final = 1
_LEAST_NAME: Final = 4
_LARGE: Final = 0.2
_LONGEST: Final = 20_000
_TABLE: Final = Path(__file__).with_name("levers.toml")
_VENDOR: Final = re.compile(r"^(?:amazon|aws|azure|google|cloud)\s*")
_GENERIC: Final = frozenset({"service", "services", "cloud", "support", "data", "usage", "other", "tax"})
_FAMILY: Final = re.compile(r"[a-z]{1,3}\d[a-z]{0,4}\.(?:\d{0,2}x?large|metal|medium|small|micro|nano)")


class Lever(BaseModel):
    """One row of `levers.toml`; see there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    title_ko: str
    says: re.Pattern[str]
    not_says: re.Pattern[str] | None = None
    billed: re.Pattern[str]
    way: Literal["up", "down", ""] = ""

    def pulled(self, after: str, altered: Sequence[Setting]) -> bool:
        """Return whether a change that speaks of it moves it in a way that can cost more.

        Args:
            after: what the change says of itself, and its new lines.
        """
        if self.not_says and self.not_says.search(after):
            return False
        mine = [one for one in altered if self.says.search("_".join(one.words)) or self.says.search(one.line.lower())]
        ways = [one for one in mine if one.raised or one.lowered]
        return not self.way or not ways or any(one.raised if self.way == "up" else one.lowered for one in ways)


@dataclass(frozen=True)
class Tie:
    """How a change is connected with a rise.

    Attributes:
        strength: up from 1; from `WELL` on it may be blamed.
        why: what speaks for it, one sentence or more.
        levers: names of what it alters.
    """

    strength: int
    why: Bilingual
    levers: tuple[str, ...] = ()


def connection(row: Row, key: CostKey, drivers: Sequence[Driver]) -> Tie | None:
    """Return what connects a change with a rise; None where nothing does.

    Args:
        row: of `changes`: service, ref, summary, diff.
        drivers: what the rise is made of.
    """
    service = str(row["service"]).lower()
    found = hunks(str(row["diff"])[:_LONGEST])
    text = _text(row, found)
    rose = [one for one in drivers if one.share >= _LARGE]
    ties = [*_parts(text, service, rose), *_levers(text, _after(row, found), found, key, rose)]
    if _is_named(key, text, service):
        ties.append(Tie(_NAMES_BILLED, say("tie_billed", billed=name(key.service_name))))
    if not ties:
        return None
    whys = list(dict.fromkeys(tie.why for tie in ties))[:3]
    return Tie(sum(tie.strength for tie in ties), together(whys), tuple(one for tie in ties for one in tie.levers))


def _parts(text: str, service: str, rose: Sequence[Driver]) -> Iterator[Tie]:
    """Yield ties by the names of what costs more."""
    for one in rose:
        value = one.name.lower()
        if one.dimension == "resource" and _holds(text, re.split(r"[:/]", value)[-1]):
            yield Tie(_NAMES_PART, say("tie_resource", resource=name(one.name)))
        elif one.dimension == "tag" and service and value.partition("=")[2] == service:
            yield Tie(_NAMES_PART, say("tie_tag", tag=name(one.name)))
        elif one.dimension == "region" and _holds(text, value):
            yield Tie(_NAMES_REGION, say("tie_region", region=name(one.name)))
        elif one.dimension == "usage type" and (kind := _FAMILY.search(value)) and _holds(text, kind[0]):
            yield Tie(_NAMES_PART, say("tie_kind", kind=name(kind[0])))


def _levers(text: str, after: str, found: Sequence[Hunk], key: CostKey, rose: Sequence[Driver]) -> Iterator[Tie]:
    """Yield ties by what the change alters, the first that fits what is billed."""
    meters = [one.name for one in rose if one.dimension == "usage type"]
    billed = " ".join([key.service_name, *meters]).lower()
    altered: list[Setting] | None = None
    for lever in levers():
        if not lever.billed.search(billed) or not lever.says.search(text):
            continue
        altered = _altered(found) if altered is None else altered
        if lever.pulled(after, altered):
            yield Tie(_ALTERS, Bilingual(f"{_begun(lever.title)}.", f"{lever.title_ko}."), (lever.name,))
            return


@lru_cache(maxsize=1)
def levers() -> tuple[Lever, ...]:
    """Return what changes can do to a bill."""
    return tuple(Lever.model_validate(row) for row in tomllib.loads(_TABLE.read_text("utf-8"))["lever"])


def _altered(found: Sequence[Hunk]) -> list[Setting]:
    return [one for hunk in found for one in settings(hunk.removed, hunk.added, plain=is_config(hunk.file))]


def _after(row: Row, found: Sequence[Hunk]) -> str:
    """Return what a change says of itself and the lines that are new, lower case."""
    lines = [line for hunk in found for line in hunk.added]
    return clean(" ".join([str(row["summary"]), *lines])[:_LONGEST]).lower()


def _text(row: Row, found: Sequence[Hunk]) -> str:
    """Return what a change says of itself and the lines it altered, lower case."""
    lines = [line for hunk in found for line in (hunk.file, *hunk.added, *hunk.removed)]
    return clean(" ".join([str(row["ref"]), str(row["summary"]), *lines])[:_LONGEST]).lower()


def _is_named(key: CostKey, text: str, service: str) -> bool:
    """Return whether a change names what is billed, as people call it: `ec2` for AmazonEC2."""
    whole = key.service_name.lower()
    short = _VENDOR.sub("", whole)
    names = {whole, short, *re.findall(r"[a-z0-9]{3,}", short)} - _GENERIC - {""}
    return any(one == service or _holds(text, one, least=2) for one in names)


def _holds(text: str, wanted: str, least: int = _LEAST_NAME) -> bool:
    """Return whether a text has a name as a word of its own."""
    if len(wanted) < least:
        return False
    return re.search(rf"(?<![a-z0-9]){re.escape(wanted)}(?![a-z0-9])", text) is not None


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]
