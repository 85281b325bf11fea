"""Flattening: nested objects become dotted names, every value becomes text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from bdp.intake.aliases import CONTAINERS

NUL = "\0"
REPLACEMENT = "\ufffd"
_ENCODER = msgspec.json.Encoder()

Field = tuple[str, Any, bool]


def flat(record: Mapping[str, Any], depth: int) -> list[Field]:
    """Return (dotted name, value, inside a container) of each field of a decoded record.

    Values are scalars, lists, or objects deeper than `depth`; null and empty objects are left out.
    """
    fields: list[Field] = []
    for key, value in record.items():
        if isinstance(value, dict):
            _add(fields, key, value, depth - 1, "" if key in CONTAINERS else key + ".", key in CONTAINERS)
        elif value is not None:
            fields.append((key, value, False))
    return fields


def _add(fields: list[Field], path: str, value: dict[str, Any], depth: int, prefix: str, inside: bool) -> None:
    for key, child in value.items():
        name = prefix + key if prefix else key
        if not isinstance(child, dict):
            if child is not None:
                fields.append((name, child, inside))
        elif depth <= 0:
            fields.append((name, child, inside))
        elif f"{path}.{key}" in CONTAINERS:
            _add(fields, f"{path}.{key}", child, depth - 1, "", True)
        else:
            _add(fields, f"{path}.{key}", child, depth - 1, name + ".", inside)


def text_of(value: Any) -> str:
    """Return a value as text: booleans in lower case, lists and deep objects as JSON, sound text."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return _ENCODER.encode(_sound_tree(value)).decode()


def sound(text: str) -> str:
    """Return text with NUL and lone surrogates made U+FFFD: the store takes UTF-8, and a NUL breaks its queries."""
    if NUL in text:
        text = text.replace(NUL, REPLACEMENT)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _sound_tree(value: Any) -> Any:
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, list):
        return [_sound_tree(item) for item in value]
    if isinstance(value, dict):
        return {sound(key): _sound_tree(item) for key, item in value.items()}
    return value
