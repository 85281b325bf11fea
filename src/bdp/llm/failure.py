"""What an error of a request means: whether to try again, to go on to the next model, and whether it may cost money.

pydantic-ai 2.62 sorts most errors of the SDKs already; this table says what follows, and knows the few that it lets
through. Classes are looked up by name, most special first, so that no SDK is imported for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from bdp.model.spending import Reason

LONGEST_WAIT = 300.0
"""Seconds; a provider that asks for more is not believed."""

_TEXT = 300
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")
_RETRY_IN = re.compile(r"retry in (\d{1,6}(?:\.\d{1,9})?)s")


@dataclass(frozen=True)
class Failure:
    """What follows from an error.

    Attributes:
        reason: for the outcome, and for counting.
        again: the same request may pass on the same model, after a wait.
        onward: the next model of the chain may answer.
        billed: the provider may have billed it, so that nobody knows what it cost; False: surely not.
        retry_after: seconds that the provider asked to wait, 0 to `LONGEST_WAIT`; None: it said nothing.
        expected: one that providers are known to raise; others may be a defect, and their trace is worth logging.
        text: what it says, short and on one line; it comes from outside, and may hold what was asked or answered.
        kind: the error's class and HTTP status, which hold neither.
    """

    reason: Reason
    again: bool = False
    onward: bool = True
    billed: bool = False
    retry_after: float | None = None
    expected: bool = True
    text: str = ""
    kind: str = ""


_THROTTLED = Failure(Reason.THROTTLED, again=True)
_SPENT = Failure(Reason.THROTTLED)
_DOWN = Failure(Reason.AWAY, again=True)
_LOST = Failure(Reason.AWAY, again=True, billed=True)
_LATE = Failure(Reason.TIMEOUT, billed=True)
_ACCESS = Failure(Reason.ACCESS)
_REJECTED = Failure(Reason.REJECTED)
_CANCELLED = Failure(Reason.CANCELLED, onward=False, billed=True)
_UNKNOWN = Failure(Reason.AWAY, billed=True, expected=False)

BY_NAME: Final[dict[str, Failure]] = {
    # What pydantic-ai sorts an answer of 4xx and 5xx into; a refusal costs nothing.
    "ModelRateLimitError": _THROTTLED,
    "ModelQuotaExceededError": _SPENT,
    "ModelOverloadedError": _DOWN,
    "ModelUnavailableError": _DOWN,
    "ModelServerError": _DOWN,
    "ModelAuthenticationError": _ACCESS,
    "ModelNotFoundError": _ACCESS,
    "ModelContextWindowExceededError": _REJECTED,
    "ModelRequestRejectedError": _REJECTED,
    # It took as long as it may, so another try would too.
    "ModelRequestTimeout": _LATE,
    "ModelTimeoutError": _LATE,
    "TimeoutError": _LATE,
    # Sent, and then no answer that could be read: garbage, a wrong frame, a body that broke off.
    "ModelConnectionError": _LOST,
    "ModelAPIError": _LOST,
    "UnexpectedModelBehavior": _LOST,
    "JSONDecodeError": _LOST,
    "UnicodeDecodeError": _LOST,
    "ValidationError": _LOST,
    "UnknownApiResponseError": _LOST,
    "ResponseParserError": _LOST,
    "TransportError": _LOST,
    "RequestError": _LOST,
    "HTTPClientError": _LOST,
    "ContentFilterError": Failure(Reason.REJECTED, billed=True),
    # Nothing was sent.
    "UserError": _REJECTED,
    "ParamValidationError": _REJECTED,
    "UnsupportedProtocol": _REJECTED,
    "NoCredentialsError": _ACCESS,
    "PartialCredentialsError": _ACCESS,
    "CredentialRetrievalError": _ACCESS,
    "TokenRetrievalError": _ACCESS,
    "NoAuthTokenError": _ACCESS,
    "SSOError": _ACCESS,
    "RefreshWithMFAUnsupportedError": _ACCESS,
    "BotoCoreError": _DOWN,
}
"""What follows from an error, by its class's name or that of the first of its bases that is here."""

