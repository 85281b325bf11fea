"""RDS parameter: change named parameters of a DB parameter group.

A dynamic parameter takes effect at once, a static one when an instance is next rebooted. Values are checked against
what RDS says of the parameter before anything is sent. The groups that AWS made (`default.*`) cannot be changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bdp.act import aws
from bdp.act.action import Tools
from bdp.act.allowed_values import check_value
from bdp.act.lever import Lever, LeverAction, State, Words
from bdp.act.parameters import Region, is_listed, typed
from bdp.errors import NotAllowed, NotFound, NotPossible
from bdp.model.analysis import ActionProposal
from bdp.model.plan import ActionPlan, Request, Risk
from bdp.notify.plain import one_line

if TYPE_CHECKING:
    from mypy_boto3_rds.client import RDSClient
    from mypy_boto3_rds.type_defs import ParameterOutputTypeDef


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


_Name = Annotated[str, Field(pattern=r"\A[A-Za-z][A-Za-z0-9_.]*\z", max_length=255)]
# Formulas such as {DBInstanceClassMemory/4} are left to people.
_Value = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"\A[^\x00-\x1f\x7f{}]+\z", max_length=1000)]


class RdsParameterParameters(BaseModel):
    """`group`: name of the DB parameter group; `parameters`: the new values by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = Field(pattern=r"\A(default\.)?[A-Za-z][A-Za-z0-9.-]*\z", max_length=255)
    parameters: dict[_Name, _Value] = Field(min_length=1, max_length=20)
    region: Region = ""


class RdsParameterAction(LeverAction):
    """Changes the parameters of one group."""

    def lever(self, asked: ActionProposal | ActionPlan) -> Lever:
        """Return the group."""
        return ParameterGroup(self._tools, typed(asked, RdsParameterParameters))


