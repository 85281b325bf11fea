"""One-time links: an address that gives one person's one answer to one question, until the question's time is over.

A link carries approval, answer, person, end, purpose and a name of its own, signed with HMAC-SHA-256 over all of it.
Who holds it may answer as that person, so it goes to that person alone; what the person may do is looked up when it is
used, so one who was taken off the list has no links any more. That a link works once, the database sees to: it is used
up in the transaction of the vote. The same question and person always get the same link, so a message that is built
again after a crash is the same message.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import secrets as chance
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.decide.approvers import ApproverSettings, Way, approver
from bdp.errors import BadSetting, NotAllowed, NotEntitled, NotPossible
from bdp.ids import derived
from bdp.model.action import Link
from bdp.model.decision import Approval, ApprovalStatus
from bdp.notify.endpoint import REFERENCE, Secrets, check_url, no_secrets, resolve
from bdp.notify.question import WORDS

KEY_BYTES = 32
VERBS = {"approve": ApprovalStatus.APPROVED, "reject": ApprovalStatus.REJECTED}
_REMOVE = "Remove it; a new one is made."
_PURPOSE = "bdp.approval.v1"
_LONGEST = 4000
_SIGNATURE = re.compile(r"\.[A-Za-z0-9_-]{43}")
_FIELDS = {"u", "a", "s", "p", "e", "n"}


class LinkSettings(BaseModel):
    """With what one-time links are signed. They exist where `web.public_url` is set and people are listed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(
        default="",
        pattern=r"^(env:\w+)?$",
        description="env:NAME of a secret of 32 characters or more, one for all machines; empty: links.key in the home",
    )
    old_keys: tuple[str, ...] = Field(
        default=(), description="env:NAME of keys whose links still work; to change the key without losing any"
    )


class LinkForged(NotAllowed):
    """This is no link of ours, or one for something else."""


class LinkOver(NotPossible):
    """The link's time is over."""


class Asked(NamedTuple):
    """What a link says.

    Attributes:
        once: its name; it is used up by it.
    """

    approval_id: str
    status: ApprovalStatus
    person: str
    once: str


class Invitation(NamedTuple):
    """How one person is asked: with links of their own, in the channels that reach nobody else.

    Attributes:
        channels: empty for the only person there is, whom every channel reaches.
    """

    person: str
    channels: tuple[str, ...]
    links: tuple[Link, ...]


