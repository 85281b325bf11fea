"""Policy: what may be done, as data. What no rule names is denied.

A rule that denies and fits always wins, wherever it stands. Else the first rule that fits decides. Files are read in
the order of their names and taken together.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bdp.decide.document import BadDocument, Document, read_document
from bdp.decide.faults import faults
from bdp.decide.globs import Glob, fits, pattern_of, several
from bdp.decide.maintenance import Window
from bdp.decide.rule import Name, Rule, Sieve
from bdp.model.analysis import ActionType
from bdp.model.noun import Noun
from bdp.notify.plain import one_line

SHIPPED = Path(__file__).with_name("shipped.yaml")
_MOST_RULES = 1000
_MOST_OTHERS = 500
_VERSION_DIGITS = 12
_MOVED = (
    "rules: they stand in YAML files now, in the folder that policy.folder names; `bdp policy init` writes the shipped "
    "ones there to edit, and docs/guides/policy.md shows an old rule next to its new form"
)


class PolicySettings(BaseModel):
    """Where the policy is. What it may say stands in the guide to policies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Field(
        default=Path("policy"),
        description="folder of YAML files, in the home unless absolute; missing or empty: the policy that BDP ships",
    )

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and "rules" in given:
            raise ValueError(_MOVED)
        return given


class _Content(Noun):
    """What the files say together, or one of them."""

    environments: Annotated[dict[Name, tuple[Glob, ...]], Field(max_length=_MOST_OTHERS)] = {}
    default_environment: Name | None = None
    maintenance: Annotated[tuple[Window, ...], Field(max_length=_MOST_OTHERS)] = ()
    rules: Annotated[tuple[Rule, ...], Field(max_length=_MOST_RULES)] = ()

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, given: Any) -> Any:
        named = given.get("environments") if isinstance(given, dict) else None
        if isinstance(named, dict):
            return given | {"environments": {name: several(globs) for name, globs in named.items()}}
        return given


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a policy.

    Attributes:
        file: name of the file; empty where it is about the folder.
        line: from 1; 0 where no line is to blame.
        place: such as `rules.2.hours.0.to`; empty where the whole file is meant.
    """

    file: str
    what: str
    line: int = 0
    place: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.place, self.what) if part)


DEFAULT_ENVIRONMENT = "production"


@dataclass(frozen=True)
class Policy:
    """Rules that hold together, ready to be asked (`bdp.decide.inspect`).

    Attributes:
        source: `shipped`, or the folder that it comes from.
        version: first 12 hex digits of SHA-256 over its content, whatever the files are called or remark.
        environments: globs on resources and services, by name.
        default_environment: of what no environment names.
        problems: why it cannot be used; then nothing that changes a system is allowed.
        texts: the files, by name.
    """

    source: str
    version: str
    environments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    default_environment: str = DEFAULT_ENVIRONMENT
    maintenance: tuple[Window, ...] = ()
    rules: tuple[Rule, ...] = ()
    problems: tuple[Problem, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def broken(self) -> bool:
        """True when it cannot be used."""
        return bool(self.problems)

    @cached_property
    def longest_window(self) -> timedelta:
        """How far back the permits must go that it is asked with."""
        return timedelta(seconds=max((limit.per_seconds for rule in self.rules for limit in rule.rates), default=0))

    @cached_property
    def denying(self) -> Mapping[ActionType, tuple[Sieve, ...]]:
        """Rules that forbid, by what they are for."""
        return self._sieves(denies=True)

    @cached_property
    def granting(self) -> Mapping[ActionType, tuple[Sieve, ...]]:
        """Rules that allow or ask, by what they are for, in order."""
        return self._sieves(denies=False)

    def _sieves(self, *, denies: bool) -> Mapping[ActionType, tuple[Sieve, ...]]:
        sieves = [rule.sieve for rule in self.rules if rule.denies is denies]
        return {kind: tuple(sieve for sieve in sieves if kind in sieve.types) for kind in ActionType}

    @cached_property
    def _places(self) -> tuple[tuple[str, re.Pattern[str] | None], ...]:
        return tuple((name, pattern_of(globs, any_case=True)) for name, globs in self.environments.items() if globs)

    def environment_of(self, resource: str, service: str) -> str:
        """Return the environment that something is in: what is touched says it, else whose incident it is."""
        for name in filter(None, (resource, service)):
            for environment, pattern in self._places:
                if fits(pattern, name):
                    return environment
        return self.default_environment


def policy_of(texts: Mapping[str, bytes], source: str) -> Policy:
    """Return the policy that files say together; never raises, whatever they hold: see `Policy.problems`.

    Args:
        texts: content by file name; taken in the order of their names.
    """
    parts, problems = [], []
    for name in sorted(texts):
        try:
            document = read_document(texts[name])
        except BadDocument as error:
            problems.append(Problem(name, str(error), error.line))
            continue
        try:
            parts.append((name, document, _Content.model_validate({} if document.value is None else document.value)))
        except ValidationError as error:
            problems += (
                Problem(name, fault.what, document.line(fault.place), ".".join(map(str, fault.place)))
                for fault in faults(error, _Content)
            )
    shown = {name: texts[name].decode("utf-8", "replace") for name in sorted(texts)}
    problems += _together(parts)
    problems.sort(key=lambda problem: (problem.file, problem.line))
    if problems:
        return broken(problems, source, shown)
    return _joined([content for _, _, content in parts], source, shown)


def broken(problems: list[Problem], source: str, texts: Mapping[str, str] | None = None) -> Policy:
    """Return a policy that cannot be used."""
    told = tuple(Problem(one.file, one_line(one.what, 300), one.line, one_line(one.place, 200)) for one in problems)
    return Policy(source=source, version=_hash(list(map(str, told))), problems=told, texts=texts or {})


def shipped() -> Policy:
    """Return the policy that BDP ships."""
    return policy_of({SHIPPED.name: SHIPPED.read_bytes()}, "shipped")


Parts = list[tuple[str, Document, _Content]]


def _together(parts: Parts) -> Iterator[Problem]:
    """Find what is wrong between the rules, wherever they stand."""
    known = {name for _, _, content in parts for name in content.environments}
    known |= {content.default_environment or DEFAULT_ENVIRONMENT for _, _, content in parts}
    seen: dict[tuple[str, str], str] = {}
    for file, document, content in parts:
        for kind, name, place in _names(content):
            if other := seen.get((kind, name)):
                what = f"{kind} {name!r} is there already, in {other}"
                yield Problem(file, what, document.line(place), ".".join(map(str, place)))
            seen.setdefault((kind, name), file)
        for number, rule in enumerate(content.rules):
            place = ("rules", number, "environments")
            for name in rule.environments:
                if name not in known:
                    what = f"nobody defines the environment {name!r}; known: {', '.join(sorted(known))}"
                    yield Problem(file, what, document.line(place), ".".join(map(str, place)))
    if sum(len(content.rules) for _, _, content in parts) > _MOST_RULES:
        yield Problem("", f"more than {_MOST_RULES:,} rules")


def _names(content: _Content) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
    """Yield kind, name and place of what may be there once only."""
    yield from (("the environment", name, ("environments", name)) for name in content.environments)
    yield from (("the window", found.name, ("maintenance", n, "name")) for n, found in enumerate(content.maintenance))
    yield from (("the rule", rule.name, ("rules", number, "name")) for number, rule in enumerate(content.rules))
    if content.default_environment is not None:
        yield "the key", "default_environment", ("default_environment",)


def _joined(contents: list[_Content], source: str, texts: Mapping[str, str]) -> Policy:
    whole = _Content(
        environments={name: globs for content in contents for name, globs in content.environments.items()},
        default_environment=next((c.default_environment for c in contents if c.default_environment), None),
        maintenance=tuple(window for content in contents for window in content.maintenance),
        rules=tuple(rule for content in contents for rule in content.rules),
    )
    said = whole.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    # A table's order counts here: the first environment that fits is taken.
    said["environments"] = list(said.get("environments", {}).items())
    return Policy(
        source=source,
        version=_hash(said),
        environments=whole.environments,
        default_environment=whole.default_environment or DEFAULT_ENVIRONMENT,
        maintenance=whole.maintenance,
        rules=whole.rules,
        texts=texts,
    )


def _hash(content: Any) -> str:
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_VERSION_DIGITS]
