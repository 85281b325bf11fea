"""Undo restores what was before, for every action that can be undone and from any state; and a lever is turned once.

The states are set at moto's server and at a cluster's API, both over HTTP, and read back there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bdp.act.kubernetes_rollout import ACTION, RESTART
from bdp.act.lambda_restart import MARK
from bdp.act.lever import Lever, LeverAction, State, Words
from bdp.act.settings import (
    ActSettings,
    AutoScalingSettings,
    KubernetesRolloutSettings,
    LambdaRestartSettings,
    RdsParameterSettings,
)
from bdp.model.action import ActionStatus
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.plan import ActionPlan, Request, Risk
from tests.integration import acting as scene
from tests.integration.acting import Acting, Died, DyingEffects, Run, acting
from tests.integration.aws_loopback import AwsLoopback, allow, loopback
from tests.integration.kubernetes_api import KubernetesApi, cluster

EXAMPLES = 12
_WIDE = AutoScalingSettings(groups=("*",), services=("*",), functions=("*",), least=0, most=1000, max_factor=100)
_keys = itertools.count(1)


@pytest.fixture(scope="module")
def cloud() -> Iterator[AwsLoopback]:
    made = loopback()
    made.make_function("any", {})
    made.make_parameter_group("any-group")
    made.make_group("any-web", 0, 1, 9)
    made.make_service("any", "any", 1)
    with pytest.MonkeyPatch.context() as patch:
        allow(patch)
        yield made


@pytest.fixture(scope="module")
def api() -> Iterator[KubernetesApi]:
    with cluster() as made:
        yield made


@pytest.fixture(scope="module")
def ops(cloud: AwsLoopback, api: KubernetesApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acting]:
    folder: Path = tmp_path_factory.mktemp("kube")
    rules: ActSettings = scene.settings(
        aws=cloud.settings,
        lambda_restart=LambdaRestartSettings(functions=("*",)),
        rds_parameter=RdsParameterSettings(groups=("*",), parameters=("*",)),
        auto_scaling=_WIDE,
        kubernetes_rollout=KubernetesRolloutSettings(
            workloads=("*",),
            kubeconfig=api.kubeconfig(folder),
            context="tests",
            least=0,
            most=1000,
            max_factor=100,
        ),
    )
    with acting(rules) as made:
        yield made


def there_and_back(ops: Acting, type: ActionType, **parameters: Any) -> None:
    run = ops.run(type, **parameters)
    assert run.result.data["changed"]
    assert run.undo().status is ActionStatus.UNDONE


VARIABLES = st.dictionaries(st.from_regex(r"\A[A-Z][A-Z0-9_]{1,8}\Z"), st.text("abc=;\n'\"한", min_size=1), max_size=4)


@settings(max_examples=EXAMPLES)
@given(variables=VARIABLES, mark=st.none() | st.text("ab:", min_size=1))
def test_functions_are_as_before(cloud: AwsLoopback, ops: Acting, variables: dict[str, str], mark: str | None) -> None:
    client = cloud.client("lambda")
    start = variables | ({MARK: mark} if mark else {})
    client.update_function_configuration(FunctionName="any", Environment={"Variables": start})
    there_and_back(ops, ActionType.LAMBDA_RESTART, function="any")
    found = client.get_function_configuration(FunctionName="any")
    assert found.get("Environment", {}).get("Variables", {}) == start


@settings(max_examples=EXAMPLES)
@given(data=st.data(), desired=st.integers(0, 6), room=st.integers(0, 3))
def test_groups_are_as_before(cloud: AwsLoopback, ops: Acting, data: st.DataObject, desired: int, room: int) -> None:
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="any-web", DesiredCapacity=desired, MaxSize=desired + room
    )
    to = data.draw(st.integers(0, 8).filter(lambda many: many != desired))
    target = {"target": "auto_scaling_group", "group": "any-web", "raise_max": True}
    there_and_back(ops, ActionType.AUTO_SCALING, to=to, **target)
    assert cloud.group("any-web") == (desired, desired + room)


@settings(max_examples=EXAMPLES)
@given(data=st.data(), before=st.none() | st.integers(0, 50), many=st.integers(0, 50))
def test_services_and_concurrency_are_as_before(
    cloud: AwsLoopback, ops: Acting, data: st.DataObject, before: int | None, many: int
) -> None:
    client, to = cloud.client("lambda"), data.draw(st.integers(0, 50).filter(lambda to: to not in (before, many)))
    if before is None:
        client.delete_function_concurrency(FunctionName="any")
    else:
        client.put_function_concurrency(FunctionName="any", ReservedConcurrentExecutions=before)
    there_and_back(ops, ActionType.AUTO_SCALING, target="lambda_reserved", function="any", to=to)
    found = client.get_function_concurrency(FunctionName="any").get("ReservedConcurrentExecutions")
    assert found == before
    cloud.client("ecs").update_service(cluster="any", service="any", desiredCount=many)
    there_and_back(ops, ActionType.AUTO_SCALING, target="ecs_service", cluster="any", service="any", to=to)
    assert cloud.tasks("any", "any") == many


NUMBERS = st.none() | st.integers(1, 1000).map(str)


@settings(max_examples=EXAMPLES)
@given(before=st.tuples(NUMBERS, NUMBERS), wanted=st.tuples(*[st.integers(1001, 2000)] * 2))
def test_parameters_are_as_before(
    cloud: AwsLoopback, ops: Acting, before: tuple[str | None, str | None], wanted: tuple[int, int]
) -> None:
    rds, names = cloud.client("rds"), ("max_connections", "wait_timeout")
    for name, value in zip(names, before, strict=True):
        if value is None:
            one = [{"ParameterName": name, "ApplyMethod": "immediate"}]
            rds.reset_db_parameter_group(DBParameterGroupName="any-group", ResetAllParameters=False, Parameters=one)
        else:
            one = [{"ParameterName": name, "ApplyMethod": "immediate", "ParameterValue": value}]
            rds.modify_db_parameter_group(DBParameterGroupName="any-group", Parameters=one)
    start = [cloud.parameter("any-group", name) for name in names]
    parameters = dict(zip(names, wanted, strict=True))
    there_and_back(ops, ActionType.RDS_PARAMETER, group="any-group", parameters=parameters)
    assert [cloud.parameter("any-group", name) for name in names] == start


@settings(max_examples=EXAMPLES)
@given(
    replicas=st.integers(0, 9),
    annotations=st.dictionaries(st.sampled_from(["a", RESTART, ACTION]), st.text("xy", max_size=2)),
    image=st.sampled_from("123"),
    kind=st.sampled_from([("deployment", "cart"), ("statefulset", "db"), ("daemonset", "agent")]),
    operation=st.sampled_from(["restart", "scale", "rollback"]),
)
def test_workloads_are_as_before(
    api: KubernetesApi,
    ops: Acting,
    replicas: int,
    annotations: dict[str, str],
    image: str,
    kind: tuple[str, str],
    operation: str,
) -> None:
    if (kind[0], operation) == ("daemonset", "scale"):
        operation = "restart"
    plural, name = f"{kind[0]}s", kind[1]
    count = {} if kind[0] == "daemonset" else {"replicas": replicas}
    present = api.get(plural, name)["spec"]["template"]["metadata"].get("annotations", {})
    template = {"metadata": {"annotations": dict.fromkeys(present) | annotations}}
    api.ship(plural, name, f"{name}:{next(_keys)}")
    api.change(plural, name, {"metadata": {"annotations": annotations}, "spec": count | {"template": template}})
    api.ship(plural, name, f"{name}:{image}", priorityClassName=image)
    start = api.get(plural, name)
    more = {"to": replicas + 1} if operation == "scale" else {}
    there_and_back(
        ops, ActionType.KUBERNETES_ROLLOUT, operation=operation, kind=kind[0], namespace="shop", name=name, **more
    )
    end = api.get(plural, name)
    assert end["spec"] == start["spec"]
    revision = "deployment.kubernetes.io/revision"  # the cluster's own, it only ever goes up
    assert [
        {key: value for key, value in one["metadata"].get("annotations", {}).items() if key != revision}
        for one in (start, end)
    ] == [{key: value for key, value in start["metadata"].get("annotations", {}).items() if key != revision}] * 2


# The way a lever is turned, for any order of deaths, lost answers and other people.


class Knob(Lever):
    """A number in memory."""

    resource, listed, intent = "knob:x", True, ("Turn it.", "돌립니다.")
    value: ClassVar[int] = 0
    writes: ClassVar[list[int]] = []
    lost: ClassVar[list[bool]] = []

    def read(self) -> State:
        return {"value": Knob.value}

    def goal(self, before: State, key: str) -> State:
        return {"value": before["value"] + 1}

    def requests(self, before: State, goal: State) -> tuple[Request, ...]:
        return (Request(call="turn", body=goal),)

    def words(self, before: State, goal: State) -> Words:
        return Words("Turn.", "돌립니다.", "Turn back.", "되돌립니다.")

    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        return Risk.LOW, 1

    def write(self, goal: State) -> None:
        Knob.writes.append(goal["value"])
        Knob.value = goal["value"]
        if Knob.lost and Knob.lost.pop():
            raise Died


class Turn(LeverAction):
    def lever(self, asked: ActionProposal | ActionPlan) -> Lever:
        return Knob()


STEPS = st.lists(
    st.sampled_from(["apply", "apply, dies after", "apply, dies in the call", "undo", "undo, dies after"]), max_size=8
)


@settings(max_examples=200)
@given(steps=STEPS)
def test_whatever_dies_it_is_turned_once_and_back_once(ops: Acting, steps: list[str]) -> None:
    Knob.value, Knob.lost = 10, []
    Knob.writes.clear()
    action = Turn(ops.tools, scene.incident_report())
    proposal = ActionProposal(type=ActionType.WEBHOOK, description="d")
    run = Run(action, action.plan(proposal, f"knob-{next(_keys)}"))
    undone = False
    for step in [*steps, "apply", "undo", "undo"]:
        effects = DyingEffects(ops.tools.effects, dies="dies after" in step)
        once = Run(Turn(replace(ops.tools, effects=effects), scene.incident_report()), run.plan, run.results)
        Knob.lost = ["in the call" in step]
        try:
            if step.startswith("apply") and not undone:
                assert once.apply().status is ActionStatus.APPLIED
            elif step.startswith("undo") and run.results:
                undone = True
                assert once.undo().status is ActionStatus.UNDONE
        except Died:
            continue
    assert (Knob.writes, Knob.value) == ([11, 10], 10)


@settings(max_examples=100)
@given(theirs=st.integers(-5, 5), when=st.sampled_from(["before the act", "before the undo"]))
def test_another_persons_turn_stands(ops: Acting, theirs: int, when: str) -> None:
    Knob.value, Knob.lost = 0, []
    Knob.writes.clear()
    action = Turn(ops.tools, scene.incident_report())
    run = Run(action, action.plan(ActionProposal(type=ActionType.WEBHOOK, description="d"), f"knob-{next(_keys)}"))
    if when == "before the act":
        Knob.value = theirs
        run.apply()
        run.undo()
        assert Knob.value == theirs
    else:
        run.apply()
        Knob.value = theirs
        run.undo()
        assert Knob.value == (0 if theirs in (0, 1) else theirs)
