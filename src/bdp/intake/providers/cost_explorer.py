"""AWS Cost Explorer: what accounts and services cost by day, and what AWS forecasts and finds by itself.

**Each page of each answer costs money**, so one question is asked for all days, and a page is asked for once. All lines
of one question are one statement, so days that are asked for again take the place of what was said of them before.

Memory: one page of an answer, and the names of the accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bdp.clock import Clock
from bdp.errors import BadRequest, BadSetting, NotAllowed, NotPossible, Retry
from bdp.intake.bills.cost_explorer import Refuse, lines_of
from bdp.intake.providers.aws_errors import botocore_errors, error_of
from bdp.intake.providers.cost_views import anomaly_of, forecast_of
from bdp.model.cost import CostLine
from bdp.model.cost_result import ProviderAnomaly, ProviderForecast

if TYPE_CHECKING:
    from mypy_boto3_ce.client import CostExplorerClient

_MOST_PAGES: Final = 1000
_FURTHEST: Final = timedelta(days=90)
"""Cost Explorer forecasts single days for three months."""
Dimension = Literal["LINKED_ACCOUNT", "SERVICE", "REGION", "USAGE_TYPE", "RECORD_TYPE"]


class CostExplorerSettings(BaseModel):
    """How AWS Cost Explorer is asked. Credentials come as AWS's own tools find them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        default="cost_explorer",
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        description="source that the ledger shows; also names statements and checkpoint, so it must not change or "
        "stand twice",
    )
    region: str = Field(
        default="us-east-1", description="where Cost Explorer is asked; it has one address for all regions of AWS"
    )
    profile: str = Field(default="", description="profile of AWS's own configuration; empty: as its tools find it")
    endpoint_url: str = Field(
        default="", description="address of a server that answers as AWS does, such as LocalStack; empty: AWS"
    )
    billing_account_id: str = Field(
        default="", pattern=r"^\d{0,12}$", description="account that pays, which Cost Explorer does not tell"
    )
    group_by: tuple[Dimension, ...] = Field(
        default=("LINKED_ACCOUNT", "SERVICE"),
        min_length=1,
        max_length=2,
        description="at most two, SERVICE among them; USAGE_TYPE or REGION make more pages, which cost more",
    )
    forecast_level: int = Field(
        default=90, ge=51, le=99, description="percent of days that the interval of AWS's forecast is to hold"
    )
    timeout_seconds: float = Field(default=30.0, ge=1, le=300, description="longest wait for an answer")
    retries: int = Field(default=1, ge=0, le=10, description="how often a call that failed on the way is made again")

    @field_validator("group_by")
    @classmethod
    def _named_once(cls, value: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
        if "SERVICE" not in value or len(set(value)) < len(value):
            raise ValueError("SERVICE and at most one other, each once")
        return value


class CostExplorer:
    """`bdp.ports.CostProvider` on AWS Cost Explorer.

    Args:
        refuse: told of groups that are no cost, whose neighbours pass; without it the first one raises.
        connect: makes the client.
    """

    def __init__(
        self,
        settings: CostExplorerSettings,
        clock: Clock,
        refuse: Refuse | None = None,
        connect: Callable[[CostExplorerSettings], CostExplorerClient] | None = None,
    ) -> None:
        self.name = settings.name
        self.problem = ""
        self._settings = settings
        self._clock = clock
        self._refuse = refuse
        self._connect = connect or cost_explorer_client
        self._client: CostExplorerClient | None = None

    def lines(self, start: date, end: date) -> Iterator[CostLine]:
        """See `bdp.ports.CostProvider.lines`."""
        if end <= start:
            return
        stated_at = self._clock.now()
        groups = [{"Type": "DIMENSION", "Key": key} for key in self._settings.group_by]
        asked = {
            "TimePeriod": _period(start, end),
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost", "AmortizedCost"],
            "GroupBy": groups,
        }
        names: dict[str, str] = {}
        for page in self._pages("get_cost_and_usage", asked):
            page["GroupDefinitions"] = page.get("GroupDefinitions") or groups
            names.update(_account_names(page))
            yield from lines_of(
                page,
                account_names=names,
                billing_account_id=self._settings.billing_account_id,
                statement=f"{self.name}:{stated_at:%Y-%m-%dT%H:%M:%S.%fZ}",
                stated_at=stated_at,
                refuse=self._refuse,
            )

    def forecast(self, start: date, end: date) -> ProviderForecast | None:
        """See `bdp.ports.CostProvider.forecast`. AWS forecasts days from today on, three months at most."""
        self.problem = ""
        end = min(end, start + _FURTHEST)
        if end <= start:
            self.problem = "There is no day to forecast."
            return None
        asked = {
            "TimePeriod": _period(start, end),
            "Metric": "UNBLENDED_COST",
            "Granularity": "DAILY",
            "PredictionIntervalLevel": self._settings.forecast_level,
        }
        try:
            return forecast_of(self._answer("get_cost_forecast", asked), start, end)
        except (BadRequest, NotPossible) as error:
            self.problem = error.what
            return None

    def anomalies(self, start: date, end: date) -> tuple[ProviderAnomaly, ...]:
        """See `bdp.ports.CostProvider.anomalies`. AWS knows those of the last 90 days, by its monitors."""
        if end <= start:
            return ()
        interval = {"StartDate": start.isoformat(), "EndDate": (end - timedelta(days=1)).isoformat()}
        asked = {"DateInterval": interval, "MaxResults": 100}
        pages = self._pages("get_anomalies", asked)
        return tuple(anomaly_of(found) for page in pages for found in page.get("Anomalies") or ())

    def _pages(self, operation: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        token = ""
        for _ in range(_MOST_PAGES):
            page = self._answer(operation, {**asked, "NextPageToken": token} if token else asked)
            yield page
            following = page.get("NextPageToken") or ""
            if not following:
                return
            if following == token:
                break
            token = following
        raise Retry(
            f"{_SERVICE}'s answer to {operation} does not end.", "Check endpoint_url: AWS itself ends its answers."
        )

    def _answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        client = self._client = self._client or self._connect(self._settings)
        try:
            answer: dict[str, Any] = getattr(client, operation)(**asked)
        except Exception as error:
            told = error_of(error, operation)
            if told is None:
                raise
            if isinstance(told, NotAllowed):
                self._client = None  # the next one reads the credentials again
            raise told from error
        return answer


_SERVICE: Final = "Cost Explorer"


def cost_explorer_client(settings: CostExplorerSettings) -> CostExplorerClient:
    """Return a client.

    Raises:
        MissingExtra: the library is not installed.
        BadSetting: there is no such region or profile, or the endpoint is no address.
    """
    errors = botocore_errors()
    import boto3
    from botocore.config import Config

    seconds = settings.timeout_seconds
    retries: Any = {"mode": "standard", "total_max_attempts": 1 + settings.retries}
    config = Config(connect_timeout=min(10.0, seconds), read_timeout=seconds, retries=retries)
    try:
        session = boto3.Session(profile_name=settings.profile or None, region_name=settings.region or None)
        return session.client("ce", endpoint_url=settings.endpoint_url or None, config=config)
    except (errors.BotoCoreError, ValueError) as error:
        raise BadSetting(
            f"{settings.name} cannot reach AWS: {error}.", "Correct its region, profile and endpoint_url."
        ) from error


def _period(start: date, end: date) -> dict[str, str]:
    return {"Start": start.isoformat(), "End": end.isoformat()}


def _account_names(page: dict[str, Any]) -> dict[str, str]:
    """Return the names that a page has: those of an earlier one are not told again."""
    found = ((one.get("Value"), (one.get("Attributes") or {}).get("description")) for one in _described(page))
    return {account: name for account, name in found if account and name}


def _described(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in page.get("DimensionValueAttributes") or () if isinstance(one, dict)]
