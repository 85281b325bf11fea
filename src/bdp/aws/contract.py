"""What all functions agree on: what they are asked with, and what they answer.

Asked directly, by EventBridge (its `detail`) or through API Gateway (its `body`). The answer is API Gateway's: 200 with
what was found, 400 with `VALIDATION_ERROR` for what cannot be asked, 500 with the code of what went wrong.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from bdp.errors import BadRequest, BdpError

_LONGEST: Final = 300
_NAMED: Final = 3
Json = dict[str, Any]
A = TypeVar("A", bound=BaseModel)
log = logging.getLogger(__name__)


def answered(work: Callable[[], Json]) -> Json:
    """Do the work; return its outcome as an answer. `BadRequest` is for what the caller asked, and nothing else.

    A defect of ours is logged; who asked learns none of it.
    """
    try:
        return _answer(200, work())
    except BadRequest as error:
        return _refusal(400, error.code, error.what, error.next_step)
    except BdpError as error:
        log.error("%s: %s", error.code, error)
        return _refusal(500, error.code, error.what, error.next_step)
    except Exception:
        log.exception("a defect of ours")
        return _refusal(500, "INTERNAL_ERROR", "Something went wrong here.", "See the function's log.")


def asked(event: object, form: type[A]) -> A:
    """Return what a function is asked with.

    Raises:
        BadRequest: it is not of that form; the text names what is wrong.
    """
    try:
        return form.model_validate(_given(event))
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, one['loc']))[:_LONGEST] or 'the input'}: {one['msg'][:_LONGEST]}"
            for one in error.errors(include_url=False, include_context=False, include_input=False)[:_NAMED]
        ]
        fields = ", ".join(form.model_fields)
        raise BadRequest(f"Not understood: {'; '.join(problems)}.", f"There are: {fields}.") from None


def _given(event: object) -> object:
    if not isinstance(event, dict):
        return event
    if "requestContext" in event:
        return _body(event.get("body") or "{}", coded=bool(event.get("isBase64Encoded")))
    return event.get("detail") or {} if "detail-type" in event else event


def _body(text: object, *, coded: bool) -> object:
    try:
        found = text if isinstance(text, str) else json.dumps(text)
        return json.loads(base64.b64decode(found) if coded else found)
    except (ValueError, RecursionError, TypeError) as error:
        raise BadRequest(f"The body is no JSON: {str(error)[:_LONGEST]}.", "Send one JSON object.") from None


def _refusal(status: int, code: str, what: str, next_step: str) -> Json:
    return _answer(status, {"error": {"code": code, "what": what, "next_step": next_step}})


def _answer(status: int, told: Json) -> Json:
    # Half a character, which JSON can carry, would not leave the function.
    body = json.dumps(told, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace").decode()
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": body}
