"""Every kind of action."""

from __future__ import annotations

from bdp.act.action import Action
from bdp.act.investigate import InvestigateAction
from bdp.act.notify import NotifyAction
from bdp.act.webhook import WebhookAction
from bdp.model.analysis import ActionType

ACTIONS: dict[ActionType, type[Action]] = {
    ActionType.NOTIFY: NotifyAction,
    ActionType.INVESTIGATE: InvestigateAction,
    ActionType.WEBHOOK: WebhookAction,
}