class Links:
    """Makes links and reads them.

    Args:
        public_url: address under which people reach this server; empty: there are no links.
        folder: where the key is kept, if the settings name none.
    """

    def __init__(
        self,
        settings: LinkSettings,
        public_url: str,
        approvers: ApproverSettings,
        folder: Path,
        clock: Clock,
        secrets: Secrets = no_secrets,
    ) -> None:
        self._settings = settings
        self._url = public_url.rstrip("/")
        self._approvers = approvers
        self._folder = folder
        self._clock = clock
        self._secrets = secrets

    def links_of(self, approval: Approval, person: str) -> tuple[Link, ...]:
        """Return the links with which a person approves and rejects; none where that person may not answer.

        Args:
            person: name of somebody whom the settings list.

        Raises:
            BadSetting: there is no key, or the public address is none.
        """
        if not self._url or approval.status is not ApprovalStatus.WAITING:
            return ()
        try:
            who = approver(self._approvers, Way.LINK, person)
        except NotEntitled:
            return ()
        if not who.role.may(approval.role):
            return ()
        check_url(self._url, allow_http=True)
        return tuple(self._link(approval, verb, who.name) for verb in VERBS)

    def invitations(self, approval: Approval) -> list[Invitation]:
        """Return how each person who may answer is asked; those whom no channel reaches alone are left out.

        A link answers in a person's name, so it may not stand where others read it.
        """
        alone = len(self._approvers.people) == 1
        chosen = [one for one in self._approvers.entitled(approval.role) if one.channels or alone]
        asked = (Invitation(one.name, one.channels, self.links_of(approval, one.name)) for one in chosen)
        return [one for one in asked if one.links]

    def read(self, token: str, approval_id: str, verb: str) -> Asked:
        """Return what a link says, if it is one of ours for this question and this answer.

        Raises:
            LinkForged: it is not.
            LinkOver: its time is over.
        """
        told = self._opened(token)
        asked = Asked(told["a"], ApprovalStatus(told["s"]), told["p"], told["n"])
        if told["u"] != _PURPOSE or (asked.approval_id, asked.status) != (approval_id, VERBS.get(verb)):
            raise LinkForged("This link is for something else.", "Follow it as it was sent to you.")
        if self._clock.now() >= datetime.fromtimestamp(told["e"], UTC):
            raise LinkOver("This link is over: the time to answer has passed.", "The incident goes to a person.")
        return asked

    def _link(self, approval: Approval, verb: str, person: str) -> Link:
        status = VERBS[verb]
        told = {
            "u": _PURPOSE,
            "a": approval.approval_id,
            "s": status.value,
            "p": person,
            "e": int(approval.expires_at.timestamp()),  # rounded down: never beyond the question's own end
            "n": derived(approval.requested_at, "link", approval.approval_id, person, status.value),
        }
        token = self._signer().dumps(told)
        url = f"{self._url}/answer/{approval.approval_id}/{verb}/{_text(token)}"
        return Link(words=WORDS[verb]["en"], words_ko=WORDS[verb]["ko"], url=url)

    def _opened(self, token: str) -> dict[str, Any]:
        forged = LinkForged("This is no link of this BDP.", "Follow it as it was sent to you, all of it.")
        if len(token) > _LONGEST or not token.isascii() or not _is_canonical(token):
            raise forged
        try:
            told = self._signer().loads(token)
        except BadData:
            raise forged from None
        if not isinstance(told, dict) or told.keys() != _FIELDS:
            raise forged
        return told

    def _signer(self) -> URLSafeSerializer:
        how = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        return URLSafeSerializer(self._keys(), salt=_PURPOSE, signer_kwargs=how)

    def _keys(self) -> Sequence[bytes]:
        """Return the keys, the one that signs last."""
        if not self._settings.key:
            return _kept_keys(self._folder / "links.key")
        names = (*self._settings.old_keys, self._settings.key)
        keys = [resolve({"key": _reference(name)}, self._secrets)["key"].encode() for name in names]
        if any(len(key) < KEY_BYTES for key in keys):
            raise BadSetting(
                f"A key for links has fewer than {KEY_BYTES} characters.", "Make one: openssl rand -base64 32."
            )
        return keys


def _reference(name: str) -> str:
    if not name.startswith(REFERENCE):
        raise BadSetting("A key for links stands in the settings itself.", "Name the variable that holds it: env:NAME.")
    return name


def _kept_keys(path: Path) -> Sequence[bytes]:
    """Return the keys in a file, one a line in base64, and make it if it is not there; a new line is a new key."""
    try:
        with contextlib.suppress(FileExistsError):
            _make(path)
        keys = [base64.b64decode(line) for line in path.read_text(encoding="ascii").split()]
    except (OSError, ValueError) as error:
        raise BadSetting(
            f"The key of links, {path}, cannot be read: {error}.", "Remove it; a new one is made."
        ) from error
    if not keys or any(len(key) < KEY_BYTES for key in keys):
        raise BadSetting(f"The key of links, {path}, is cut.", _REMOVE)
    return keys


def _make(path: Path) -> None:
    """Make the file with a key, whole or not at all; the first of several who do so wins."""
    partial = path.with_suffix(f".{chance.token_hex(8)}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(chance.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)
    finally:
        partial.unlink()


def _is_canonical(token: str) -> bool:
    """Return whether the signature is written as we write it: base64 has several spellings of the same bytes."""
    found = _SIGNATURE.search(token, max(0, len(token) - 44))
    if found is None or found.end() != len(token):
        return False
    signature = found.group()[1:]
    return base64.urlsafe_b64encode(base64.urlsafe_b64decode(signature + "=")).decode().rstrip("=") == signature


def _text(token: str | bytes) -> str:
    return token.decode() if isinstance(token, bytes) else token
