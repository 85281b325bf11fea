"""How audit entries hang together: each holds the hash of the one before, so that none can change, go or move unseen.

The form below is written into every kept hash, so it never changes. A new one would be a new form with a number of its
own, beginning behind a given entry.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python

from bdp.model.decision import AuditEntry, KeptEntry
from bdp.store.database import storable

FIRST = "0" * 64
"""Stands before the first entry."""
_FORM = 1
_written = json.JSONEncoder(sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode


def canonical(
    number: int, previous: str, at: datetime, actor: str, action: str, object: str, detail: dict[str, Any]
) -> bytes:
    """Return the bytes that an entry's hash is taken of: JSON in ASCII, names sorted, no spaces, time in UTC to the µs.

    Args:
        at: aware; actor, action, object, detail: as the database gives them back, see `as_stored`.
    """
    told = {
        "form": _FORM,
        "number": number,
        "previous": previous,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": actor,
        "action": action,
        "object": object,
        "detail": detail,
    }
    return _written(told).encode()


def hash_of(number: int, previous: str, entry: AuditEntry) -> str:
    """Return an entry's hash in that place, 64 hex digits."""
    told = canonical(number, previous, entry.at, entry.actor, entry.action, entry.object, entry.detail)
    return hashlib.sha256(told).hexdigest()


def as_stored(entry: AuditEntry) -> AuditEntry:
    """Return an entry as the database will give it back: plain JSON, without what cannot be stored."""
    detail = json.loads(storable(json.dumps(to_jsonable_python(entry.detail), ensure_ascii=False)))
    return AuditEntry(
        at=entry.at.astimezone(UTC),
        actor=storable(entry.actor),
        action=storable(entry.action),
        object=storable(entry.object),
        detail=detail,
    )


def linked(number: int, previous: str, entry: AuditEntry) -> KeptEntry:
    """Return an entry in its place; it must be `as_stored`."""
    return KeptEntry(number=number, previous=previous, hash=hash_of(number, previous, entry), entry=entry)
