"""Taking a JSON array apart without decoding it: for arrays nested too deeply for a decoder, or of too many items.

Work: a few passes of numpy over the body. Memory: a copy of the body, a few MiB, and the items.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bdp.errors import BadRequest, TooLarge

_STEP = 1 << 20
_QUOTE, _COMMA = ord('"'), ord(",")
_OPENING, _CLOSING = (ord("["), ord("{")), (ord("]"), ord("}"))


def split_array(body: bytes, most: int) -> list[bytes]:
    """Return the items of a JSON array as they stand in it; what is in them is not looked at.

    Raises:
        BadRequest: the array does not end, or something stands behind it.
        TooLarge: it has more than `most` items.
    """
    start = body.index(b"[") + 1
    items: list[bytes] = []
    for cut, is_last in _cuts(body):
        items.append(body[start:cut])
        start = cut + 1
        if is_last:
            return _checked(items, body[start:])
        if len(items) >= most:
            raise TooLarge(f"The request has more than {most} records.", "Send it in smaller parts.")
    raise _bad("it does not end")


def _cuts(body: bytes) -> Iterator[tuple[int, bool]]:
    """Yield the place of each comma between items, and of the bracket that ends the array."""
    # Of escapes only quotes and backslashes matter; both go, and no place moves.
    plain = np.frombuffer(body.replace(b"\\\\", b"__").replace(b'\\"', b"__"), dtype=np.uint8)
    inside, depth = 0, 0
    for start in range(0, len(plain), _STEP):
        part = plain[start : start + _STEP]
        text = (np.cumsum(part == _QUOTE, dtype=np.int32) + inside) & 1
        code = text == 0
        closing = _any(part, _CLOSING) & code
        depths = depth + np.cumsum((_any(part, _OPENING) & code).astype(np.int8) - closing, dtype=np.int32)
        found = ((part == _COMMA) & code & (depths == 1)) | (closing & (depths == 0))
        for at in np.flatnonzero(found):
            yield start + int(at), bool(depths[at] == 0)
        inside, depth = int(text[-1]), int(depths[-1])


def _any(part: NDArray[np.uint8], codes: tuple[int, int]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (part == codes[0]) | (part == codes[1])
    return found


def _checked(items: list[bytes], behind: bytes) -> list[bytes]:
    if behind.strip():
        raise _bad("something stands behind it")
    if len(items) == 1 and not items[0].strip():
        return []
    if not all(item.strip() for item in items):
        raise _bad("an item is empty")
    return items


def _bad(why: str) -> BadRequest:
    return BadRequest(f"The body is not a valid JSON array: {why}.", "Send a JSON array or one object a line.")
