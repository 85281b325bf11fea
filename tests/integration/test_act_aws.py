"""Actions on AWS, against moto's server over HTTP: planned, done once, verified, taken back, or refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bdp.act import aws
from bdp.act.clients import Clients
from bdp.act.lambda_restart import AS_IT_IS, MARK
from bdp.act.settings import (
    ActSettings,
    AutoScalingSettings,
    DryRun,
    EventBridgeEventSettings,
    LambdaRestartSettings,
    RdsParameterSettings,
)
from bdp.errors import BadRequest, ChannelUnavailable, NotAllowed, NotFound, NotPossible
from bdp.ids import Ids
from bdp.model.action import ActionStatus
from bdp.model.analysis import ActionType
from bdp.model.plan import Request, Risk
from tests.integration.acting import Acting, Died, DyingEffects, Run, acting, settings
from tests.integration.aws_loopback import REGION, AwsLoopback, allow, loopback


@pytest.fixture(scope="module")
def server() -> Iterator[AwsLoopback]:
    made = loopback()
    made.make_function("cart", {"DB_PASSWORD": "hunter2"})
    with pytest.MonkeyPatch.context() as patch:
        allow(patch)
        yield made


@pytest.fixture
def cloud(server: AwsLoopback) -> AwsLoopback:
    server.forget()
    return server


def rules(server: AwsLoopback, **changes: Any) -> ActSettings:
    fields: dict[str, Any] = {
        "aws": server.settings,
        "lambda_restart": LambdaRestartSettings(functions=("cart", "pay-*")),
        "rds_parameter": RdsParameterSettings(groups=("shop-*",), parameters=("max_*", "*_timeout", "innodb*", "v*")),
        "auto_scaling": AutoScalingSettings(groups=("web-*",), services=("prod/*",), functions=("cart", "fn-*")),
        "eventbridge_event": EventBridgeEventSettings(buses=("default", "gone"), detail_types=("drain *",)),
    }
    return settings(**(fields | changes))


@pytest.fixture(scope="module")
def ops(server: AwsLoopback) -> Iterator[Acting]:
    with acting(rules(server)) as made:
        yield made


def fresh(ops: Acting) -> Acting:
    """Return the same with no client made yet."""
    return Acting(replace(ops.tools, clients=Clients()))


def variables(server: AwsLoopback, name: str) -> dict[str, str]:
    found = server.client("lambda").get_function_configuration(FunctionName=name)
    kept: dict[str, str] = found.get("Environment", {}).get("Variables", {})
    return kept


@dataclass(frozen=True)
class Case:
    """A lever on AWS: how to make it, to turn it, to read it, and how another person turns it."""

    type: ActionType
    make: Callable[[AwsLoopback, str], None]
    parameters: Callable[[str], dict[str, Any]]
    read: Callable[[AwsLoopback, str], Any]
    wanted: Any
    meddle: Callable[[AwsLoopback, str], object]
    write: str
    """The operation that writes; `back`: the one that takes back."""
    back: str = ""
    marked: bool = False


def _provision(server: AwsLoopback, name: str, many: int) -> None:
    server.client("lambda").put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=many
    )


CASES = {
    "lambda restart": Case(
        ActionType.LAMBDA_RESTART,
        lambda server, name: server.make_function(f"pay-{name}", {"DB_PASSWORD": "hunter2"}),
        lambda name: {"function": f"pay-{name}"},
        lambda server, name: variables(server, f"pay-{name}"),
        lambda key: {"DB_PASSWORD": "hunter2", MARK: key},
        lambda server, name: server.deploy_function(f"pay-{name}", b"other"),
        "UpdateFunctionConfiguration",
        marked=True,
    ),
    "rds parameter that was set": Case(
        ActionType.RDS_PARAMETER,
        lambda server, name: server.make_parameter_group(f"shop-{name}", max_connections="100"),
        lambda name: {"group": f"shop-{name}", "parameters": {"max_connections": 200}},
        lambda server, name: server.parameter(f"shop-{name}", "max_connections"),
        ("200", "user"),
        lambda server, name: server.client("rds").modify_db_parameter_group(
            DBParameterGroupName=f"shop-{name}",
            Parameters=[{"ParameterName": "max_connections", "ParameterValue": "7", "ApplyMethod": "immediate"}],
        ),
        "ModifyDBParameterGroup",
    ),
    "rds parameter that was the default": Case(
        ActionType.RDS_PARAMETER,
        lambda server, name: server.make_parameter_group(f"shop-{name}"),
        lambda name: {"group": f"shop-{name}", "parameters": {"wait_timeout": "60"}},
        lambda server, name: server.parameter(f"shop-{name}", "wait_timeout"),
        ("60", "user"),
        lambda server, name: server.client("rds").modify_db_parameter_group(
            DBParameterGroupName=f"shop-{name}",
            Parameters=[{"ParameterName": "wait_timeout", "ParameterValue": "7", "ApplyMethod": "immediate"}],
        ),
        "ModifyDBParameterGroup",
        "ResetDBParameterGroup",
    ),
    "auto scaling group": Case(
        ActionType.AUTO_SCALING,
        lambda server, name: server.make_group(f"web-{name}", 1, 2, 6),
        lambda name: {"target": "auto_scaling_group", "group": f"web-{name}", "by": 2},
        lambda server, name: server.group(f"web-{name}"),
        (4, 6),
        lambda server, name: server.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=f"web-{name}", DesiredCapacity=5
        ),
        "SetDesiredCapacity",
    ),
    "auto scaling group with its maximum": Case(
        ActionType.AUTO_SCALING,
        lambda server, name: server.make_group(f"web-{name}", 1, 2, 2),
        lambda name: {"target": "auto_scaling_group", "group": f"web-{name}", "factor": 1.5, "raise_max": True},
        lambda server, name: server.group(f"web-{name}"),
        (3, 3),
        lambda server, name: server.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=f"web-{name}", DesiredCapacity=1
        ),
        "UpdateAutoScalingGroup",
    ),
    "ecs service": Case(
        ActionType.AUTO_SCALING,
        lambda server, name: server.make_service("prod", f"cart-{name}", 2),
        lambda name: {"target": "ecs_service", "cluster": "prod", "service": f"cart-{name}", "to": 3},
        lambda server, name: server.tasks("prod", f"cart-{name}"),
        3,
        lambda server, name: server.client("ecs").update_service(
            cluster="prod", service=f"cart-{name}", desiredCount=7
        ),
        "UpdateService",
    ),
    "reserved concurrency": Case(
        ActionType.AUTO_SCALING,
        lambda server, name: server.make_function(f"fn-{name}"),
        lambda name: {"target": "lambda_reserved", "function": f"fn-{name}", "to": 3},
        lambda server, name: (
            server.client("lambda")
            .get_function_concurrency(FunctionName=f"fn-{name}")
            .get("ReservedConcurrentExecutions")
        ),
        3,
        lambda server, name: server.client("lambda").put_function_concurrency(
            FunctionName=f"fn-{name}", ReservedConcurrentExecutions=7
        ),
        "PutFunctionConcurrency",
        "DeleteFunctionConcurrency",
    ),
    "provisioned concurrency": Case(
        ActionType.AUTO_SCALING,
        lambda server, name: _provision(server, f"fn-{name}", 2),
        lambda name: {"target": "lambda_provisioned", "function": f"fn-{name}", "qualifier": "live", "to": 4},
        lambda server, name: server.provisioned.get((f"fn-{name}", "live")),
        4,
        lambda server, name: _provision(server, f"fn-{name}", 9),
        "PutProvisionedConcurrencyConfig",
    ),
}


@dataclass
class Scene:
    """One case, made under a name of its own."""

    case: Case
    server: AwsLoopback
    name: str

    def made(self) -> Scene:
        self.case.make(self.server, self.name)
        self.server.forget()
        return self

    def plan(self, ops: Acting) -> Run:
        return ops.plan(self.case.type, **self.case.parameters(self.name))

    def read(self) -> Any:
        return self.case.read(self.server, self.name)

    def meddle(self) -> None:
        self.case.meddle(self.server, self.name)

    def wanted(self, run: Run) -> Any:
        return self.case.wanted(run.plan.idempotency_key) if callable(self.case.wanted) else self.case.wanted


@pytest.fixture(params=CASES)
def scene(request: pytest.FixtureRequest, cloud: AwsLoopback, ops: Acting) -> Scene:
    return Scene(CASES[request.param], cloud, Ids().new(ops.tools.clock.now()).replace("_", "-").lower()).made()


def test_it_is_planned_done_once_verified_and_taken_back_once(scene: Scene, ops: Acting) -> None:
    before, case = scene.read(), scene.case
    scene.server.forget()
    run = scene.plan(ops)
    assert (scene.server.writes, run.plan.dry_run, run.plan.reversible) == ([], False, True)
    assert run.plan.requests[0].call.endswith(case.write)
    assert all((run.plan.effect, run.plan.effect_ko, run.plan.undo, run.plan.undo_ko, run.plan.before))
    assert run.apply().status is ActionStatus.APPLIED
    assert (scene.read(), run.verified) == (scene.wanted(run), True)
    assert ops.again(run).apply() == run.result
    assert scene.server.writes == [case.write]
    assert run.undo().status is ActionStatus.UNDONE
    assert scene.read() == before
    assert not run.verified
    assert ops.again(run).undo().status is ActionStatus.UNDONE
    assert ops.again(run).apply() == run.result
    assert (scene.read(), scene.server.writes) == (before, [case.write, case.back or case.write])


def test_what_is_sent_is_what_the_plan_shows(scene: Scene, ops: Acting) -> None:
    ops, sent = fresh(ops), list[Request]()
    run = scene.plan(ops)
    client = aws.client(ops.tools, run.plan.requests[0].call.partition(" ")[0], "")

    def keep(params: dict[str, Any], model: Any, **_: Any) -> None:
        body = dict(params)
        if "RevisionId" in body:
            body["RevisionId"] = "<as read before>"
            kept = body["Environment"]["Variables"]
            body["Environment"] = {
                "Variables": {name: value if name == MARK else AS_IT_IS for name, value in kept.items()}
            }
        sent.append(Request(call=f"{client.meta.service_model.service_name} {model.name}", body=body))

    client.meta.events.register("provide-client-params", keep)
    run.apply()
    assert [one for one in sent if not one.call.split()[1].startswith(("Describe", "Get"))] == list(run.plan.requests)


def test_it_is_done_once_when_the_process_dies_before_the_result_is_kept(scene: Scene, ops: Acting) -> None:
    before = scene.read()
    run = scene.plan(ops)
    dying = Acting(replace(ops.tools, effects=DyingEffects(ops.tools.effects)))
    with pytest.raises(Died):
        dying.again(run).apply()
    again = ops.again(run)
    assert (again.apply().status, again.result.data["changed"]) == (ActionStatus.APPLIED, True)
    dying = Acting(replace(ops.tools, effects=DyingEffects(ops.tools.effects)))
    with pytest.raises(Died):
        dying.again(again).undo()
    assert again.undo().status is ActionStatus.UNDONE
    assert scene.read() == before
    assert scene.server.writes == [scene.case.write, scene.case.back or scene.case.write]


def test_an_answer_that_was_lost_is_not_sent_again(scene: Scene, ops: Acting) -> None:
    scene.server.lose(scene.case.write)
    run = scene.plan(ops)
    assert (run.apply().status, run.result.data["changed"]) == (ActionStatus.APPLIED, True)
    assert scene.server.writes == [scene.case.write]


def test_another_persons_change_is_never_overwritten(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    scene.meddle()
    theirs = scene.read()
    scene.server.forget()
    assert (run.apply().status, run.result.error_type) == (ActionStatus.FAILED, "NotPossible")
    assert "Somebody changed" in run.result.detail
    assert (scene.read(), scene.server.writes, run.verified) == (theirs, [], False)


def test_undo_refuses_after_another_persons_change(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    run.apply()
    scene.meddle()
    theirs = scene.read()
    scene.server.forget()
    undone = run.undo()
    assert (undone.status, undone.error_type) == (ActionStatus.FAILED, "NotPossible")
    assert (scene.read(), scene.server.writes) == (theirs, [])


def test_a_dry_run_sends_nothing(scene: Scene, cloud: AwsLoopback, ops: Acting) -> None:
    for dry_run in (DryRun.CHANGES, DryRun.EVERYTHING):
        run = scene.plan(ops.with_settings(rules(cloud, dry_run=dry_run)))
        assert run.plan.requests
        assert run.apply().status is ActionStatus.PLANNED_ONLY
        assert (run.undo().status, run.verified) == (ActionStatus.UNDONE, False)
    assert cloud.writes == []


def test_what_is_not_listed_is_not_even_read(scene: Scene, cloud: AwsLoopback, ops: Acting) -> None:
    run = scene.plan(ops.with_settings(settings(aws=cloud.settings)))
    assert (run.plan.dry_run, run.plan.requests, cloud.calls) == (True, (), [])
    assert f"not listed in act.{scene.case.type}" in run.plan.effect
    assert run.apply().status is ActionStatus.PLANNED_ONLY
    assert cloud.calls == []


def test_a_list_that_leaves_it_out_says_no(scene: Scene, cloud: AwsLoopback, ops: Acting) -> None:
    others = rules(
        cloud,
        lambda_restart=LambdaRestartSettings(functions=("other",)),
        rds_parameter=RdsParameterSettings(groups=("other",), parameters=("*",)),
        auto_scaling=AutoScalingSettings(groups=("other",), services=("other/*",), functions=("other",)),
    )
    run = scene.plan(ops)
    with pytest.raises(NotAllowed, match="not listed"):
        scene.plan(ops.with_settings(others))
    # The list may also change between the plan, which a person approved, and the act.
    changed = ops.with_settings(others).again(run)
    assert (changed.apply().status, changed.result.error_type) == (ActionStatus.FAILED, "NotAllowed")
    assert cloud.writes == []


def test_throttled_it_tries_again_and_then_gives_up(scene: Scene, ops: Acting) -> None:
    case, server = scene.case, scene.server
    server.refuse(case.write, "ThrottlingException", 400, times=2)
    run = scene.plan(ops)
    assert run.apply().status is ActionStatus.APPLIED
    assert server.writes == [case.write] * 3
    run.undo()
    server.forget()
    server.refuse(case.write, "Throttling", 400, times=3)
    run = scene.plan(ops)
    assert (run.apply().status, run.result.error_type) == (ActionStatus.FAILED, "ChannelUnavailable")
    assert server.writes == [case.write] * 3


def test_denied_it_names_the_permission(scene: Scene, ops: Acting) -> None:
    scene.server.refuse(scene.case.write, "AccessDeniedException", 403)
    run = scene.plan(ops)
    assert (run.apply().status, run.result.error_type) == (ActionStatus.FAILED, "NotAllowed")
    assert f":{scene.case.write}" in run.result.detail
    assert scene.server.writes == [scene.case.write]


def test_undo_of_a_failed_act_takes_back_what_took_effect_all_the_same(scene: Scene, ops: Acting) -> None:
    before = scene.read()
    scene.server.lose(scene.case.write)
    run = scene.plan(ops.with_settings(ops.tools.settings.model_copy(update={"tries": 1})))
    assert run.apply().status is ActionStatus.FAILED
    assert scene.read() != before
    assert run.undo().status is ActionStatus.UNDONE
    assert scene.read() == before


def test_undo_of_what_never_came_to_a_write_writes_nothing(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    scene.meddle()
    run.apply()
    scene.server.forget()
    assert run.undo().status is ActionStatus.UNDONE
    assert scene.server.calls == []


def test_an_action_that_somebody_else_did_already_is_not_taken_back(cloud: AwsLoopback, ops: Acting) -> None:
    cloud.make_service("prod", "same", 2)
    run = ops.plan(ActionType.AUTO_SCALING, target="ecs_service", cluster="prod", service="same", to=3)
    cloud.client("ecs").update_service(cluster="prod", service="same", desiredCount=3)
    cloud.forget()
    assert (run.apply().status, run.result.data["changed"]) == (ActionStatus.APPLIED, False)
    assert (run.verified, run.undo().status, cloud.writes) == (True, ActionStatus.UNDONE, [])
    assert cloud.tasks("prod", "same") == 3


# Lambda


def test_a_restart_keeps_everything_else_and_shows_no_secret(cloud: AwsLoopback, ops: Acting) -> None:
    run = ops.run(ActionType.LAMBDA_RESTART, function="cart")
    found = cloud.client("lambda").get_function_configuration(FunctionName="cart")
    assert (found["MemorySize"], found["Environment"]["Variables"]["DB_PASSWORD"]) == (256, "hunter2")
    assert "hunter2" not in run.plan.model_dump_json() + run.result.model_dump_json()
    assert (run.plan.resource, run.plan.risk, run.plan.blast_radius) == ("lambda:cart", Risk.MEDIUM, 1)
    body = run.plan.requests[0].body["Environment"]["Variables"]
    assert body == {"DB_PASSWORD": "<as it is>", MARK: run.plan.idempotency_key}


def test_a_second_restart_is_taken_back_to_the_first(cloud: AwsLoopback, ops: Acting) -> None:
    first = ops.run(ActionType.LAMBDA_RESTART, function="cart")
    second = ops.run(ActionType.LAMBDA_RESTART, function="cart")
    assert variables(cloud, "cart")[MARK] == second.plan.idempotency_key
    second.undo()
    assert variables(cloud, "cart")[MARK] == first.plan.idempotency_key


def test_a_restart_waits_for_an_update_that_is_running(cloud: AwsLoopback, ops: Acting) -> None:
    run = ops.plan(ActionType.LAMBDA_RESTART, function="cart")
    cloud.updating["cart"] = 1
    assert run.apply().status is ActionStatus.APPLIED
    cloud.updating["cart"] = 2
    assert run.verified
    cloud.updating["cart"] = 1000
    assert not run.verified


def test_a_change_between_reading_and_writing_is_seen(cloud: AwsLoopback, ops: Acting) -> None:
    run = ops.plan(ActionType.LAMBDA_RESTART, function="cart")
    cloud.refuse("UpdateFunctionConfiguration", "PreconditionFailedException", 412)
    assert run.apply().status is ActionStatus.APPLIED
    assert cloud.writes == ["UpdateFunctionConfiguration"] * 2


def test_variables_that_cannot_be_read_are_not_written_over(cloud: AwsLoopback, ops: Acting) -> None:
    cloud.unreadable.add("cart")
    with pytest.raises(NotAllowed, match="kms:Decrypt"):
        ops.plan(ActionType.LAMBDA_RESTART, function="cart")
    assert cloud.writes == []


@pytest.mark.parametrize(
    ("type", "parameters"),
    [
        (ActionType.LAMBDA_RESTART, {"function": "pay-gone"}),
        (ActionType.RDS_PARAMETER, {"group": "shop-gone", "parameters": {"max_connections": 1}}),
        (ActionType.AUTO_SCALING, {"target": "auto_scaling_group", "group": "web-gone", "to": 1}),
        (ActionType.AUTO_SCALING, {"target": "ecs_service", "cluster": "prod", "service": "gone", "to": 1}),
        (ActionType.AUTO_SCALING, {"target": "lambda_reserved", "function": "fn-gone", "to": 1}),
        (ActionType.EVENTBRIDGE_EVENT, {"bus": "gone", "detail_type": "drain host"}),
    ],
)
def test_what_is_not_there_is_not_found(ops: Acting, type: ActionType, parameters: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        ops.plan(type, **parameters)


# RDS


def test_parameters_are_checked_before_anything_is_sent(cloud: AwsLoopback, ops: Acting) -> None:
    cloud.make_parameter_group("shop-checks", instances=2)
    bad: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"max_connections": "many"}, BadRequest),
        ({"max_connections": 0}, BadRequest),
        ({"version_comment": "mine"}, NotPossible),
        ({"binlog_format": "ROW"}, NotAllowed),
        ({"max_unknown": 1}, NotFound),
    ]
    for parameters, error in bad:
        with pytest.raises(error):
            ops.plan(ActionType.RDS_PARAMETER, group="shop-checks", parameters=parameters)
    with pytest.raises(NotAllowed, match="default"):
        ops.plan(ActionType.RDS_PARAMETER, group="default.mysql8.0", parameters={"max_connections": 1})
    run = ops.plan(ActionType.RDS_PARAMETER, group="shop-checks", parameters={"innodb_buffer_pool_size": 6000000})
    assert (run.plan.risk, run.plan.blast_radius, run.plan.resource) == (Risk.HIGH, 2, "rds:shop-checks")
    assert run.plan.requests[0].body["Parameters"][0]["ApplyMethod"] == "pending-reboot"
    assert "rebooted" in run.plan.effect


def test_taking_back_goes_on_where_it_was_cut_off(cloud: AwsLoopback, ops: Acting) -> None:
    cloud.make_parameter_group("shop-mixed", max_connections="100")
    wanted = {"max_connections": 200, "wait_timeout": 60}
    run = ops.run(ActionType.RDS_PARAMETER, group="shop-mixed", parameters=wanted)
    # One call sets what was set before, the other resets the rest: only the first comes through.
    cloud.refuse("ResetDBParameterGroup", "InternalFailure", 500, times=3)
    assert run.undo().status is ActionStatus.FAILED
    assert cloud.parameter("shop-mixed", "max_connections") == ("100", "user")
    assert run.undo().status is ActionStatus.UNDONE
    assert cloud.parameter("shop-mixed", "wait_timeout") == ("28800", "engine-default")


def test_parameters_count_once_the_instances_have_taken_them(cloud: AwsLoopback, ops: Acting) -> None:
    cloud.make_parameter_group("shop-slow", instances=1)
    run = ops.run(ActionType.RDS_PARAMETER, group="shop-slow", parameters={"wait_timeout": 60})
    cloud.apply_status["shop-slow"] = "applying"
    assert not run.verified
    cloud.apply_status["shop-slow"] = "in-sync"
    assert run.verified


# Capacity


def test_capacity_stays_within_the_settings_and_the_bounds_of_its_own(cloud: AwsLoopback, ops: Acting) -> None:
    cloud.make_group("web-bound", 1, 4, 6)
    cloud.make_service("prod", "bound", 4)
    cloud.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId="service/prod/bound",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=2,
        MaxCapacity=5,
    )
    group = {"target": "auto_scaling_group", "group": "web-bound"}
    service = {"target": "ecs_service", "cluster": "prod", "service": "bound"}
    refused: list[tuple[dict[str, Any], type[Exception]]] = [
        (group | {"to": 7}, NotPossible),
        (group | {"to": 21, "raise_max": True}, NotAllowed),
        (group | {"factor": 3}, NotAllowed),
        (group | {"to": 1}, NotAllowed),
        (group | {"by": -4}, NotAllowed),
        (group | {"by": 0}, NotPossible),
        (service | {"to": 6}, NotPossible),
        ({"target": "lambda_reserved", "function": "cart", "by": 1}, BadRequest),
    ]
    for parameters, error in refused:
        with pytest.raises(error):
            ops.plan(ActionType.AUTO_SCALING, **parameters)
    assert ops.plan(ActionType.AUTO_SCALING, **group, to=6).plan.risk is Risk.MEDIUM
    fewer = ops.plan(ActionType.AUTO_SCALING, **service, to=2).plan
    assert (fewer.risk, fewer.blast_radius, fewer.resource) == (Risk.HIGH, 2, "ecs:prod/bound")
    assert cloud.writes == ["CreateAutoScalingGroup", "CreateCluster", "RegisterTaskDefinition", "CreateService",
                            "RegisterScalableTarget"]  # fmt: skip


# EventBridge


def test_an_event_is_put_once_with_its_key(cloud: AwsLoopback, ops: Acting) -> None:
    cloud.refuse("PutEvents", "ThrottlingException", 400)
    run = ops.plan(ActionType.EVENTBRIDGE_EVENT, detail_type="drain host", detail={"host": "a"})
    [entry] = run.plan.requests[0].body["Entries"]
    detail = json.loads(entry["Detail"])
    assert detail == {"host": "a", "incident_id": "I1", "idempotency_key": run.plan.idempotency_key}
    assert (run.plan.reversible, run.plan.undo, run.plan.resource) == (False, "", "eventbridge:default")
    assert run.apply().status is ActionStatus.APPLIED
    assert run.verified
    assert ops.again(run).apply() == run.result
    assert cloud.writes == ["PutEvents"] * 2
    assert (run.undo().status, run.undo().error_type) == (ActionStatus.FAILED, "NotPossible")


def test_an_event_that_the_bus_refuses_failed(cloud: AwsLoopback, ops: Acting) -> None:
    ops = fresh(ops)
    client = aws.client(ops.tools, "events", "")
    answers = iter(["ThrottlingException", "NotAuthorizedForSource", "MalformedDetail"])

    def refuse(**given: Any) -> None:
        code = next(answers)
        given["parsed"].clear()
        given["parsed"].update(
            {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}], "ResponseMetadata": {}}
        )

    client.meta.events.register("after-call.events.PutEvents", refuse)
    for error in ("NotAllowed", "NotPossible"):
        run = ops.plan(ActionType.EVENTBRIDGE_EVENT, detail_type="drain host")
        assert (run.apply().status, run.result.error_type) == (ActionStatus.FAILED, error)
    assert len(cloud.writes) == 3  # the first was throttled and tried again


def test_an_event_may_not_forge_its_key_nor_be_too_large(cloud: AwsLoopback, ops: Acting) -> None:
    for detail in ({"idempotency_key": "x"}, {"incident_id": "I2"}, {"x": "y" * 270_000}):
        with pytest.raises(BadRequest):
            ops.plan(ActionType.EVENTBRIDGE_EVENT, detail_type="drain host", detail=detail)
    with pytest.raises(NotAllowed, match="detail_types"):
        ops.plan(ActionType.EVENTBRIDGE_EVENT, detail_type="delete everything")
    assert cloud.calls == []


# The way to AWS


def test_only_listed_regions_are_acted_in(cloud: AwsLoopback, ops: Acting) -> None:
    run = ops.plan(ActionType.LAMBDA_RESTART, function="cart", region=REGION)
    assert run.plan.before["variables"] == ["DB_PASSWORD"]
    with pytest.raises(NotAllowed, match="eu-west-1"):
        ops.plan(ActionType.LAMBDA_RESTART, function="cart", region="eu-west-1")


def test_a_role_is_taken_for_acting(cloud: AwsLoopback) -> None:
    role = "arn:aws:iam::123456789012:role/bdp-acts"
    with acting(rules(cloud, aws=cloud.settings.model_copy(update={"role_arn": role, "external_id": "shop"}))) as ops:
        ops.run(ActionType.LAMBDA_RESTART, function="cart")
    assert [call.operation for call in cloud.calls].count("AssumeRole") == 1
    by = {call.key for call in cloud.calls if call.service == "lambda"}
    assert by.isdisjoint({"AKIATESTS", "OTHER"})


def test_without_credentials_it_says_so(cloud: AwsLoopback, ops: Acting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    with pytest.raises(NotAllowed, match="no credentials"):
        fresh(ops).plan(ActionType.LAMBDA_RESTART, function="cart")


def test_out_of_reach_is_for_later(cloud: AwsLoopback) -> None:
    away = cloud.settings.model_copy(update={"endpoint_url": "http://127.0.0.1:9"})
    with acting(rules(cloud, aws=away)) as ops, pytest.raises(ChannelUnavailable):
        ops.plan(ActionType.LAMBDA_RESTART, function="cart")


def test_threads_share_one_client(cloud: AwsLoopback, ops: Acting) -> None:
    ops, made = fresh(ops), list[Any]()
    threads = [threading.Thread(target=lambda: made.append(aws.client(ops.tools, "lambda", REGION))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert all(one is made[0] for one in made)
