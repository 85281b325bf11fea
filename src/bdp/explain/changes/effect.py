"""What a change does, as effects: found in its diff by `effects.toml`, so that a cause can ask whether it fits.

    - if resp.Result == nil {        guard_removed: no longer checks whether a value is there
    -     return ""

Nothing is understood here beyond words and structure: an effect says what a change may do, never that it is to blame.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bdp.explain.changes.diff import Hunk, hunks, is_code, is_config, is_dependencies
from bdp.explain.changes.setting import Setting, settings, words_of
from bdp.explain.changes.shape import SHAPES, depth_of

_TABLE: Final = Path(__file__).with_name("effects.toml")
_MOST_SHOWN = 3
_WORDS_ABOVE = 3
_LONGEST_SHOWN = 160


class SettingRule(BaseModel):
    """Which altered settings show an effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    way: Literal["up", "down", "any", "other"]
    kinds: frozenset[str]
    words: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()
    to: re.Pattern[str] | None = None

    def fits(self, one: Setting) -> bool:
        """Return whether a setting is of this rule."""
        words = {*one.words, *(word.removesuffix("s") for word in one.words)}
        named = (not self.words or bool(self.words & words)) and not self.but & set(one.words)
        ways = {"up": one.raised, "down": one.lowered, "any": True, "other": one.old.text != one.new.text}
        return (
            named
            and one.new.kind in self.kinds
            and ways[self.way]
            and (not self.to or bool(self.to.search(one.new.text)))
        )


class EffectRule(BaseModel):
    """One row of `effects.toml`; see there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    title_ko: str
    weight: float = Field(gt=0, le=1)
    setting: SettingRule | None = None
    removed: re.Pattern[str] | None = None
    added: re.Pattern[str] | None = None
    either: re.Pattern[str] | None = None
    around: bool = False
    unless: re.Pattern[str] | None = None
    but: re.Pattern[str] | None = None
    shape: str = ""

    @field_validator("shape")
    @classmethod
    def _known(cls, name: str) -> str:
        if name and name not in SHAPES:
            msg = f"no such shape: {name}"
            raise ValueError(msg)
        return name


@dataclass(frozen=True)
class Effect:
    """One thing that a change does.

    Attributes:
        kind: its name in `effects.toml`.
        weight: how sure the diff shows it, 0 to 1.
        lines: of the diff that show it, at most 3. Untrusted text.
        files: in which it does so.
        setting: the altered setting, where it is one.
    """

    kind: str
    title: str
    title_ko: str
    weight: float
    lines: tuple[str, ...]
    files: tuple[str, ...]
    setting: Setting | None = None


@lru_cache(maxsize=1)
def rules() -> tuple[EffectRule, ...]:
    """Return the table."""
    return tuple(EffectRule.model_validate(row) for row in tomllib.loads(_TABLE.read_text("utf-8"))["effect"])


def effects(diff: str) -> list[Effect]:
    """Return what a diff does, the surest first; empty where it shows nothing that can matter at run time."""
    found = hunks(diff)
    code = [hunk for hunk in found if is_code(hunk.file) and not is_dependencies(hunk.file)]
    libraries = [hunk for hunk in found if is_dependencies(hunk.file)]
    altered = [(hunk, setting) for hunk in code for setting in _settings_of(hunk)]
    shown = (effect for rule in rules() for effect in _shown(rule, code, libraries, altered))
    return sorted(shown, key=lambda effect: -effect.weight)


def _settings_of(hunk: Hunk) -> Iterator[Setting]:
    """Yield the altered settings of a hunk; in a configuration under the name of what they stand in."""
    plain = is_config(hunk.file)
    for one in settings(hunk.removed, hunk.added, plain=plain):
        yield replace(one, words=(*_above(hunk, one.line), *one.words)) if plain else one


def _above(hunk: Hunk, line: str) -> tuple[str, ...]:
    """Return the words of the nearest line before that is less indented."""
    depth: int | None = None
    for _, text in reversed(hunk.after):
        if depth is None and text.strip() == line:
            depth = depth_of(text)
        elif depth is not None and text.strip() and depth_of(text) < depth:
            return words_of(text)[-_WORDS_ABOVE:]
    return ()


def _shown(
    rule: EffectRule, code: Sequence[Hunk], libraries: Sequence[Hunk], altered: Sequence[tuple[Hunk, Setting]]
) -> Iterator[Effect]:
    if rule.setting:
        for hunk, one in altered:
            if rule.setting.fits(one):
                yield _effect(rule, [(hunk.file, one.line)], one)
                return
    elif rule.shape.startswith("library"):
        lines = list(SHAPES[rule.shape](libraries))
        if lines:
            yield _effect(rule, lines)
    else:
        lines = list(SHAPES[rule.shape](code)) if rule.shape else _matched(rule, code)
        if lines:
            yield _effect(rule, lines)


def _effect(rule: EffectRule, lines: Sequence[tuple[str, str]], setting: Setting | None = None) -> Effect:
    return Effect(
        rule.name,
        rule.title,
        rule.title_ko,
        rule.weight,
        tuple(line.strip()[:_LONGEST_SHOWN] for _, line in lines[:_MOST_SHOWN]),
        tuple(dict.fromkeys(file for file, _ in lines)),
        setting,
    )


def _matched(rule: EffectRule, code: Sequence[Hunk]) -> list[tuple[str, str]]:
    """Return the lines that show a rule of words: there are more of them on its side than on the other."""
    pattern = rule.removed or rule.added or rule.either
    if pattern is None:
        return []
    if rule.either:
        sides = [(hunk.file, line) for hunk in code for line in (*hunk.removed, *hunk.added)]
        found = [(file, line) for file, line in sides if _counts(rule, pattern, line)]
        return found or (_within(pattern, code) if rule.around else [])
    gone = [(hunk.file, line) for hunk in code for line in hunk.removed if _counts(rule, pattern, line)]
    new = [(hunk.file, line) for hunk in code for line in hunk.added if _counts(rule, pattern, line)]
    hits, others = (gone, new) if rule.removed else (new, gone)
    if _often(pattern, hits) <= _often(pattern, others):
        return []
    if rule.unless and any(rule.unless.search(line) for hunk in code for line in hunk.added):
        return []
    return hits


def _within(pattern: re.Pattern[str], code: Sequence[Hunk]) -> list[tuple[str, str]]:
    """Return changed lines of a configuration that stand in what the pattern names."""
    inside = [hunk for hunk in code if is_config(hunk.file) and pattern.search(hunk.about)]
    return [(hunk.file, line) for hunk in inside for line in (*hunk.removed, *hunk.added)]


def _often(pattern: re.Pattern[str], hits: Sequence[tuple[str, str]]) -> int:
    return sum(len(pattern.findall(line)) for _, line in hits)


def _counts(rule: EffectRule, pattern: re.Pattern[str], line: str) -> bool:
    return pattern.search(line) is not None and not (rule.but and rule.but.search(line))
