"""What a change does, as effects: found in its diff by `effects.toml`, so that a cause can ask whether it fits.

    - if resp.Result == nil {        guard_removed: no longer checks whether a value is there
    -     return ""

Nothing is understood here beyond words and structure: an effect says what a change may do, never that it is to blame.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bdp.explain.changes.diff import Hunk, hunks, is_code, is_dependencies
from bdp.explain.changes.setting import Setting, settings

_TABLE: Final = Path(__file__).with_name("effects.toml")
_MOST_SHOWN = 3
_LONGEST_SHOWN = 160
_LOOP = re.compile(
    r"^\s*(?:\}?\s*for\b|while\b|foreach\b|do\b\s*\{)|\.(?:forEach|each|map|flatMap)\(|\bfor\s+\w+(?:,\s*\w+)?\s+in\b"
)
_REMOTE = re.compile(
    r"(?i)(?:[\w)\]]\.|->|\bawait\s+[\w.]*)(?:get|fetch|find|load|query|exec|select|lookup|call|invoke|request|post|put|send|"
    r"read|save|insert|update|publish|list|count|resolve|search|retrieve|download|check|do)\w*\s*\("
)
_FAR = re.compile(
    r"(?i)\bctx\b|\bcontext\b|\bawait\b|\bselect\b.+\bfrom\b|\b\w*(?:db|client|repo|repository|dao|api|rpc|http|redis|session|conn|"
    r"connection|stub|service|svc|gateway|remote|objects|cursor|store)\b\s*[.(]|\.(?:objects|db|client|repo|conn)\.|"
    r"\(\s*(?:\w+\.)+\w*(?:_id|id|sku|key)\s*\)"
)
_TAG = re.compile(
    r"(?:json|xml|yaml|db|bson|avro|protobuf|msgpack|mapstructure|form):\"([^\",]+)|@JsonProperty\(\"([^\"]+)|"
    r"SerializedName\(\"([^\"]+)|rename\s*=\s*\"([^\"]+)|alias\s*=\s*[\"']([^\"']+)|^\s*\w+\s+(\w+)\s*=\s*\d+;"
)
_VERSION = re.compile(r"[\"'\s=:@]+[v^~>=]*(\d+)\.(\d+)(?:\.(\d+))?")
_OPERATOR = re.compile(r"<=|>=|==|!=|&&|\|\||[<>+\-*/%!]")
_WORDS = re.compile(r"\w+")


class SettingRule(BaseModel):
    """Which altered settings show an effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    way: Literal["up", "down", "any", "other"]
    kinds: frozenset[str]
    words: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()

    def fits(self, one: Setting) -> bool:
        """Return whether a setting is of this rule."""
        named = (not self.words or bool(self.words & set(one.words))) and not self.but & set(one.words)
        ways = {"up": one.raised, "down": one.lowered, "any": True, "other": one.old.text != one.new.text}
        return named and one.new.kind in self.kinds and ways[self.way]


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
    unless: re.Pattern[str] | None = None
    but: re.Pattern[str] | None = None
    shape: Literal[
        "", "call_in_loop", "field_renamed", "loop_nested", "operator_changed", "library_major", "library_minor"
    ] = ""


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
    altered = [(hunk, setting) for hunk in code for setting in settings(hunk.removed, hunk.added)]
    shown = (effect for rule in rules() for effect in _shown(rule, code, libraries, altered))
    return sorted(shown, key=lambda effect: -effect.weight)


def _shown(
    rule: EffectRule, code: Sequence[Hunk], libraries: Sequence[Hunk], altered: Sequence[tuple[Hunk, Setting]]
) -> Iterator[Effect]:
    if rule.setting:
        for hunk, one in altered:
            if rule.setting.fits(one):
                yield _effect(rule, [(hunk.file, one.line)], one)
                return
    elif rule.shape.startswith("library"):
        lines = list(_SHAPES[rule.shape](libraries))
        if lines:
            yield _effect(rule, lines)
    else:
        lines = list(_SHAPES[rule.shape](code)) if rule.shape else _matched(rule, code)
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
    pattern = rule.removed or rule.added
    if pattern is None:
        return []
    gone = [(hunk.file, line) for hunk in code for line in hunk.removed if _counts(rule, pattern, line)]
    new = [(hunk.file, line) for hunk in code for line in hunk.added if _counts(rule, pattern, line)]
    hits, others = (gone, new) if rule.removed else (new, gone)
    if len(hits) <= len(others):
        return []
    if rule.unless and any(rule.unless.search(line) for hunk in code for line in hunk.added):
        return []
    return hits


