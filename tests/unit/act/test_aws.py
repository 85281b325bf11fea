"""AWS's errors in our words: later, never, or a person must change something."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ReadTimeoutError,
)

from bdp.act import aws
from bdp.act.settings import AwsSettings
from bdp.errors import (
    BadRequest,
    BadSetting,
    BdpError,
    ChannelUnavailable,
    NotAllowed,
    NotFound,
    NotPossible,
    Refuse,
    Reject,
    Retry,
)


def answer(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "why\x1b[31m"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "UpdateService",
    )


CASES: list[tuple[Exception, type[BdpError]]] = [
    (answer("ThrottlingException"), ChannelUnavailable),
    (answer("Throttling"), ChannelUnavailable),
    (answer("TooManyRequestsException", 429), ChannelUnavailable),
    (answer("Anything", 503), ChannelUnavailable),
    (answer("ResourceConflictException", 409), ChannelUnavailable),
    (answer("ScalingActivityInProgressFault"), ChannelUnavailable),
    (answer("ResourceContentionFault", 500), ChannelUnavailable),
    (answer("InvalidDBParameterGroupStateFault"), ChannelUnavailable),
    (answer("AccessDeniedException"), NotAllowed),
    (answer("AccessDenied", 403), NotAllowed),
    (answer("KMSAccessDeniedException", 502), NotAllowed),
    (answer("ExpiredToken", 403), NotAllowed),
    (answer("UnrecognizedClientException", 400), NotAllowed),
    (answer("ServiceNotFoundException"), NotFound),
    (answer("DBParameterGroupNotFound", 404), NotFound),
    (answer("ValidationError"), NotPossible),
    (answer("InvalidParameterValue"), NotPossible),
    (NoCredentialsError(), NotAllowed),
    (NoRegionError(), BadSetting),
    (ParamValidationError(report="no"), BadRequest),
    (EndpointConnectionError(endpoint_url="x"), ChannelUnavailable),
    (ConnectTimeoutError(endpoint_url="x"), ChannelUnavailable),
    (ReadTimeoutError(endpoint_url="x"), ChannelUnavailable),
]


@pytest.mark.parametrize(("error", "ours"), CASES)
def test_each_error_says_what_to_do(error: Exception, ours: type[BdpError]) -> None:
    with pytest.raises(ours) as raised, aws.told("ecs"):
        raise error
    assert isinstance(raised.value, Retry | Reject | Refuse)
    assert "\x1b" not in str(raised.value)


def test_a_missing_permission_is_named() -> None:
    with pytest.raises(NotAllowed, match="ecs:UpdateService"), aws.told("ecs"):
        raise answer("AccessDeniedException")


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(KeyError), aws.told("ecs"):
        raise KeyError("x")


def test_the_region_is_the_first_that_is_listed_or_the_machines_own() -> None:
    settings = AwsSettings(regions=("eu-west-1", "us-east-1"))
    assert [aws.region_of(settings, region) for region in ("", "us-east-1")] == ["eu-west-1", "us-east-1"]
    assert aws.region_of(AwsSettings(), "") == ""
    for rules in (settings, AwsSettings()):
        with pytest.raises(NotAllowed, match="ap-east-1"):
            aws.region_of(rules, "ap-east-1")
