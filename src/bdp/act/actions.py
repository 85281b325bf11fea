"""Every kind of action."""

from __future__ import annotations

from bdp.act.action import Action
from bdp.act.auto_scaling import AutoScalingAction
from bdp.act.eventbridge_event import EventBridgeEventAction
from bdp.act.investigate import InvestigateAction
from bdp.act.kubernetes_rollout import KubernetesRolloutAction
from bdp.act.lambda_restart import LambdaRestartAction
from bdp.act.notify import NotifyAction
from bdp.act.rds_parameter import RdsParameterAction
from bdp.act.webhook import WebhookAction
from bdp.model.analysis import ActionType

ACTIONS: dict[ActionType, type[Action]] = {
    ActionType.NOTIFY: NotifyAction,
    ActionType.INVESTIGATE: InvestigateAction,
    ActionType.WEBHOOK: WebhookAction,
    ActionType.LAMBDA_RESTART: LambdaRestartAction,
    ActionType.RDS_PARAMETER: RdsParameterAction,
    ActionType.AUTO_SCALING: AutoScalingAction,
    ActionType.EVENTBRIDGE_EVENT: EventBridgeEventAction,
    ActionType.KUBERNETES_ROLLOUT: KubernetesRolloutAction,
}
