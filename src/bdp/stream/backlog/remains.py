"""What is left of a batch that was damaged on disk: every record that its head counts stays in the accounts.

The head says how many there were. Each line that is left becomes a dead letter, since nobody can say which of them the
damage touched; what is missing is a counted drop. The batch keeps its id, so where the primary has the whole one
already, this one counts for nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import IO

from bdp.model.batch import Batch, Cause, DeadLetter, Drop, DropReason
from bdp.stream.backlog.segment import Extras, Frame, Head, read_extras
from bdp.stream.delivery.priority import of_line

_MOST_LINE = 1 << 20
_FILL = b"\0\t\r "


def is_countable(head: Head) -> bool:
    """Say whether the accounts need a damaged batch.

    Those of a redelivered one have its letters still, each with its whole record, which go when it comes into them.
    """
    return head.accepted > 0 or not head.count


def read_remains(file: IO[bytes], found: Frame, label: str, at: datetime) -> Batch:
    """Return what is left of a damaged batch; it counts as many accepted records as the whole one. Memory: one batch.

    Args:
        label: the file's name, for people.
        at: when the letters were given up; the same each time, as all of the answer is.

    Raises:
        OSError: the file cannot be read.
    """
    head = found.head
    file.seek(found.body)
    payload, extras = _split(head, file.read(min(head.body, found.end - found.body)))
    lines = _lines(payload, head.count)
    reason = f"damaged on disk while it waited ({label}, byte {found.start})"
    letters = tuple(_letter(head, index, line, reason, at) for index, line in enumerate(lines))
    missing = head.accepted - len(letters) - len(extras.refused) - sum(drop.count for drop in extras.drops)
    drop = Drop(reason=DropReason.DAMAGED, priority=of_line(head.kind, b""), count=missing)
    return Batch(
        batch_id=head.batch_id,
        source=head.source,
        kind=head.kind,
        count=0,
        payload=b"",
        refused=(*extras.refused, *letters),
        drops=(*extras.drops, drop) if missing else extras.drops,
        attempts=head.attempts,
    )


def _split(head: Head, body: bytes) -> tuple[bytes, Extras]:
    """Return what is left of payload and extras. The latter stand in their place; at the end where bytes are lost."""
    if head.extra_bytes:
        for end in (head.bytes, len(body) - head.extra_bytes - 2):
            text = body[end + 1 : end + 1 + head.extra_bytes]
            if end >= 0 and (extras := read_extras(text)) and _is_of(head, extras):
                return body[:end], extras
    return body[: head.bytes], Extras()


def _is_of(head: Head, extras: Extras) -> bool:
    drops = sum(drop.count for drop in extras.drops)
    return len(extras.refused) == head.refused and head.count + head.refused + drops == head.accepted


def _lines(payload: bytes, most: int) -> list[bytes]:
    """Return the lines that are left; of a block that was filled with zeros nothing is."""
    lines = [line for line in payload.split(b"\n") if line.strip(_FILL)]
    return lines if len(lines) <= most else [*lines[: most - 1], b"\n".join(lines[most - 1 :])][:most]


def _letter(head: Head, index: int, line: bytes, reason: str, at: datetime) -> DeadLetter:
    return DeadLetter(
        source=head.source,
        kind=head.kind,
        cause=Cause.ENCODING,
        reason=reason,
        payload=line[:_MOST_LINE],
        cut=len(line) > _MOST_LINE,
        index=index,
        first_seen=at,
        attempts=head.attempts + 1,
    )
