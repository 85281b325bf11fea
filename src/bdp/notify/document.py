"""A message as a JSON document, for programs."""

from __future__ import annotations

from typing import Any

from bdp.model.action import Message
from bdp.notify.plain import one_line, plain


def document_of(message: Message) -> dict[str, Any]:
    """Return all fields of the message, its texts without control and invisible characters."""
    words = {
        "title": one_line(message.title),
        "title_ko": one_line(message.title_ko),
        "body": plain(message.body),
        "body_ko": plain(message.body_ko),
    }
    return message.model_dump(mode="json") | words
