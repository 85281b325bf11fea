"""Refusing one record: its neighbours pass, and it goes to the dead letters with its reason."""

from __future__ import annotations

from datetime import datetime

from bdp.errors import BadRecord
from bdp.model.batch import Cause, DeadLetter, RecordKind

MAX_PAYLOAD = 1024 * 1024
"""Most bytes of a refused record that are kept."""


class RefusedRecord(BadRecord):
    """One record that cannot pass.

    Args:
        what: the reason in plain words, with the field's name in front.
    """

    def __init__(self, what: str, cause: Cause = Cause.SCHEMA) -> None:
        super().__init__(what)
        self.cause = cause

    def letter(self, payload: bytes, index: int, source: str, now: datetime, kind: RecordKind) -> DeadLetter:
        """Return the dead letter for the record that arrived as `payload`."""
        return DeadLetter(
            source=source,
            cause=self.cause,
            reason=self.what,
            payload=payload[:MAX_PAYLOAD],
            index=index,
            first_seen=now,
            kind=kind,
            cut=len(payload) > MAX_PAYLOAD,
        )


def shown(value: object) -> str:
    """Return a value as it may stand in a reason: short, on one line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…'"
