"""The concurrency of a Lambda function: what is reserved for it, and what is kept warm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bdp.act import aws
from bdp.act.action import Tools
from bdp.act.amount import Amount
from bdp.act.capacity import SETTING, Capacity
from bdp.act.lever import State
from bdp.act.parameters import is_listed
from bdp.errors import NotFound, NotPossible
from bdp.model.plan import Request, Risk
from bdp.notify.plain import one_line

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

_NONE_SET = "ProvisionedConcurrencyConfigNotFoundException"


class ReservedConcurrency(Capacity):
    """Also the most that the function may have at once; None: no limit but the account's."""

    counts: ClassVar[tuple[str, str]] = "reserved concurrency", "예약 동시성 수"
    service: ClassVar[str] = "lambda"

    def __init__(self, tools: Tools, amount: Amount, function: str, region: str) -> None:
        super().__init__(tools, amount, f"lambda:{function}", region)
        self._name = function
        self.listed = is_listed(function, self._bounds.functions, f"{SETTING}.functions")

    def read(self) -> State:
        """Ask for it."""
        client: LambdaClient = self.client()
        with aws.told(self.service):
            return {
                "capacity": client.get_function_concurrency(FunctionName=self._name).get("ReservedConcurrentExecutions")
            }

    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        """One function is touched."""
        return super().weigh(before, goal)[0], 1

    def calls(self, goal: State) -> tuple[Request, ...]:
        """Return the one call."""
        body: dict[str, Any] = {"FunctionName": self._name}
        if goal["capacity"] is None:
            return (Request(call="lambda DeleteFunctionConcurrency", body=body),)
        body["ReservedConcurrentExecutions"] = goal["capacity"]
        return (Request(call="lambda PutFunctionConcurrency", body=body),)

    def write(self, goal: State) -> None:
        """Send it."""
        client: LambdaClient = self.client()
        with aws.told(self.service):
            if goal["capacity"] is None:
                client.delete_function_concurrency(FunctionName=self._name)
            else:
                client.put_function_concurrency(FunctionName=self._name, ReservedConcurrentExecutions=goal["capacity"])


class ProvisionedConcurrency(Capacity):
    """Warm environments of a version or an alias; None: none are kept."""

    counts: ClassVar[tuple[str, str]] = "provisioned concurrency", "프로비저닝된 동시성 수"
    service: ClassVar[str] = "lambda"

    def __init__(self, tools: Tools, amount: Amount, function: str, qualifier: str, region: str) -> None:
        super().__init__(tools, amount, f"lambda:{function}:{qualifier}", region)
        self._named = {"FunctionName": function, "Qualifier": qualifier}
        self.listed = is_listed(function, self._bounds.functions, f"{SETTING}.functions")
        self._status = self._why = ""

    def read(self) -> State:
        """Ask for it."""
        client: LambdaClient = self.client()
        try:
            with aws.told(self.service):
                found: Any = client.get_provisioned_concurrency_config(**self._named)
        except NotFound as error:
            if aws.code_of(error.__cause__) != _NONE_SET:
                raise
            found = {}
        self._status, self._why = found.get("Status", "READY"), found.get("StatusReason", "")
        return {"capacity": found.get("RequestedProvisionedConcurrentExecutions")}

    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        """One function is touched; warm environments where there were none harm nobody."""
        return (Risk.MEDIUM if before["capacity"] is None else super().weigh(before, goal)[0]), 1

    def calls(self, goal: State) -> tuple[Request, ...]:
        """Return the one call."""
        if goal["capacity"] is None:
            return (Request(call="lambda DeleteProvisionedConcurrencyConfig", body=self._named),)
        body = self._named | {"ProvisionedConcurrentExecutions": goal["capacity"]}
        return (Request(call="lambda PutProvisionedConcurrencyConfig", body=body),)

    def write(self, goal: State) -> None:
        """Send it."""
        client: LambdaClient = self.client()
        with aws.told(self.service):
            if goal["capacity"] is None:
                client.delete_provisioned_concurrency_config(**self._named)
            else:
                client.put_provisioned_concurrency_config(
                    **self._named, ProvisionedConcurrentExecutions=goal["capacity"]
                )

    def settled(self, goal: State) -> bool:
        """Return whether they are warm."""
        if self._status == "FAILED":
            raise NotPossible(f"AWS could not keep {self.resource} warm: {one_line(self._why, 300)}", "Look at it.")
        return self._status == "READY"