class ParameterGroup(Lever):
    """Some parameters of a group. The state is each one's value, and whether it was set or is the engine's default."""

    def __init__(self, tools: Tools, given: RdsParameterParameters) -> None:
        rules = tools.settings.rds_parameter
        if given.group.lower().startswith("default."):
            raise NotAllowed("The default parameter groups cannot be changed.", "Give the database a group of its own.")
        self._tools, self._wanted = tools, given.parameters
        self._group, self._region = given.group.lower(), given.region
        self.resource = f"rds:{self._group}"
        self.listed = is_listed(self._group, rules.groups, "act.rds_parameter.groups")
        for name in given.parameters if self.listed else ():
            self.listed &= is_listed(name, rules.parameters, "act.rds_parameter.parameters")
        names = ", ".join(given.parameters)
        self.intent = (
            f"Change {names} of the DB parameter group {self._group}.",
            f"DB 파라미터 그룹 {self._group}: {names} 값을 변경합니다.",
        )
        self._now: State = {}
        self._rules: State = {}
        self._applying = False

    def read(self) -> State:
        """Ask for the parameters, and for the instances that use the group."""
        client: RDSClient = aws.client(self._tools, "rds", self._region)
        with aws.told("rds"):
            found = {one["ParameterName"]: one for one in _parameters(client, self._group, set(self._wanted))}
            used = list(_applied(client, self._group))
        missing = sorted(self._wanted.keys() - found.keys())
        if missing:
            raise NotFound(f"{self._group} has no parameter {missing[0]}.", "Check its name and the engine.")
        self._applying = "applying" in used
        self._now = {name: _standing(found[name]) for name in self._wanted}
        self._rules = {name: _rules_of(found[name]) for name in self._wanted}
        return {"parameters": self._now, "rules": self._rules, "instances": len(used)}

    def goal(self, before: State, key: str) -> State:
        """Return the values, checked."""
        for name, value in self._wanted.items():
            rules = before["rules"][name]
            if not rules["modifiable"]:
                raise NotPossible(f"{name} cannot be changed.", "RDS keeps it as it is.")
            check_value(name, value, rules["type"], rules["allowed"])
        return {"parameters": {name: {"value": value, "set": True} for name, value in self._wanted.items()}}

    def requests(self, before: State, goal: State) -> tuple[Request, ...]:
        """Return the one call."""
        entries = [_entry(name, to["value"], before["rules"]) for name, to in goal["parameters"].items()]
        body = {"DBParameterGroupName": self._group, "Parameters": entries}
        return (Request(call="rds ModifyDBParameterGroup", body=body),)

    def words(self, before: State, goal: State) -> Words:
        """Say it."""
        old, new = before["parameters"], goal["parameters"]
        late = [name for name in new if _method(name, before["rules"]) != "immediate"]
        moves = [f"{name} {_text(old[name]['value'])} → {new[name]['value']}" for name in new]
        moves_ko = [f"{name} {_text(old[name]['value'], '기본값')} → {new[name]['value']}" for name in new]
        set_before = [f"{name} = {_text(old[name]['value'])}" for name in new if old[name]["set"]]
        resets = [name for name in new if not old[name]["set"]]
        back = [f"rds ModifyDBParameterGroup {', '.join(set_before)}"] if set_before else []
        back += [f"rds ResetDBParameterGroup {', '.join(resets)}"] if resets else []
        when = f"; {', '.join(late)} when an instance is next rebooted" if late else ""
        when_ko = f" {', '.join(late)} 값은 다음 재부팅 시 적용됩니다." if late else ""
        return Words(
            f"Set in the DB parameter group {self._group}: {', '.join(moves)}{when}.",
            f"DB 파라미터 그룹 {self._group}의 값을 변경합니다: {', '.join(moves_ko)}.{when_ko}",
            f"{'; '.join(back)} in {self._group}.",
            f"{self._group}: {'; '.join(back)} 호출로 이전 값으로 되돌립니다.",
        )

    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        """Every instance that uses the group is touched."""
        return Risk.HIGH, before["instances"]

    def write(self, goal: State) -> None:
        """Set what is to have a value, reset what is to have the default; what is so already is left."""
        to_go = {name: to for name, to in goal["parameters"].items() if self._now[name] != to}
        sets = [_entry(name, to["value"], self._rules) for name, to in to_go.items() if to["set"]]
        resets = [_reset(name, self._rules) for name, to in to_go.items() if not to["set"]]
        client: RDSClient = aws.client(self._tools, "rds", self._region)
        with aws.told("rds"):
            if sets:
                client.modify_db_parameter_group(DBParameterGroupName=self._group, Parameters=sets)
            if resets:
                client.reset_db_parameter_group(
                    DBParameterGroupName=self._group, ResetAllParameters=False, Parameters=resets
                )

    def between(self, now: State, start: State, goal: State) -> bool:
        """Taking back may need two calls, so each parameter by itself is as it was or as it shall be."""
        old, new, found = start["parameters"], goal["parameters"], now["parameters"]
        return all(found[name] in (old[name], new[name]) for name in new)

    def settled(self, goal: State) -> bool:
        """Return whether no instance is still taking it over. One that waits for a reboot is as planned."""
        return not self._applying


def _parameters(client: RDSClient, group: str, names: set[str]) -> Iterator[ParameterOutputTypeDef]:
    for page in client.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group):
        yield from (one for one in page["Parameters"] if one.get("ParameterName") in names)


def _applied(client: RDSClient, group: str) -> Iterator[str]:
    """Yield how far each instance is that uses the group, such as `in-sync`."""
    for page in client.get_paginator("describe_db_instances").paginate():
        for instance in page["DBInstances"]:
            used = {one["DBParameterGroupName"]: one for one in instance.get("DBParameterGroups", [])}
            if group in used:
                yield used[group].get("ParameterApplyStatus", "")


def _standing(parameter: ParameterOutputTypeDef) -> State:
    return {"value": parameter.get("ParameterValue"), "set": parameter.get("Source") == "user"}


def _rules_of(parameter: ParameterOutputTypeDef) -> State:
    return {
        "type": parameter.get("DataType", ""),
        "allowed": parameter.get("AllowedValues", ""),
        "apply": parameter.get("ApplyType", ""),
        "modifiable": parameter.get("IsModifiable", False),
    }


def _method(name: str, rules: State) -> str:
    return "immediate" if rules[name]["apply"] == "dynamic" else "pending-reboot"


def _entry(name: str, value: str, rules: State) -> Any:
    return {"ParameterName": name, "ParameterValue": value, "ApplyMethod": _method(name, rules)}


def _reset(name: str, rules: State) -> Any:
    return {"ParameterName": name, "ApplyMethod": _method(name, rules)}


def _text(value: str | None, default: str = "the default") -> str:
    return default if value is None else one_line(value, 200)
