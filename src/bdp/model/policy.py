"""What people change at run time, as data: one version of it."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime

from bdp.model.noun import Noun


class PolicyVersion(Noun):
    """One version of a named policy. Versions count from 1 and are never changed.

    Attributes:
        name: such as `sampling`.
        body: what its room understands; the room validates it.
        by: who set it.
    """

    name: str
    version: int
    body: dict[str, Any]
    by: str
    at: AwareDatetime
