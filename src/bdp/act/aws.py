"""AWS: clients for the actions, and its errors in our words.

Credentials come the way AWS's own tools find them (environment, profile, instance or task role); with `role_arn` that
role is taken for every call. The library's own retries are off: an effect is repeated by `bdp.notify.effect` alone,
after its present state was read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from bdp.act.action import Tools
from bdp.act.settings import AwsSettings
from bdp.errors import (
    BadRequest,
    BadSetting,
    BdpError,
    ChannelUnavailable,
    MissingExtra,
    NotAllowed,
    NotFound,
    NotPossible,
)
from bdp.notify.plain import one_line

_LATER: Final = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
        "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded",
        "ProvisionedThroughputExceededException", "SlowDown", "PriorRequestNotComplete",
        # Somebody is at it right now; what comes of it is read at the next try.
        "ResourceConflictException", "PreconditionFailedException", "ScalingActivityInProgress", "ResourceContention",
        "InvalidDBParameterGroupState", "ConcurrentModificationException", "ConcurrentUpdateException",
    }
)  # fmt: skip
_NO_LOGIN: Final = frozenset(
    {
        "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
        "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken", "AuthFailure",
        "InvalidSignatureException", "InvalidAccessKeyId",
    }
)  # fmt: skip
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "OptInRequired"}
)
_ROLE_SESSION: Final = "bdp-agent"


def client(tools: Tools, service: str, region: str) -> Any:
    """Return the client of a service in a region, one for all calls.

    Args:
        region: empty for the first that the settings list.

    Raises:
        NotAllowed: the settings do not list the region.
        MissingExtra: the library is not installed.
        BadSetting: AWS cannot be reached as it is set up.
    """
    settings = tools.settings.aws
    chosen = region_of(settings, region)
    key = ("aws", service, chosen, settings)
    return tools.clients.get(key, lambda: _made(settings, service, chosen))


def region_of(settings: AwsSettings, region: str) -> str:
    """Return the region to act in; empty: as the machine is set up.

    Raises:
        NotAllowed: the settings do not list it.
    """
    if region and region not in settings.regions:
        raise NotAllowed(f"The region {region} is not listed.", "See act.aws.regions.")
    return region or (settings.regions[0] if settings.regions else "")


@contextmanager
def told(service: str) -> Iterator[None]:
    """Raise AWS's errors as ours.

    Args:
        service: as permissions name it, such as `lambda`.

    Raises:
        ChannelUnavailable: throttled, busy, broken or out of reach; the same call may pass later.
        NotAllowed: the permission that is missing is named.
        NotFound: there is no such thing.
        NotPossible: AWS refused the request as it is.
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _of_answer(error, service) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise NotAllowed("There are no credentials for AWS.", "Set them up as for AWS's own tools.") from error
    except exceptions.ParamValidationError as error:
        raise BadRequest(f"AWS does not take this: {one_line(str(error), 300)}.", "Mend the parameters.") from error
    except (exceptions.NoRegionError, exceptions.InvalidRegionError, exceptions.ProfileNotFound) as error:
        raise BadSetting(f"AWS cannot be reached: {one_line(str(error), 200)}.", "Set act.aws.regions.") from error
    except exceptions.BotoCoreError as error:
        raise ChannelUnavailable(f"AWS did not answer: {type(error).__name__}.", "It will be tried again.") from error


def code_of(error: Any) -> str:
    """Return the code of AWS's answer, such as `AccessDenied`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def denied(permission: str, why: str) -> NotAllowed:
    """Return the error of a missing permission."""
    return NotAllowed(f"AWS does not allow {permission}: {one_line(why, 300)}", f"Allow {permission} to BDP's role.")


def _of_answer(error: Any, service: str) -> BdpError:
    # Lambda and others append `Exception` or `Fault` where their neighbours do not.
    answer = error.response
    code, status = code_of(error), answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text, call = one_line(str(answer.get("Error", {}).get("Message", "")), 300), f"{service}:{error.operation_name}"
    if code in _DENIED or "AccessDenied" in code or status == 403:  # first: a key's refusal comes as 502
        return _login_or_denied(code, call, text)
    bare = code.removesuffix("Fault").removesuffix("Exception")
    if code in _LATER or f"{bare}Exception" in _LATER or bare in _LATER or status == 429 or status >= 500:
        return ChannelUnavailable(f"AWS answered {call} with {code}: {text}", "It will be tried again.")
    if code in _NO_LOGIN:
        return _login_or_denied(code, call, text)
    if "NotFound" in code or code.startswith("NoSuch"):
        return NotFound(f"AWS knows no such thing ({call}): {text}", "Check name and region.")
    return NotPossible(f"AWS refused {call} with {code}: {text}", "Check what was asked for.")


def _login_or_denied(code: str, call: str, why: str) -> NotAllowed:
    if code in _NO_LOGIN:
        return NotAllowed(f"AWS does not know our credentials ({code}).", "Set them up as for AWS's own tools.")
    return denied(call, why)


def _made(settings: AwsSettings, service: str, region: str) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtra(
            "Acting on AWS needs a library that is not installed.", "Install it: pip install 'bdp-agent[aws]'."
        ) from error
    seconds = settings.timeout_seconds
    config = Config(
        connect_timeout=seconds, read_timeout=seconds, retries={"mode": "standard", "total_max_attempts": 1}
    )
    with told(service):
        try:
            session = boto3.Session(region_name=region or None)
            if settings.role_arn:
                session = _as_role(session, settings, config)
            return session.client(service, endpoint_url=settings.endpoint_url or None, config=config)  # type: ignore[call-overload]
        except ValueError as error:
            raise BadSetting(f"AWS cannot be reached: {one_line(str(error), 200)}.", "See act.aws.") from error


def _as_role(session: Any, settings: AwsSettings, config: Any) -> Any:
    """Return a session that acts as the role; its credentials are renewed before they end."""
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.session import get_session

    source = session.get_credentials()
    if source is None:
        raise NotAllowed("There are no credentials for AWS.", "Set them up as for AWS's own tools.")
    extra = {"RoleSessionName": _ROLE_SESSION} | ({"ExternalId": settings.external_id} if settings.external_id else {})
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(_sts, session, settings.endpoint_url, config),
        source_credentials=source,
        role_arn=settings.role_arn,
        extra_args=extra,
    )
    inner = get_session()
    inner._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
        refresh_using=fetcher.fetch_credentials, method="assume-role"
    )
    return boto3.Session(botocore_session=inner, region_name=session.region_name)


def _sts(session: Any, endpoint_url: str, config: Any, service: str, **given: Any) -> Any:
    made: dict[str, Any] = {**given, "config": config, "endpoint_url": endpoint_url or None}
    return session.client(service, **made)
