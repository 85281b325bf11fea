"""Where what is sent to us is taken in: bytes of a request become batches, and those go into custody."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import msgspec

from bdp.clock import Clock
from bdp.errors import BadRequest
from bdp.ids import Ids
from bdp.intake.body import read_body
from bdp.intake.keys import Keys
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import PROTOCOLS
from bdp.intake.records import decode
from bdp.intake.sampling import Sampler
from bdp.model.batch import Batch, RecordKind

_BATCH_NAMES = re.compile(r"[a-z][a-z0-9_-]{0,31} [!-~]{1,200}")
"""A batch's source and id: both are kept for long, the source as a label of metrics too."""

Deliver = Callable[[Sequence[Batch]], list[tuple[Batch, bool]]]
"""Takes batches into custody; returns, for each, what was taken of it, and False if its id was taken before."""

Read = Callable[[bytes, str, Parcel], None]
"""Reads a body of a content type into a parcel; see `bdp.intake.protocols.Protocol`."""


class Desk:
    """Takes requests in. Use from any thread.

    Args:
        sampler: lets normal events go where the policy says so.
    """

    def __init__(self, deliver: Deliver, settings: IntakeSettings, clock: Clock, ids: Ids, sampler: Sampler) -> None:
        self._deliver = deliver
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._sampler = sampler
        self._keys = Keys()

    def take(self, kind: RecordKind, raw: bytes, encoding: str, key: str | None) -> tuple[Batch, bool]:
        """Take a request's body into custody; returns when it is durable.

        Args:
            raw: as it came, still encoded.
            encoding: HTTP content encoding; empty for none.
            key: the sender's idempotency key.

        Returns:
            the batch, and False if its key was taken before.

        Raises:
            NotPossible: the key was used for another body.
        """
        now = self._clock.now()
        body = read_body(raw, encoding, self._settings)
        name = f"{kind.value}:{key}" if key else self._ids.new(now)
        if key:
            self._keys.check(name, body)
        batch = decode(
            kind,
            body,
            source="http",
            batch_id=name,
            now=now,
            ids=self._ids,
            settings=self._settings,
            sampler=self._sampler,
        )
        if not (batch.count or batch.refused or batch.drops):
            return batch, True  # nothing came, and a key is not used up by nothing
        taken = self._deliver([batch])[0]
        if key:
            self._keys.use(name, body)
        return taken

    def take_as(
        self,
        protocol: str,
        raw: bytes,
        encoding: str,
        content_type: str,
        key: str | None = None,
        read: Read | None = None,
    ) -> tuple[Batch, bool]:
        """Take a request that speaks one of `bdp.intake.protocols` into custody; returns as `take` does.

        Without a key the body itself is one: these senders repeat a request whose answer they did not get, and each
        record has its time, so the same bytes again are the same records.

        Args:
            read: used instead of the protocol's own reader, where the request says more than its body.

        Raises:
            BadRequest: the whole of it cannot be read.
        """
        parcel, body = self._read(protocol, raw, encoding, content_type, read)
        name = key or hashlib.sha256(body).hexdigest()
        batch = parcel.batch(f"{protocol}:{name}", self._ids, self._sampler)
        return self._deliver([batch])[0]

    def take_each(self, protocol: str, raw: bytes, encoding: str, content_type: str) -> list[tuple[Batch, bool]]:
        """Take events whose sender repeats them: each counts once by its own id, in whatever group it comes again.

        They are alerts, so none is sampled.

        Raises:
            BadRequest: the whole of it cannot be read.
        """
        parcel, _ = self._read(protocol, raw, encoding, content_type)
        batches = parcel.each(self._ids)
        return self._deliver(batches) if batches else []

    def take_batch(self, batch: Batch) -> tuple[Batch, bool]:
        """Take a batch that another process of ours has read; its records are validated again.

        Raises:
            BadRequest: it does not hold what it says.
        """
        checked = decode(
            batch.kind,
            batch.payload,
            source=batch.source,
            batch_id=batch.batch_id,
            now=self._clock.now(),
            ids=self._ids,
            settings=self._settings,
        )
        if not _is_honest(batch, checked):
            raise BadRequest("The batch does not hold what it says.", "Use the same version of bdp on both sides.")
        return self._deliver([msgspec.structs.replace(batch, payload=checked.payload)])[0]

    def _read(
        self, protocol: str, raw: bytes, encoding: str, content_type: str, read: Read | None = None
    ) -> tuple[Parcel, bytes]:
        speaks = PROTOCOLS[protocol]
        parcel = Parcel(speaks.kind, Edge(self._clock.now(), self._settings), protocol)
        body = read_body(raw, encoding, self._settings)
        (read or speaks.read)(body, content_type, parcel)
        return parcel, body


def _is_honest(batch: Batch, checked: Batch) -> bool:
    """Say whether a batch's names and counts are what its records give. Only we ourselves redeliver."""
    letters = all((letter.source, letter.kind) == (batch.source, batch.kind) for letter in batch.refused)
    letters = letters and not batch.redelivers and not any(letter.letter_id for letter in batch.refused)
    names = _BATCH_NAMES.fullmatch(f"{batch.source} {batch.batch_id}")
    return checked.count == batch.count and letters and names is not None
