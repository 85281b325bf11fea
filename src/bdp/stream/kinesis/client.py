"""The way to Kinesis, and what its errors say. The library is loaded at the first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bdp.errors import BadSetting, MissingExtra, StreamUnavailable
from bdp.stream.kinesis.settings import KinesisSettings

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

THROTTLED: Final = frozenset(
    {
        "ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException",
        "KMSThrottlingException", "RequestLimitExceeded", "InternalFailure", "ServiceUnavailable",
    }
)  # fmt: skip
"""Codes that say: not now."""


def connect(settings: KinesisSettings) -> KinesisClient:
    """Return a client, for many threads; it connects at the first request.

    Raises:
        MissingExtra: the library is not installed.
        BadSetting: there is no region.
    """
    exceptions = library()
    import boto3
    from botocore.config import Config

    seconds = settings.timeout_seconds
    retries: Any = {"mode": "standard", "total_max_attempts": 1}  # what is left is done again here
    config = Config(connect_timeout=seconds, read_timeout=seconds, retries=retries, max_pool_connections=64)
    try:
        return boto3.client(
            "kinesis", region_name=settings.region or None, endpoint_url=settings.endpoint_url or None, config=config
        )
    except (exceptions.BotoCoreError, ValueError) as error:
        raise BadSetting(f"Kinesis cannot be reached: {error}.", "Set stream.kinesis.region.") from error


def library() -> Any:
    """Return the library's exceptions.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import botocore.exceptions
    except ImportError as error:
        raise MissingExtra(
            "Kinesis needs a library that is not installed.", "Install it: pip install 'bdp-agent[aws]'."
        ) from error
    return botocore.exceptions


def code_of(error: Any) -> str:
    """Return the code of a ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))


def away(what: str, error: object) -> StreamUnavailable:
    """Return the error that says: try again later."""
    return StreamUnavailable(f"{what}: {str(error).rstrip('.')}.", "Check the stream; it is tried again.")
