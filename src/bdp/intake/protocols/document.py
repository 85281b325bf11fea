"""One JSON document, as webhooks and AWS send it: an object or an array."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from bdp.errors import BadRequest

_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def read_document(body: bytes) -> Any:
    """Return what a JSON body means; NaN becomes text, and bytes that are not UTF-8 become U+FFFD.

    Raises:
        BadRequest: it is no JSON.
    """
    try:
        return _ANY.decode(body)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    try:
        return json.loads(body.decode("utf-8", "replace"), parse_constant=str)
    except (ValueError, RecursionError):
        raise BadRequest(f"The body is not valid JSON: {reason}.", "Send the sender's JSON as it is.") from None
