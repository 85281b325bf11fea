"""Parameters of an action, checked against its type, and names checked against what is listed."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field, ValidationError

from bdp.errors import BadRequest, NotAllowed
from bdp.model.analysis import ActionProposal
from bdp.model.plan import ActionPlan
from bdp.notify.plain import one_line

P = TypeVar("P", bound=BaseModel)

Region = Annotated[str, Field(pattern=r"\A([a-z]{2}(-[a-z]+){1,3}-\d{1,2})?\z")]
"""An AWS region; empty: the first that the settings list."""


def typed(asked: ActionProposal | ActionPlan, kind: type[P]) -> P:
    """Return the parameters as their type.

    Raises:
        BadRequest: they do not fit.
    """
    try:
        return kind.model_validate(asked.parameters)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = one_line(".".join(str(part) for part in first["loc"]) or "parameters", 200)
        raise BadRequest(f"{asked.type}: {where}: {first['msg']}.", "Mend the playbook that proposes it.") from error


def is_listed(name: str, globs: Collection[str], setting: str) -> bool:
    """Return whether the settings list this name; an empty list lists nothing, so that it is only shown.

    Raises:
        NotAllowed: there is a list, and it leaves this name out.
    """
    if not globs:
        return False
    if not any(fnmatchcase(name, glob) for glob in globs):
        raise NotAllowed(f"{one_line(name, 200)} is not listed.", f"See {setting}.")
    return True
