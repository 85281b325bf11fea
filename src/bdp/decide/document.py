"""Reads YAML that people wrote: bounded, plain values only, and it remembers which line each value stands on.

Of YAML it takes what a policy needs: tables, lists and plain values. Refused are anchors and aliases (a few lines of
them become gigabytes), tags (`!!python/…`), a key that stands twice (YAML would let the last one win without a word)
and what is larger than the limits. `yes`, `on` and `18:00` stay text; only `true` and `false` are truths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

MOST_BYTES = 256 * 1024
_MOST_NODES = 20_000
_DEEPEST = 12
_LONGEST_VALUE = 4000
_NULL = frozenset({"", "~", "null"})
_WHOLE = re.compile(r"[-+]?[0-9]{1,15}")
_BROKEN = re.compile(r"[-+]?([0-9]{1,15}\.[0-9]{0,15}|\.[0-9]{1,15})([eE][-+]?[0-9]{1,2})?")

Path = tuple[str | int, ...]


class BadDocument(Exception):
    """The text is none that a policy may be written in.

    Attributes:
        line: where, from 1; 0 where no line is to blame.
    """

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


@dataclass
class Document:
    """What a text says.

    Attributes:
        value: tables as dict, lists as list, plain values as str, int, float, bool or None.
        lines: on which line a value stands, from 1, by its place.
    """

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, place: Path) -> int:
        """Return the line of a place, or of the nearest thing around it; 0 in an empty text."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 0


class _Loader(yaml.SafeLoader):
    """Composes nodes within bounds; what they mean is decided here, not by YAML's rules."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave the event's type out
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadDocument("anchors and aliases (& and *) are not taken; put what begins so in quotes", line)
        if getattr(event, "tag", None):
            raise BadDocument("tags (!) are not taken; put what begins so in quotes", line)
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise BadDocument(f"more than {_MOST_NODES:,} values", line)
        self.depth += 1
        if self.depth > _DEEPEST:
            raise BadDocument(f"nested more than {_DEEPEST} deep", line)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def read_document(content: bytes) -> Document:
    """Return what a text says.

    Raises:
        BadDocument: it cannot be read, or holds what is not taken; whatever bytes it is made of.
    """
    if len(content) > MOST_BYTES:
        raise BadDocument(f"larger than {MOST_BYTES // 1024} KiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDocument("it is no UTF-8 text", content[: error.start].count(b"\n") + 1) from None
    document = Document()
    node = _composed(text)
    if node is not None:
        document.value = _value(node, (), document.lines)
    return document


def _composed(text: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "it is no YAML"
        if "alphabetic or numeric" in what:  # a lone * or &
            what = "a value that begins with * or & must stand in quotes"
        _refuse(what, mark.line + 1 if mark else 0)
    except yaml.reader.ReaderError as error:
        _refuse("it holds a character that no text has", text[: error.position].count("\n") + 1)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        _refuse(f"it is no YAML ({type(error).__name__})", 0)


def _refuse(what: str, line: int) -> NoReturn:
    raise BadDocument(what, line) from None


def _value(node: yaml.Node, place: Path, lines: dict[Path, int]) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _table(node, place, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, index), lines) for index, item in enumerate(node.value)]
    return _plain(node)


def _table(node: yaml.MappingNode, place: Path, lines: dict[Path, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or len(key_node.value) > _LONGEST_VALUE:
            raise BadDocument("a key must be a short plain word", line)
        key = key_node.value
        if key in found:
            raise BadDocument(f"the key {key[:80]!r} stands twice", line)
        lines[(*place, key)] = line
        found[key] = _value(value_node, (*place, key), lines)
    return found


def _plain(node: yaml.Node) -> Any:
    text: str = node.value
    if len(text) > _LONGEST_VALUE:
        raise BadDocument(f"a value of more than {_LONGEST_VALUE:,} characters", node.start_mark.line + 1)
    if getattr(node, "style", None):
        return text  # quoted: meant as text
    if text.lower() in _NULL:
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _BROKEN.fullmatch(text) else text
