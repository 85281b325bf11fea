"""What AWS services hand from one to the next: a message in a message, with what the outer one says of the inner."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from bdp.intake.aliases import COLUMN_OF
from bdp.intake.flatten import flat
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.wire import json_bytes
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Cause

GZIP = b"\x1f\x8b"
_EITHER_WINDOW = 47  # zlib finds out whether it is gzip or zlib by the header; AWS sends both

Fields = dict[str, Any]


@dataclass(frozen=True)
class Carried:
    """A message that another one carries.

    Attributes:
        content: a decoded JSON value; text that is one message; or bytes that hold JSON or lines, maybe gzipped.
        around: fields for the events inside where they bring none, such as `ts` and `service`.
        attributes: attributes for them, such as the topic's name.
    """

    content: Any
    around: Fields = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)

    def inner(self, content: Any, around: Fields | None = None, attributes: dict[str, str] | None = None) -> Carried:
        """Return what this message carries in turn; the innermost word counts."""
        known = {name: value for name, value in (around or {}).items() if value}
        return replace(
            self,
            content=content,
            around={**self.around, **known},
            attributes={**self.attributes, **{name: text for name, text in (attributes or {}).items() if text}},
        )

    def raw(self) -> bytes:
        """Return the message as a dead letter keeps it."""
        if isinstance(self.content, bytes):
            return self.content
        return self.content.encode(errors="replace") if isinstance(self.content, str) else json_bytes(self.content)


class Opening:
    """One request being opened: where its records go, and how much may still be inflated.

    Memory: over all its parts, a request inflates to at most `max_request_bytes`.
    """

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        self._room = parcel.edge.settings.max_request_bytes

    def inflate(self, data: bytes) -> bytes:
        """Return what a gzipped message holds.

        Raises:
            RefusedRecord: it is damaged, or too large.
        """
        inflater = zlib.decompressobj(_EITHER_WINDOW)
        try:
            text = inflater.decompress(data, self._room + 1)
        except zlib.error as error:
            raise RefusedRecord(f"the gzipped message is damaged: {error}", Cause.ENCODING) from None
        self._room -= min(len(text), self._room + 1)
        if self._room < 0:
            self._room = 0
            raise RefusedRecord("the request's compressed messages are too large together", Cause.TOO_LARGE)
        if not inflater.eof:
            raise RefusedRecord("the gzipped message ends too early", Cause.ENCODING)
        return text

    def event(self, carried: Carried, fields: Fields, attributes: Fields | None = None) -> None:
        """Add one event. Its own fields, whatever they are called, come before those of the messages around it."""
        inside = fields.get("attributes")
        own = inside if isinstance(inside, dict) else {}
        try:
            filled = _columns(fields, self.parcel.edge.settings.max_depth)
            whole = {**{name: value for name, value in carried.around.items() if name not in filled}, **fields}
            whole["attributes"] = {**carried.attributes, **own, **(attributes or {})}
            self.parcel.event_from(whole, carried.raw)
        except RecursionError:
            self.refuse(carried, "the record is nested too deeply")

    def refuse(self, carried: Carried, what: str, cause: Cause = Cause.SCHEMA) -> None:
        """Refuse one message; its neighbours pass."""
        self.parcel.refuse(RefusedRecord(what, cause), carried.raw)


Reader = Callable[[dict[str, Any], Carried, Opening], Iterable[Carried]]
"""Reads one message of a known shape: adds its events, and returns what it carries."""


def _columns(fields: Fields, depth: int) -> set[str]:
    """Return the columns that these fields fill under any of their names."""
    there = (name for name, value, inside in flat(fields, depth) if not inside and value not in ("", [], {}))
    return {COLUMN_OF[name][0] for name in there if name in COLUMN_OF}


def unpacked(text: object) -> bytes:
    """Return what base64 text holds.

    Raises:
        RefusedRecord: it is none.
    """
    if not isinstance(text, str):
        raise RefusedRecord("expected base64 text in `data`")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedRecord(f"the data are not base64: {error}", Cause.ENCODING) from None


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; anything else has none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def last_part(arn: object) -> str:
    """Return the name at the end of an ARN."""
    return arn.rsplit(":", 1)[-1].rsplit("/", 1)[-1] if isinstance(arn, str) else ""
