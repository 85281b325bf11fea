"""From the text of a model to a value of the form that was asked for, or to what is wrong with it.

Models wrap JSON in fences and chatter; that is cut away here. Anything else that is wrong is told to the model, which
is asked again. Nothing is ever executed or guessed: a value passes the form's own validation or there is none.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

T = TypeVar("T", bound=BaseModel)
_MOST_TOLD: Final = 5
_LONGEST_TOLD: Final = 200


class Malformed(Exception):
    """An answer that is of no use; the text says why, for the model."""


def value_of(text: str, form: type[T], longest: int) -> T:
    """Return the value in a text.

    Args:
        longest: characters from which on a text is not looked at.

    Raises:
        Malformed: there is none.
    """
    if len(text) > longest:
        raise Malformed(f"The answer has more than {longest} characters.")
    if not text.strip():
        raise Malformed("The answer is empty.")
    try:
        return form.model_validate(_document(text))
    except ValidationError as error:
        raise Malformed(_told(error)) from error


def _document(text: str) -> Any:
    for part in (text, _braced(text)):
        try:
            # As bytes: half a surrogate pair is no text for the parser.
            return from_json(part.encode("utf-8", "replace"), allow_inf_nan=False)
        except ValueError as error:
            told = str(error)
    raise Malformed(f"The answer is no JSON: {told[:_LONGEST_TOLD]}.")


def _braced(text: str) -> str:
    """Return what stands between the first and the last brace."""
    return text[text.find("{") : text.rfind("}") + 1]


def _told(error: ValidationError) -> str:
    """Return what is wrong and where. What the model wrote is not quoted: it may have come from telemetry."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    told = (f"{'.'.join(map(str, one['loc'])) or 'answer'}: {one['msg']}"[:_LONGEST_TOLD] for one in problems)
    shown = [line for line, _ in zip(told, range(_MOST_TOLD), strict=False)]
    more = len(problems) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
