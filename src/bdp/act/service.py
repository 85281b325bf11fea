"""The number of tasks of an ECS service."""

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
    from mypy_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from mypy_boto3_ecs.client import ECSClient


class ServiceCount(Capacity):
    """Set within the bounds that Application Auto Scaling keeps for the service, if it keeps any."""

    counts: ClassVar[tuple[str, str]] = "number of tasks", "태스크 수"
    service: ClassVar[str] = "ecs"

    def __init__(self, tools: Tools, amount: Amount, cluster: str, service: str, region: str) -> None:
        super().__init__(tools, amount, f"ecs:{cluster}/{service}", region)
        self._cluster, self._service = cluster, service
        self.listed = is_listed(f"{cluster}/{service}", self._bounds.services, f"{SETTING}.services")
        self._running = 0

    def read(self) -> State:
        """Ask for the service and its bounds."""
        client: ECSClient = self.client()
        with aws.told(self.service):
            found = client.describe_services(cluster=self._cluster, services=[self._service])["services"]
        if not found or found[0]["status"] != "ACTIVE":
            raise NotFound(f"There is no active service {self._service} in {self._cluster}.", "Check name and region.")
        if found[0].get("schedulingStrategy") == "DAEMON":
            raise NotPossible(f"{self.resource} runs once on each machine.", "Scale the machines.")
        self._running = found[0]["runningCount"]
        return {"capacity": found[0]["desiredCount"], "running": self._running, **self._kept_within()}

    def goal(self, before: State, key: str) -> State:
        """Return the number."""
        goal = super().goal(before, key)
        if "min" in before and not before["min"] <= goal["capacity"] <= before["max"]:
            raise NotPossible(
                f"Application Auto Scaling keeps {self.resource} within {before['min']} to {before['max']}.",
                "Change those bounds.",
            )
        return goal

    def calls(self, goal: State) -> tuple[Request, ...]:
        """Return the one call."""
        body = {"cluster": self._cluster, "service": self._service, "desiredCount": goal["capacity"]}
        return (Request(call="ecs UpdateService", body=body),)

    def write(self, goal: State) -> None:
        """Send it."""
        client: ECSClient = self.client()
        with aws.told(self.service):
            client.update_service(cluster=self._cluster, service=self._service, desiredCount=goal["capacity"])

    def settled(self, goal: State) -> bool:
        """Return whether enough tasks run."""
        return bool(self._running >= goal["capacity"])

    def _kept_within(self) -> State:
        scaling: ApplicationAutoScalingClient = aws.client(self._tools, "application-autoscaling", self._region)
        with aws.told("application-autoscaling"):
            targets = scaling.describe_scalable_targets(
                ServiceNamespace="ecs",
                ResourceIds=[f"service/{self._cluster}/{self._service}"],
                ScalableDimension="ecs:service:DesiredCount",
            )["ScalableTargets"]
        return {"min": targets[0]["MinCapacity"], "max": targets[0]["MaxCapacity"]} if targets else {}
