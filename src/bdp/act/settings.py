"""What actions may touch, and how they behave. Out of the box nothing is listed and nothing is changed."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bdp.model.plan import Risk


class DryRun(StrEnum):
    """What is only shown instead of done."""

    EVERYTHING = "everything"
    CHANGES = "changes"
    NOTHING = "nothing"


class Operation(BaseModel):
    """Where a named operation, such as `rollback`, is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(min_length=1, description="https address; http only on this machine")
    method: str = Field(default="POST", pattern="^(POST|PUT)$", description="POST or PUT")
    headers: dict[str, str] = Field(default={}, description="sent along; env:NAME takes an environment variable")
    undo_url: str = Field(default="", description="called with the same body to take it back; empty: no undo")
    risk: Risk = Field(default=Risk.MEDIUM, description="harm that a wrong call can do, for the policy")


class WebhookSettings(BaseModel):
    """What the action `webhook` may call. Nothing is listed at first, so it only shows what it would do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operations: dict[str, Operation] = Field(default={}, description="addresses of the operations that playbooks name")
    prefixes: tuple[str, ...] = Field(default=(), description="addresses that a proposal may name by itself begin so")
    allow_http: bool = Field(default=False, description="also call http addresses beyond this machine")
    timeout_seconds: float = Field(default=10.0, gt=0, le=60, description="for connecting and for each answer")


class AwsSettings(BaseModel):
    """How the actions on AWS reach it. Credentials come as AWS's own tools find them; they are never settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: tuple[str, ...] = Field(
        default=(), description="regions that may be touched, the first if none is named; empty: the machine's own"
    )
    endpoint_url: str = Field(default="", description="address of another endpoint than the region's, for tests")
    role_arn: str = Field(default="", description="role to take for acting; empty: the machine's own credentials")
    external_id: str = Field(default="", description="external id that the role's trust asks for")
    timeout_seconds: float = Field(default=10.0, ge=0.05, le=60, description="for connecting and for each answer")


class LambdaRestartSettings(BaseModel):
    """Which functions `lambda_restart` may restart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    functions: tuple[str, ...] = Field(default=(), description="names of functions, as globs; empty: none")


class RdsParameterSettings(BaseModel):
    """Which database parameters `rds_parameter` may change. Both lists must name them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: tuple[str, ...] = Field(default=(), description="names of DB parameter groups, as globs; empty: none")
    parameters: tuple[str, ...] = Field(default=(), description="names of parameters, as globs; empty: none")


class AutoScalingSettings(BaseModel):
    """What `auto_scaling` may scale, and how far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: tuple[str, ...] = Field(default=(), description="names of Auto Scaling groups, as globs; empty: none")
    services: tuple[str, ...] = Field(default=(), description="ECS services as cluster/service, as globs; empty: none")
    functions: tuple[str, ...] = Field(
        default=(), description="Lambda functions whose concurrency may be set, as globs; empty: none"
    )
    most: int = Field(default=20, ge=1, le=100_000, description="never more than this")
    least: int = Field(default=1, ge=0, le=100_000, description="never less than this")
    max_factor: float = Field(default=2.0, gt=1, le=100, description="most times as many, or as few, in one action")


class EventBridgeEventSettings(BaseModel):
    """Which events `eventbridge_event` may put, and where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    buses: tuple[str, ...] = Field(default=(), description="names of event buses, as globs; empty: none")
    detail_types: tuple[str, ...] = Field(default=("*",), description="detail types that may be put, as globs")
    source: str = Field(
        default="bdp.agent", pattern=r"\A[A-Za-z0-9_./-]+\z", max_length=256, description="source that the events name"
    )
    risk: Risk = Field(default=Risk.MEDIUM, description="harm that a wrong event can do, for the policy")


class KubernetesRolloutSettings(BaseModel):
    """What `kubernetes_rollout` may touch, and how the cluster is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workloads: tuple[str, ...] = Field(
        default=(), description="workloads as kind:namespace/name, such as deployment:shop/*, as globs; empty: none"
    )
    login: Literal["kubeconfig", "in_cluster"] = Field(
        default="kubeconfig", description="kubeconfig, or in_cluster for the service account of the pod BDP runs in"
    )
    kubeconfig: str = Field(default="", description="path of the kubeconfig; empty: as kubectl finds it")
    context: str = Field(default="", description="context of the kubeconfig; empty: its current one")
    timeout_seconds: float = Field(default=10.0, ge=0.05, le=60, description="for connecting and for each answer")
    most: int = Field(default=20, ge=1, le=100_000, description="never more replicas than this")
    least: int = Field(default=1, ge=0, le=100_000, description="never fewer replicas than this")
    max_factor: float = Field(default=2.0, gt=1, le=100, description="most times as many, or as few, in one action")


class ActSettings(BaseModel):
    """How actions behave."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: DryRun = Field(
        default=DryRun.CHANGES, description="changes: what alters a system is only shown; telling and reading are done"
    )
    webhook: WebhookSettings = Field(default=WebhookSettings(), description="what the action webhook may call")
    aws: AwsSettings = Field(default=AwsSettings(), description="how actions reach AWS")
    lambda_restart: LambdaRestartSettings = Field(
        default=LambdaRestartSettings(), description="what the action lambda_restart may touch"
    )
    rds_parameter: RdsParameterSettings = Field(
        default=RdsParameterSettings(), description="what the action rds_parameter may touch"
    )
    auto_scaling: AutoScalingSettings = Field(
        default=AutoScalingSettings(), description="what the action auto_scaling may touch"
    )
    eventbridge_event: EventBridgeEventSettings = Field(
        default=EventBridgeEventSettings(), description="what the action eventbridge_event may put"
    )
    kubernetes_rollout: KubernetesRolloutSettings = Field(
        default=KubernetesRolloutSettings(), description="what the action kubernetes_rollout may touch"
    )
    tries: int = Field(default=3, ge=1, le=10, description="calls of one effect before it counts as failed")
    pause_seconds: float = Field(default=0.5, ge=0, le=30, description="before the second call; doubles each time")
    wait_seconds: float = Field(
        default=60.0, ge=0, le=600, description="longest wait until what was changed has settled, when it is verified"
    )
    poll_seconds: float = Field(default=2.0, ge=0.01, le=60, description="between two looks at what was changed")
    window_minutes: int = Field(default=5, ge=1, le=1440, description="length of the stretches that investigate counts")
