"""Lambda restart: let a function start afresh by refreshing its configuration.

A function is given the plan's key as the environment variable `BDP_RESTART`; everything else stays as it is. AWS then
starts new execution environments for what comes. The call names the revision that was read, so that AWS refuses it if
anybody changed the function in between. Only `$LATEST` is touched: published versions never change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field

from bdp.act import aws
from bdp.act.action import Tools
from bdp.act.lever import Lever, LeverAction, State, Words
from bdp.act.parameters import Region, is_listed, typed
from bdp.errors import ChannelUnavailable, NotPossible
from bdp.model.analysis import ActionProposal
from bdp.model.plan import ActionPlan, Request, Risk
from bdp.notify.plain import one_line

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

MARK: Final = "BDP_RESTART"
AS_IT_IS: Final = "<as it is>"


class LambdaRestartParameters(BaseModel):
    """`function`: its name, no ARN."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    function: str = Field(pattern=r"\A[A-Za-z0-9_-]{1,64}\z")
    region: Region = ""


class LambdaRestartAction(LeverAction):
    """Restarts one function."""

    def lever(self, asked: ActionProposal | ActionPlan) -> Lever:
        """Return the function."""
        return FunctionMark(self._tools, typed(asked, LambdaRestartParameters))


class FunctionMark(Lever):
    """The environment of a function, with or without our mark."""

    marked: ClassVar[bool] = True

    def __init__(self, tools: Tools, parameters: LambdaRestartParameters) -> None:
        self._tools = tools
        self._name, self._region = parameters.function, parameters.region
        self.resource = f"lambda:{self._name}"
        self.listed = is_listed(self._name, tools.settings.lambda_restart.functions, "act.lambda_restart.functions")
        self.intent = f"Restart the Lambda function {self._name}.", f"Lambda 함수 {self._name}: 재시작합니다."
        self._seen: Any = {}

    def read(self) -> State:
        """Ask for the configuration. Values of variables may be secrets: they stay in this process."""
        client: LambdaClient = aws.client(self._tools, "lambda", self._region)
        with aws.told("lambda"):
            self._seen = client.get_function_configuration(FunctionName=self._name)
        environment = self._seen.get("Environment", {})
        if "Error" in environment:
            # What cannot be read would be lost by writing it back.
            raise aws.denied("kms:Decrypt", str(environment["Error"].get("Message", "the variables cannot be read")))
        variables = environment.get("Variables", {})
        return {
            "restart": variables.get(MARK),
            "code": self._seen.get("CodeSha256", ""),
            "variables": sorted(variables.keys() - {MARK}),
        }

    def goal(self, before: State, key: str) -> State:
        """Return the same function with our key."""
        return {"restart": key, "code": before["code"], "variables": before["variables"]}

    def requests(self, before: State, goal: State) -> tuple[Request, ...]:
        """Return the one call; what the variables hold is not shown."""
        variables = dict.fromkeys(goal["variables"], AS_IT_IS) | {MARK: goal["restart"]}
        body = {"FunctionName": self._name, "Environment": {"Variables": variables}, "RevisionId": "<as read before>"}
        return (Request(call="lambda UpdateFunctionConfiguration", body=body),)

    def words(self, before: State, goal: State) -> Words:
        """Say it."""
        old = before["restart"]
        back = f"set {MARK} of {self._name} back to {one_line(old, 200)}" if old else f"remove {MARK} from {self._name}"
        back_ko = "이전 값으로 되돌립니다" if old else "제거합니다"
        return Words(
            f"Restart the Lambda function {self._name}: set its environment variable {MARK} to {goal['restart']}, so "
            "that new execution environments start; everything else stays.",
            f"Lambda 함수 {self._name}: 환경 변수 {MARK} 값을 {goal['restart']}(으)로 설정하여 재시작합니다. "
            "다른 설정은 그대로 유지합니다.",
            f"lambda UpdateFunctionConfiguration: {back}; that starts new execution environments once more.",
            f"lambda UpdateFunctionConfiguration: {self._name}의 {MARK} 변수를 {back_ko}. "
            "이때 실행 환경이 다시 시작됩니다.",
        )

    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        """One function starts cold."""
        return Risk.MEDIUM, 1

    def write(self, goal: State) -> None:
        """Write the variables back with our mark, or without."""
        if self._seen.get("LastUpdateStatus") == "InProgress":
            raise ChannelUnavailable(f"{self.resource} is being updated.", "It will be tried again.")
        variables = {**self._seen.get("Environment", {}).get("Variables", {})}
        variables.pop(MARK, None)
        if goal["restart"] is not None:
            variables[MARK] = goal["restart"]
        client: LambdaClient = aws.client(self._tools, "lambda", self._region)
        with aws.told("lambda"):
            client.update_function_configuration(
                FunctionName=self._name,
                Environment={"Variables": variables},
                **({"RevisionId": self._seen["RevisionId"]} if self._seen.get("RevisionId") else {}),
            )

    def settled(self, goal: State) -> bool:
        """Return whether AWS has taken the configuration into service."""
        status = self._seen.get("LastUpdateStatus")
        if status == "Failed":
            why = one_line(str(self._seen.get("LastUpdateStatusReason", "")), 300)
            raise NotPossible(f"AWS could not update {self.resource}: {why}", "Look at the function.")
        return bool(status == "Successful")
