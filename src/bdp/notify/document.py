"""A message as a JSON document, for programs."""

from __future__ import annotations

from typing import Any

from bdp.model.action import Message
from bdp.notify.plain import one_line, plain


def document_of(message: Message) -> dict[str, Any]:
    """Return all fields of the message, texts without control and invisible characters; the key stays as it is."""
    fields = message.model_dump(mode="json")
    clean = {name: one_line(value) for name, value in fields.items() if isinstance(value, str)}
    bodies = {name: plain(fields[name]) for name in ("body", "body_ko")}
    return fields | clean | bodies | {"key": message.key}
