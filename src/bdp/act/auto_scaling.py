"""Auto scaling: set how many there are, of instances, tasks or concurrent runs of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, RootModel

from bdp.act.action import Tools
from bdp.act.amount import Amount
from bdp.act.capacity import Capacity
from bdp.act.concurrency import ProvisionedConcurrency, ReservedConcurrency
from bdp.act.group import GroupCapacity
from bdp.act.lever import Lever, LeverAction
from bdp.act.parameters import Region, typed
from bdp.act.service import ServiceCount
from bdp.model.analysis import ActionProposal
from bdp.model.plan import ActionPlan

_Function = Annotated[str, Field(pattern=r"\A[A-Za-z0-9_-]{1,64}\z")]
_Ecs = Annotated[str, Field(pattern=r"\A[A-Za-z0-9_-]+\z", max_length=255)]


class GroupParameters(Amount):
    """An Auto Scaling group. With `raise_max` its maximum goes up with it, as far as the settings allow."""

    target: Literal["auto_scaling_group"]
    group: str = Field(pattern=r"\A[A-Za-z0-9_.-]+\z", max_length=255)
    raise_max: bool = False
    region: Region = ""


class ServiceParameters(Amount):
    """A service of ECS."""

    target: Literal["ecs_service"]
    cluster: _Ecs
    service: _Ecs
    region: Region = ""


class ReservedParameters(Amount):
    """The concurrency that is kept for a function, and the most that it may have."""

    target: Literal["lambda_reserved"]
    function: _Function
    region: Region = ""


class ProvisionedParameters(Amount):
    """The warm environments of a version or an alias of a function."""

    target: Literal["lambda_provisioned"]
    function: _Function
    qualifier: str = Field(pattern=r"\A[A-Za-z0-9_-]{1,128}\z")
    region: Region = ""


class AutoScalingParameters(RootModel[Any]):
    """One of the four, told apart by `target`."""

    model_config = ConfigDict(frozen=True)

    root: Annotated[
        GroupParameters | ServiceParameters | ReservedParameters | ProvisionedParameters, Field(discriminator="target")
    ]


_CAPACITIES: Final[dict[type[Amount], Callable[[Tools, Any], Capacity]]] = {
    GroupParameters: lambda tools, given: GroupCapacity(tools, given, given.group, given.raise_max, given.region),
    ServiceParameters: lambda tools, given: ServiceCount(tools, given, given.cluster, given.service, given.region),
    ReservedParameters: lambda tools, given: ReservedConcurrency(tools, given, given.function, given.region),
    ProvisionedParameters: lambda tools, given: ProvisionedConcurrency(
        tools, given, given.function, given.qualifier, given.region
    ),
}


class AutoScalingAction(LeverAction):
    """Sets one number."""

    def lever(self, asked: ActionProposal | ActionPlan) -> Lever:
        """Return what `target` names."""
        given = typed(asked, AutoScalingParameters).root
        return _CAPACITIES[type(given)](self._tools, given)
