"""Who decided what, when, and the proof that the log is as it was written."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Query

from bdp.errors import BadRequest
from bdp.model.decision import ChainCheck, ChainHead, KeptEntry
from bdp.web.incidents import Since
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/audit", tags=["audit"])
_HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


@routes.get("")
def list_entries(
    product: Product,
    object: Annotated[str | None, Query(max_length=200, description="id of what it was done to")] = None,
    since: Since | None = None,
    before: Annotated[int | None, Query(ge=1, le=10**18, description="go on below this number")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[KeptEntry]:
    """Return entries with their places in the chain, newest first."""
    return product.state.audit.kept(object, since, before, limit)


@routes.get("/head")
def head(product: Product) -> ChainHead:
    """Return the latest entry's place; written down elsewhere, it proves later that nothing was cut off."""
    return product.state.audit.head()


@routes.get("/verify")
def verify(
    product: Product,
    head: Annotated[str, Query(max_length=100, description="NUMBER:HASH, as /v1/audit/head once gave it")] = "",
) -> ChainCheck:
    """Look at every entry; `broken_at` names the first that does not fit, null if all do."""
    return product.state.audit.verify(_head(head) if head else None)


def _head(text: str) -> ChainHead:
    found = _HEAD.fullmatch(text)
    if found is None:
        raise BadRequest(f"{text!r} is no head of the audit log.", "Write NUMBER:HASH, as 'bdp audit head' prints it.")
    return ChainHead(number=int(found[1]), hash=found[2])
