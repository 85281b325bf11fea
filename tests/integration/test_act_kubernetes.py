"""Rollouts on Kubernetes, by the official client over HTTP: done once, verified, taken back, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bdp.act.kubernetes_rollout import ACTION, RESTART, RESTARTED_AT
from bdp.act.settings import ActSettings, DryRun, KubernetesRolloutSettings
from bdp.errors import BadRequest, BadSetting, ChannelUnavailable, NotAllowed, NotFound, NotPossible
from bdp.model.action import ActionStatus
from bdp.model.analysis import ActionType
from bdp.model.plan import Risk
from tests.integration.acting import Acting, Died, DyingEffects, Run, acting, settings
from tests.integration.kubernetes_api import KubernetesApi, Trouble, cluster

ROLLOUT = ActionType.KUBERNETES_ROLLOUT
PLACES = {"deployment": "cart", "statefulset": "db", "daemonset": "agent"}


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with cluster() as made:
        for kind, name in PLACES.items():
            made.ship(f"{kind}s", name, f"{name}:2")
        made.calls.clear()
        yield made


def rules(api: KubernetesApi, folder: Path, **changes: Any) -> ActSettings:
    given: dict[str, Any] = {
        "workloads": ("deployment:shop/*", "*set:shop/*"),
        "kubeconfig": api.kubeconfig(folder),
        "context": "tests",
    }
    return settings(kubernetes_rollout=KubernetesRolloutSettings(**(given | changes)))


@pytest.fixture
def ops(api: KubernetesApi, tmp_path: Path) -> Iterator[Acting]:
    with acting(rules(api, tmp_path)) as made:
        yield made


@dataclass
class Scene:
    """One kind and one operation."""

    api: KubernetesApi
    kind: str
    parameters: dict[str, Any]

    @property
    def name(self) -> str:
        return PLACES[self.kind]

    def plan(self, ops: Acting) -> Run:
        return ops.plan(ROLLOUT, kind=self.kind, namespace="shop", name=self.name, **self.parameters)

    def object(self) -> dict[str, Any]:
        return self.api.get(f"{self.kind}s", self.name)

    def state(self) -> tuple[Any, Any]:
        """Return what people set: the spec, and our annotation."""
        found = self.object()
        return found["spec"], (found["metadata"].get("annotations") or {}).get(ACTION)

    def meddle(self) -> None:
        if self.parameters["operation"] == "scale":
            self.api.change(f"{self.kind}s", self.name, {"spec": {"replicas": 9}})
        else:
            self.api.ship(f"{self.kind}s", self.name, f"{self.name}:hotfix")

    def is_done(self, run: Run) -> bool:
        spec, mark = self.state()
        key, operation = run.plan.idempotency_key, self.parameters["operation"]
        if operation == "restart":
            return bool(spec["template"]["metadata"]["annotations"][RESTART] == key)
        if operation == "scale":
            return bool((spec["replicas"], mark) == (3, key))
        return bool((spec["template"]["spec"]["containers"][0]["image"], mark) == (f"{self.name}:1", key))


OPERATIONS: dict[str, dict[str, Any]] = {
    "restart": {"operation": "restart"},
    "scale": {"operation": "scale", "by": 1},
    "rollback": {"operation": "rollback"},
}


@pytest.fixture(
    params=[(kind, name) for kind in PLACES for name in OPERATIONS if (kind, name) != ("daemonset", "scale")],
    ids="-".join,
)
def scene(request: pytest.FixtureRequest, api: KubernetesApi) -> Scene:
    kind, operation = request.param
    if kind == "statefulset" and operation == "rollback":
        # What only the newer template has must go again.
        api.ship("statefulsets", "db", "db:1")
        api.ship("statefulsets", "db", "db:2", priorityClassName="high", volumes=[{"name": "tmp", "emptyDir": {}}])
        api.calls.clear()
    return Scene(api, kind, OPERATIONS[operation])


def test_it_is_planned_done_once_verified_and_taken_back_once(scene: Scene, ops: Acting) -> None:
    before = scene.state()
    run = scene.plan(ops)
    assert scene.api.writes == []
    assert run.plan.resource == f"{scene.kind}:shop/{scene.name}"
    assert run.plan.requests[0].call == f"PATCH /apis/apps/v1/namespaces/shop/{scene.kind}s/{scene.name}"
    assert all((run.plan.effect, run.plan.effect_ko, run.plan.undo, run.plan.undo_ko, run.plan.reversible))
    assert "s3cret" not in run.plan.model_dump_json()
    assert run.apply().status is ActionStatus.APPLIED
    assert scene.is_done(run)
    assert run.verified
    assert ops.again(run).apply() == run.result
    assert len(scene.api.writes) == 1
    assert run.undo().status is ActionStatus.UNDONE
    assert scene.state() == before
    assert ops.again(run).undo().status is ActionStatus.UNDONE
    assert (scene.state(), len(scene.api.writes)) == (before, 2)


def test_what_is_sent_is_what_the_plan_shows(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    [request] = run.plan.requests
    version = scene.object()["metadata"]["resourceVersion"]
    run.apply()
    [sent] = scene.api.patches
    assert sent["metadata"].pop("resourceVersion") == version
    assert request.body["metadata"].pop("resourceVersion") == "<as read before>"
    if scene.parameters["operation"] == "rollback":
        assert request.body["spec"].pop("template").startswith("<as in revision ")
        assert sent["spec"].pop("template")["spec"]["containers"][0]["image"] == f"{scene.name}:1"
    assert sent == request.body


def test_it_is_done_once_when_the_process_dies_before_the_result_is_kept(scene: Scene, ops: Acting) -> None:
    before = scene.state()
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
    assert (scene.state(), len(scene.api.writes)) == (before, 2)


def test_an_answer_that_was_lost_is_not_sent_again(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    scene.api.troubles["patch"] = [Trouble(503, lost=True)]
    assert run.apply().status is ActionStatus.APPLIED
    assert scene.is_done(run)
    assert len(scene.api.writes) == 1


def test_another_persons_change_is_never_overwritten(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    scene.meddle()
    theirs = scene.state()
    assert (run.apply().status, run.result.error_type) == (ActionStatus.FAILED, "NotPossible")
    assert "Somebody changed" in run.result.detail
    assert (scene.state(), scene.api.writes, run.verified) == (theirs, [], False)


def test_undo_refuses_after_another_persons_change(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    run.apply()
    scene.meddle()
    theirs = scene.state()
    undone = run.undo()
    assert (undone.status, undone.error_type) == (ActionStatus.FAILED, "NotPossible")
    assert (scene.state(), len(scene.api.writes)) == (theirs, 1)


def test_a_write_in_between_is_seen_by_its_version(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    touched = {"metadata": {"annotations": {"owner": "shop-team"}}}
    scene.api.troubles["patch"] = [Trouble(409)]
    scene.api.change(f"{scene.kind}s", scene.name, touched)
    assert run.apply().status is ActionStatus.APPLIED
    assert scene.is_done(run)
    assert scene.object()["metadata"]["annotations"]["owner"] == "shop-team"


def test_a_dry_run_sends_nothing(scene: Scene, ops: Acting) -> None:
    for dry_run in (DryRun.CHANGES, DryRun.EVERYTHING):
        run = scene.plan(ops.with_settings(ops.tools.settings.model_copy(update={"dry_run": dry_run})))
        assert (run.plan.dry_run, bool(run.plan.requests)) == (True, True)
        assert run.apply().status is ActionStatus.PLANNED_ONLY
        assert run.undo().status is ActionStatus.UNDONE
    assert scene.api.writes == []


def test_throttled_it_tries_again_and_denied_it_names_the_permission(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    scene.api.troubles["patch"] = [Trouble(429), Trouble(500)]
    assert run.apply().status is ActionStatus.APPLIED
    assert run.undo().status is ActionStatus.UNDONE
    scene.api.troubles["patch"] = [Trouble(429)] * 3
    assert (scene.plan(ops).apply().error_type, len(scene.api.writes)) == ("ChannelUnavailable", 7)
    scene.api.denied.add(f"patch {scene.kind}s")
    denied = scene.plan(ops).apply()
    assert (denied.status, denied.error_type) == (ActionStatus.FAILED, "NotAllowed")
    assert f"patch {scene.kind}s in shop" in denied.detail


def test_it_counts_once_the_pods_have_followed(scene: Scene, ops: Acting) -> None:
    run = scene.plan(ops)
    scene.api.lag = 3
    run.apply()
    assert run.verified
    scene.api.lag = 1000
    other = ops.plan(ROLLOUT, kind=scene.kind, namespace="shop", name=scene.name, operation="restart")
    other.apply()
    assert not other.verified


def test_what_is_not_listed_is_not_even_read(api: KubernetesApi, ops: Acting, tmp_path: Path) -> None:
    parameters = {"operation": "restart", "kind": "deployment", "namespace": "shop", "name": "cart"}
    run = ops.with_settings(rules(api, tmp_path, workloads=())).plan(ROLLOUT, **parameters)
    assert (run.plan.dry_run, run.plan.requests, run.plan.resource) == (True, (), "deployment:shop/cart")
    assert (run.apply().status, api.calls) == (ActionStatus.PLANNED_ONLY, [])
    with pytest.raises(NotAllowed, match="not listed"):
        ops.with_settings(rules(api, tmp_path, workloads=("deployment:bank/*",))).plan(ROLLOUT, **parameters)


def test_what_is_not_there_or_not_possible_is_said_before(api: KubernetesApi, ops: Acting) -> None:
    def plan(name: str = "cart", kind: str = "deployment", **given: Any) -> Run:
        return ops.plan(ROLLOUT, namespace="shop", name=name, kind=kind, **given)

    with pytest.raises(NotFound):
        plan("gone", operation="restart")
    with pytest.raises(NotFound):
        plan(operation="rollback", revision=77)
    with pytest.raises(NotPossible, match="already"):
        plan(operation="scale", to=2)
    with pytest.raises(NotPossible, match="already"):
        plan(operation="rollback", revision=2)
    with pytest.raises(BadRequest):
        plan("agent", "daemonset", operation="scale", to=2)
    for more in ({"to": 21}, {"factor": 3.0}, {"to": 0}):
        with pytest.raises(NotAllowed):
            plan(operation="scale", **more)
    assert plan(operation="scale", to=1).plan.risk is Risk.HIGH
    assert (plan(operation="scale", to=4).plan.risk, plan(operation="scale", to=4).plan.blast_radius) == (
        Risk.MEDIUM,
        2,
    )
    assert plan("agent", "daemonset", operation="restart").plan.blast_radius == 3
    assert api.writes == []


def test_a_rollback_passes_over_restarts(api: KubernetesApi, ops: Acting) -> None:
    ops.run(ROLLOUT, namespace="shop", name="cart", operation="restart")
    annotations = {RESTARTED_AT: "2026-05-01T12:00:00Z"}
    api.change("deployments", "cart", {"spec": {"template": {"metadata": {"annotations": annotations}}}})
    before = api.get("deployments", "cart")["spec"]
    run = ops.run(ROLLOUT, namespace="shop", name="cart", operation="rollback")
    assert run.plan.effect.endswith("back from revision 4 (cart:2) to revision 1 (cart:1).")
    assert api.get("deployments", "cart")["spec"]["template"]["spec"]["containers"][0]["image"] == "cart:1"
    run.undo()
    assert api.get("deployments", "cart")["spec"] == before


def test_a_revision_that_is_no_longer_kept_cannot_come_back(api: KubernetesApi, ops: Acting) -> None:
    run = ops.plan(ROLLOUT, namespace="shop", name="cart", operation="rollback")
    api.forget_revisions("cart")
    assert (run.apply().status, run.result.error_type) == (ActionStatus.FAILED, "NotFound")
    with pytest.raises(NotFound):
        ops.plan(ROLLOUT, namespace="shop", name="cart", operation="rollback")


def test_a_paused_deployment_and_pods_replaced_by_hand_are_left(api: KubernetesApi, ops: Acting) -> None:
    api.change("deployments", "cart", {"spec": {"paused": True}})
    api.change("statefulsets", "db", {"spec": {"updateStrategy": {"type": "OnDelete"}}})
    for kind, name in (("deployment", "cart"), ("statefulset", "db")):
        run = ops.plan(ROLLOUT, kind=kind, namespace="shop", name=name, operation="restart")
        assert (run.apply().status, run.result.error_type) == (ActionStatus.FAILED, "NotPossible")
    assert api.writes == []


def test_a_wrong_login_is_a_setting_to_mend(api: KubernetesApi, ops: Acting, tmp_path: Path) -> None:
    parameters = {"operation": "restart", "namespace": "shop", "name": "cart"}
    for changes, error in (
        ({"kubeconfig": api.kubeconfig(tmp_path, token="wrong")}, NotAllowed),
        ({"context": "nowhere"}, BadSetting),
        ({"kubeconfig": str(tmp_path / "none")}, BadSetting),
        ({"login": "in_cluster"}, BadSetting),
        ({"kubeconfig": api.kubeconfig(tmp_path), "context": "elsewhere"}, ChannelUnavailable),
    ):
        with pytest.raises(error):
            ops.with_settings(rules(api, tmp_path, **changes)).plan(ROLLOUT, **parameters)
