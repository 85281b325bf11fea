"""Parameters come from playbooks and models: what is not exactly a name or a number is refused before anything else."""

from __future__ import annotations

from typing import Any

import pytest

from bdp.act.auto_scaling import AutoScalingParameters
from bdp.act.eventbridge_event import EventBridgeEventParameters
from bdp.act.kubernetes_rollout import KubernetesRolloutParameters
from bdp.act.lambda_restart import LambdaRestartParameters
from bdp.act.parameters import is_listed, typed
from bdp.act.rds_parameter import RdsParameterParameters
from bdp.errors import BadRequest, NotAllowed
from bdp.model.analysis import ActionProposal, ActionType

KINDS: dict[ActionType, Any] = {
    ActionType.LAMBDA_RESTART: LambdaRestartParameters,
    ActionType.RDS_PARAMETER: RdsParameterParameters,
    ActionType.AUTO_SCALING: AutoScalingParameters,
    ActionType.EVENTBRIDGE_EVENT: EventBridgeEventParameters,
    ActionType.KUBERNETES_ROLLOUT: KubernetesRolloutParameters,
}
GOOD: list[tuple[ActionType, dict[str, Any], tuple[str, ...]]] = [
    (ActionType.LAMBDA_RESTART, {"function": "cart", "region": "eu-west-1"}, ("function", "region")),
    (ActionType.RDS_PARAMETER, {"group": "shop-db", "parameters": {"work_mem": 4}}, ("group",)),
    (ActionType.AUTO_SCALING, {"target": "auto_scaling_group", "group": "web.1", "to": 3}, ("group", "target")),
    (
        ActionType.AUTO_SCALING,
        {"target": "ecs_service", "cluster": "prod", "service": "cart", "by": -1},
        ("cluster", "service"),
    ),
    (ActionType.AUTO_SCALING, {"target": "lambda_reserved", "function": "cart", "to": 0}, ("function",)),
    (
        ActionType.AUTO_SCALING,
        {"target": "lambda_provisioned", "function": "cart", "qualifier": "live", "factor": 1.5},
        ("function", "qualifier"),
    ),
    (ActionType.EVENTBRIDGE_EVENT, {"bus": "shop", "detail_type": "drain host", "detail": {}}, ("bus", "detail_type")),
    (ActionType.KUBERNETES_ROLLOUT, {"operation": "restart", "namespace": "shop", "name": "cart"}, ("name",)),
    (
        ActionType.KUBERNETES_ROLLOUT,
        {"operation": "scale", "kind": "statefulset", "namespace": "shop", "name": "cart.v2", "to": 2},
        ("namespace", "kind", "name"),
    ),
    (
        ActionType.KUBERNETES_ROLLOUT,
        {"operation": "rollback", "namespace": "shop", "name": "cart", "revision": 3},
        ("operation",),
    ),
]
HOSTILE = (
    "cart\n",
    "\ncart",
    "cart\x00",
    "*",
    "ca?t",
    "[a-z]*",
    "arn:aws:lambda:us-east-1:999999999999:function:cart",
    "999999999999:function:cart",
    "../other",
    "cart/../../kube-system",
    "cart?x=1",
    "cart#x",
    "cart%2f",
    "ｃａｒｔ",
    "$(reboot)",
    "",
    "x" * 300,
)


def proposal(type: ActionType, parameters: dict[str, Any]) -> ActionProposal:
    return ActionProposal(type=type, description="d", parameters=parameters)


@pytest.mark.parametrize(("type", "parameters", "names"), GOOD)
def test_names_that_are_none_are_refused(type: ActionType, parameters: dict[str, Any], names: tuple[str, ...]) -> None:
    typed(proposal(type, parameters), KINDS[type])
    for name in names:
        for hostile in HOSTILE:
            if (name, hostile) != ("region", ""):
                with pytest.raises(BadRequest):
                    typed(proposal(type, parameters | {name: hostile}), KINDS[type])


@pytest.mark.parametrize(("type", "parameters", "names"), GOOD)
def test_unknown_keys_are_refused(type: ActionType, parameters: dict[str, Any], names: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest) as refused:
        typed(proposal(type, parameters | {"endpoint_url\x1b[31m": "http://evil.example"}), KINDS[type])
    assert "\x1b" not in str(refused.value)
    assert "evil.example" not in str(refused.value)


@pytest.mark.parametrize(
    ("type", "parameters"),
    [
        (ActionType.LAMBDA_RESTART, {}),
        (ActionType.RDS_PARAMETER, {"group": "shop-db", "parameters": {}}),
        (ActionType.RDS_PARAMETER, {"group": "shop-db", "parameters": {"a b": 1}}),
        (ActionType.RDS_PARAMETER, {"group": "shop-db", "parameters": {"work_mem": "{DBInstanceClassMemory/2}"}}),
        (ActionType.RDS_PARAMETER, {"group": "shop-db", "parameters": {"work_mem": "1\n2"}}),
        (ActionType.RDS_PARAMETER, {"group": "shop-db", "parameters": {"work_mem": ["1"]}}),
        (ActionType.RDS_PARAMETER, {"group": "shop-db", "parameters": {f"p{n}": 1 for n in range(21)}}),
        (ActionType.AUTO_SCALING, {"target": "rds_cluster", "group": "web", "to": 3}),
        (ActionType.AUTO_SCALING, {"target": "auto_scaling_group", "group": "web"}),
        (ActionType.AUTO_SCALING, {"target": "auto_scaling_group", "group": "web", "to": 3, "by": 1}),
        (ActionType.AUTO_SCALING, {"target": "auto_scaling_group", "group": "web", "to": -1}),
        (ActionType.AUTO_SCALING, {"target": "auto_scaling_group", "group": "web", "factor": float("inf")}),
        (ActionType.AUTO_SCALING, {"target": "auto_scaling_group", "group": "web", "factor": float("nan")}),
        (ActionType.AUTO_SCALING, {"target": "auto_scaling_group", "group": "web", "to": 2.5}),
        (ActionType.EVENTBRIDGE_EVENT, {"bus": "default", "detail_type": "x", "detail": "not an object"}),
        (ActionType.KUBERNETES_ROLLOUT, {"operation": "delete", "namespace": "shop", "name": "cart"}),
        (ActionType.KUBERNETES_ROLLOUT, {"operation": "restart", "kind": "pod", "namespace": "shop", "name": "cart"}),
        (ActionType.KUBERNETES_ROLLOUT, {"operation": "rollback", "namespace": "s", "name": "c", "revision": 0}),
    ],
)
def test_what_does_not_fit_is_refused(type: ActionType, parameters: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=type):
        typed(proposal(type, parameters), KINDS[type])


def test_a_truth_and_a_number_are_values_of_a_database() -> None:
    given = typed(
        proposal(ActionType.RDS_PARAMETER, {"group": "g", "parameters": {"a": True, "b": 5, "c": 0.5, "d": "on"}}),
        RdsParameterParameters,
    )
    assert given.parameters == {"a": "1", "b": "5", "c": "0.5", "d": "on"}


def test_a_list_is_asked_by_globs_and_an_empty_one_lists_nothing() -> None:
    assert is_listed("shop-db", ("pay-*", "shop-*"), "act.x")
    assert not is_listed("shop-db", (), "act.x")
    for globs in (("pay-*",), ("SHOP-*",), ("shop",)):
        with pytest.raises(NotAllowed, match=r"act\.x"):
            is_listed("shop-db", globs, "act.x")
