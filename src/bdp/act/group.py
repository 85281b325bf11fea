"""The desired capacity of an Auto Scaling group."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from bdp.act import aws
from bdp.act.action import Tools
from bdp.act.amount import Amount
from bdp.act.capacity import SETTING, Capacity
from bdp.act.lever import State
from bdp.act.parameters import is_listed
from bdp.errors import NotFound, NotPossible
from bdp.model.plan import Request

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.client import AutoScalingClient


class GroupCapacity(Capacity):
    """Set within the group's own minimum and maximum; with `raise_max` the maximum goes up as well."""

    counts: ClassVar[tuple[str, str]] = "desired capacity", "원하는 용량"
    service: ClassVar[str] = "autoscaling"

    def __init__(self, tools: Tools, amount: Amount, name: str, raise_max: bool, region: str) -> None:
        super().__init__(tools, amount, f"asg:{name}", region)
        self._name, self._raise_max = name, raise_max
        self.listed = is_listed(name, self._bounds.groups, f"{SETTING}.groups")
        self._running = 0

    def read(self) -> State:
        """Ask for the group."""
        client: AutoScalingClient = self.client()
        with aws.told(self.service):
            groups = client.describe_auto_scaling_groups(AutoScalingGroupNames=[self._name])["AutoScalingGroups"]
        if not groups:
            raise NotFound(f"There is no Auto Scaling group {self._name}.", "Check name and region.")
        group = groups[0]
        if group.get("Status"):
            raise NotFound(f"The Auto Scaling group {self._name} is being deleted.", "Check name and region.")
        serving = [one for one in group.get("Instances", []) if one["LifecycleState"] == "InService"]
        self._running = sum(int(one.get("WeightedCapacity", "1")) for one in serving)
        return {
            "capacity": group["DesiredCapacity"],
            "min": group["MinSize"],
            "max": group["MaxSize"],
            "running": self._running,
        }

    def goal(self, before: State, key: str) -> State:
        """Return the number, and the new maximum where it must go up."""
        goal = super().goal(before, key)
        many = goal["capacity"]
        if before["min"] <= many <= before["max"]:
            return goal
        if many > before["max"] and self._raise_max:
            return goal | {"max": many}
        raise NotPossible(
            f"{self.resource} is bound to {before['min']} to {before['max']}, {many} is outside.",
            "Change the group's bounds, or say raise_max.",
        )

    def calls(self, goal: State) -> tuple[Request, ...]:
        """Return the one call that sets the number, or both numbers at once."""
        body = {"AutoScalingGroupName": self._name, "DesiredCapacity": goal["capacity"]}
        if "max" in goal:
            return (Request(call="autoscaling UpdateAutoScalingGroup", body=body | {"MaxSize": goal["max"]}),)
        return (Request(call="autoscaling SetDesiredCapacity", body=body | {"HonorCooldown": False}),)

    def write(self, goal: State) -> None:
        """Send it."""
        client: AutoScalingClient = self.client()
        name, many = self._name, goal["capacity"]
        with aws.told(self.service):
            if "max" in goal:
                client.update_auto_scaling_group(AutoScalingGroupName=name, DesiredCapacity=many, MaxSize=goal["max"])
            else:
                client.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=many, HonorCooldown=False)

    def settled(self, goal: State) -> bool:
        """Return whether enough instances serve."""
        return bool(self._running >= goal["capacity"])