BY_STATUS: Final[dict[int, Failure]] = {
    408: Failure(Reason.TIMEOUT, again=True),
    409: _DOWN,
    413: _REJECTED,
    424: _DOWN,  # Bedrock's ModelErrorException
    425: _DOWN,
}
"""For statuses that pydantic-ai has no class for; other 4xx are refusals, and a redirect is one too."""


def classify(error: BaseException) -> Failure:
    """Return what follows from an error that a request raised."""
    status = _status(error)
    kind = type(error).__name__ + (f" {status}" if status is not None else "")
    return replace(_sorted(error), retry_after=_retry_after(error), text=_text(error), kind=kind)


def _sorted(error: BaseException) -> Failure:
    if getattr(error, "phase", None) in {"pool", "connect"}:
        late = isinstance(error, TimeoutError) or "Timeout" in type(error).__name__
        return Failure(Reason.TIMEOUT if late else Reason.AWAY, again=True)  # it was not sent
    if (status := _status(error)) is not None and type(error).__name__ in {"ModelHTTPError", "ModelAPIError"}:
        return BY_STATUS.get(status, _DOWN if status >= 500 else _REJECTED)
    found = next((BY_NAME[one.__name__] for one in type(error).__mro__ if one.__name__ in BY_NAME), _UNKNOWN)
    if found is _THROTTLED and _for_the_day(error):
        return _SPENT
    return found if isinstance(error, Exception) else _CANCELLED  # whoever ends the process wants no other model


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that an error tells of, or the one that it was raised from."""
    for one in (error, error.__cause__):
        status = getattr(one, "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _retry_after(error: BaseException) -> float | None:
    told = getattr(error, "retry_after", None)
    if not isinstance(told, int | float):
        told = next((_seconds(one["retryDelay"]) for one in _details(error) if "retryDelay" in one), _said(error))
    if told is None or not told >= 0:
        return None
    return min(float(told), LONGEST_WAIT)


def _seconds(delay: Any) -> float | None:
    """Return Google's RetryInfo, such as `34s` or `34.07s`, as seconds."""
    match = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
    return float(match[1]) if match else None


def _said(error: BaseException) -> float | None:
    """Return the seconds in the message of a Gemini error, which sometimes stand only there."""
    match = _RETRY_IN.search(_message(error))
    return float(match[1]) if match else None


def _for_the_day(error: BaseException) -> bool:
    """Tell a quota of the day (Google's QuotaFailure, Bedrock's words), where waiting is no help, from a minute's."""
    for detail in _details(error):
        violations = detail.get("violations")
        for one in violations if isinstance(violations, list) else []:
            if isinstance(one, dict) and "PerDay" in str(one.get("quotaId", "")):
                return True
    return "tokens per day" in _message(error)


def _message(error: BaseException) -> str:
    """Return what Google's or AWS's error says, or nothing."""
    body = getattr(error, "body", None)
    inner = (body.get("error") or body.get("Error")) if isinstance(body, dict) else None
    message = (inner.get("message") or inner.get("Message")) if isinstance(inner, dict) else None
    return message[: 4 * _TEXT] if isinstance(message, str) else ""


def _details(error: BaseException) -> Iterator[dict[str, Any]]:
    """Yield the details of a Google API error; see google.rpc.Status."""
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    details = inner.get("details") if isinstance(inner, dict) else None
    for one in details if isinstance(details, list) else []:
        if isinstance(one, dict):
            yield one


def _text(error: BaseException) -> str:
    told, cause = _line(error), error.__cause__
    while cause is not None and str(cause) in told:
        cause = cause.__cause__
    if cause is not None:
        told = f"{told} ({_line(cause)})"  # the SDKs hide it behind "Connection error."
    return told if len(told) <= _TEXT else f"{told[: _TEXT - 1]}…"


def _line(error: BaseException) -> str:
    said = _UNREADABLE.sub(" ", str(error)[: 4 * _TEXT]).strip()
    name = type(error).__name__
    return f"{name}: {said}" if said else name