def _counts(rule: EffectRule, pattern: re.Pattern[str], line: str) -> bool:
    return pattern.search(line) is not None and not (rule.but and rule.but.search(line))


def _loops(hunk: Hunk) -> Iterator[tuple[bool, str, list[tuple[bool, str]]]]:
    """Yield each loop of a hunk after the change: whether its head is new, its head, and the lines inside."""
    after = hunk.after
    for place, (new, line) in enumerate(after):
        if _LOOP.search(line):
            depth = _depth(line)
            inside = []
            for one in after[place + 1 :]:
                if one[1].strip() and _depth(one[1]) <= depth:
                    break
                inside.append(one)
            yield new, line, inside


def _depth(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def _call_in_loop(code: Iterable[Hunk]) -> Iterator[tuple[str, str]]:
    for hunk in code:
        before = {name for line in hunk.removed for name in _REMOTE.findall(line)}
        for new_head, head, inside in _loops(hunk):
            lines = [(new_head, head)] if head.rstrip().endswith((")", "]", ");")) else []
            for new, line in [*lines, *inside]:
                if new and _REMOTE.search(line) and _FAR.search(line) and not before & set(_REMOTE.findall(line)):
                    yield hunk.file, line


def _loop_nested(code: Iterable[Hunk]) -> Iterator[tuple[str, str]]:
    for hunk in code:
        for _, _, inside in _loops(hunk):
            yield from ((hunk.file, line) for new, line in inside if new and _LOOP.search(line))


def _field_renamed(code: Iterable[Hunk]) -> Iterator[tuple[str, str]]:
    for hunk in code:
        gone, new = ({name for line in lines for name in _tags(line)} for lines in (hunk.removed, hunk.added))
        if gone - new:
            yield from ((hunk.file, line) for line in hunk.removed if set(_tags(line)) & (gone - new))


def _tags(line: str) -> list[str]:
    return ["".join(match.groups(default="")) for match in _TAG.finditer(line)]


def _operator_changed(code: Iterable[Hunk]) -> Iterator[tuple[str, str]]:
    for hunk in code:
        gone = {tuple(_WORDS.findall(line)): line for line in hunk.removed}
        for line in hunk.added:
            old = gone.get(tuple(_WORDS.findall(line)))
            if old is not None and _OPERATOR.findall(old) != _OPERATOR.findall(line):
                yield hunk.file, line


def _versions(lines: Iterable[str]) -> dict[str, tuple[int, int]]:
    found = {}
    for line in lines:
        if version := _VERSION.search(line):
            found[line[: version.start()].strip(" \t\"',")] = (int(version[1]), int(version[2]))
    return found


def _library(part: int) -> Callable[[Iterable[Hunk]], Iterator[tuple[str, str]]]:
    def shape(libraries: Iterable[Hunk]) -> Iterator[tuple[str, str]]:
        for hunk in libraries:
            old = _versions(hunk.removed)
            for name, version in _versions(hunk.added).items():
                before = old.get(name)
                differs = next((place for place in (0, 1) if before and before[place] != version[place]), None)
                if differs == part:
                    yield hunk.file, name

    return shape


_SHAPES: Final[dict[str, Callable[[Iterable[Hunk]], Iterator[tuple[str, str]]]]] = {
    "call_in_loop": _call_in_loop,
    "loop_nested": _loop_nested,
    "field_renamed": _field_renamed,
    "operator_changed": _operator_changed,
    "library_major": _library(0),
    "library_minor": _library(1),
}
