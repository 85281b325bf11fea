"""Changes: what people and machines altered, and when."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class ChangeKind(StrEnum):
    """What was altered."""

    DEPLOY = "deploy"
    COMMIT = "commit"
    FLAG = "flag"
    CONFIG = "config"
    MAINTENANCE = "maintenance"


class Change(msgspec.Struct, kw_only=True):
    """One change.

    Attributes:
        ts: when it took effect, UTC.
        ref: how to find it again: commit hash, release, flag name, ticket.
        diff: unified diff, if known.
    """

    change_id: str = ""
    ts: datetime
    kind: ChangeKind
    service: str = ""
    ref: str = ""
    author: str = ""
    summary: str = ""
    diff: str = ""
