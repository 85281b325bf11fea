"""What AWS's billing services refuse, as our errors: what a caller may do, and what a person must change."""

from __future__ import annotations

from typing import Any, Final

from bdp.errors import BadRequest, BdpError, MissingExtra, NotAllowed, NotPossible, Retry
from bdp.intake.flatten import sound

_LONGEST = 300
_ACTIONS: Final = {
    "get_cost_and_usage": "ce:GetCostAndUsage",
    "get_cost_forecast": "ce:GetCostForecast",
    "get_anomalies": "ce:GetAnomalies",
}
_THROTTLED: Final = frozenset(
    {"Throttling", "ThrottlingException", "LimitExceededException", "RequestLimitExceeded", "TooManyRequestsException"}
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OptInRequired"})
_UNKNOWN: Final = frozenset(
    {
        "UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException",
        "AuthFailure", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
    }
)  # fmt: skip
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_NO_DATA: Final = frozenset({"DataUnavailableException", "BillExpirationException"})
_CHANGED: Final = frozenset({"InvalidNextTokenException", "RequestChangedException"})
_CLIENT_ERRORS: Final = range(400, 500)
_NOT_MADE: Final = 501
"""Stand-ins such as LocalStack say so of what they do not have."""


def botocore_errors() -> Any:
    """Return the module of botocore's errors.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import botocore.exceptions
    except ImportError as error:
        raise MissingExtra(
            "AWS Cost Explorer needs a library that is not installed.", "Install it: pip install 'bdp-agent[aws]'."
        ) from error
    return botocore.exceptions


def error_of(error: Exception, operation: str) -> BdpError | None:
    """Return what a call's failure means; None if it is a defect of ours."""
    errors = botocore_errors()
    from botocore.parsers import ResponseParserError

    if isinstance(error, errors.ClientError):
        return _answered(error, operation)
    lacking = (errors.NoCredentialsError, errors.PartialCredentialsError, errors.CredentialRetrievalError)
    if isinstance(error, (*lacking, errors.SSOError, errors.TokenRetrievalError, errors.NoAuthTokenError)):
        return NotAllowed(f"There are no AWS credentials for Cost Explorer: {_plain(error)}", _RENEW)
    if isinstance(error, errors.ParamValidationError):
        return BadRequest(f"Cost Explorer cannot be asked so: {_plain(error)}", "Correct the settings.")
    if isinstance(error, errors.BotoCoreError):
        return Retry(f"Cost Explorer did not answer: {_plain(error)}", "Check the network, region and endpoint_url.")
    if isinstance(error, (ResponseParserError, AttributeError, TypeError, ValueError)):
        # botocore reads an answer as AWS describes it and stumbles over another one.
        return Retry(f"Cost Explorer's answer cannot be read: {_plain(error)}", "Check endpoint_url.")
    return None


_RENEW: Final = "Set them as for AWS's own tools, such as aws configure or aws sso login."


def _answered(error: Any, operation: str) -> BdpError:
    answer = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    told, action = _plain(error), _ACTIONS[operation]
    if code in _THROTTLED or status == 429:
        return Retry(f"Cost Explorer asks for fewer requests ({code}).", "Raise every_hours if it stays so.")
    if code in _EXPIRED:
        return NotAllowed(f"The AWS credentials have expired: {told}", "Renew them, such as by aws sso login.")
    if code in _UNKNOWN:
        return NotAllowed(f"AWS does not know the credentials: {told}", _RENEW)
    if code in _DENIED:
        return NotAllowed(
            f"AWS does not allow {action}: {told}",
            f"Allow {action} to this user or role, and see that the account that pays has Cost Explorer switched on.",
        )
    if code in _NO_DATA:
        return NotPossible(f"Cost Explorer has no data for this: {told}", "A new account has some after a day.")
    if code in _CHANGED:
        return Retry(f"Cost Explorer lost its place in the answer: {told}", "Ask again.")
    if status in _CLIENT_ERRORS:
        return BadRequest(f"Cost Explorer refuses the question: {told}", "Correct history_days or endpoint_url.")
    if status == _NOT_MADE:
        return BadRequest(f"This server does not know {action}: {told}", "Ask another one, or not for this.")
    return Retry(f"Cost Explorer failed: {told}", "Try again later.")


def _plain(error: Exception) -> str:
    """Return what it says, short and on one line."""
    text = " ".join(sound(str(error) or type(error).__name__).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
