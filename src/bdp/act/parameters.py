"""Parameters of an action, checked against its type."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bdp.errors import BadRequest
from bdp.model.analysis import ActionProposal

P = TypeVar("P", bound=BaseModel)


def typed(proposal: ActionProposal, kind: type[P]) -> P:
    """Return the proposal's parameters as their type.

    Raises:
        BadRequest: they do not fit.
    """
    try:
        return kind.model_validate(proposal.parameters)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "parameters"
        raise BadRequest(f"{proposal.type}: {where}: {first['msg']}.", "Mend the playbook that proposes it.") from error
