"""Kubernetes rollout: restart, scale or roll back a deployment, a stateful set or a daemon set.

Each is one patch that names the version of the object that was read, so the cluster refuses it if anybody wrote in
between, and that leaves our key in an annotation together with the change.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from bdp.act.action import Tools
from bdp.act.amount import Amount, risk_of, wanted
from bdp.act.lever import Lever, LeverAction, State, Words
from bdp.act.merge_patch import merge_patch
from bdp.act.parameters import is_listed, typed
from bdp.act.workload import Kind, Revision, Workload, bare, digest, images
from bdp.errors import ChannelUnavailable, NotFound
from bdp.model.analysis import ActionProposal
from bdp.model.plan import ActionPlan, Request, Risk

RESTART: Final = "bdp-agent/restart"
RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
ACTION: Final = "bdp-agent/action"
_SETTING: Final = "act.kubernetes_rollout"
_LABEL: Final = r"\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\z"
_NAME: Final = r"\A[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\z"
_VERSION: Final = {"resourceVersion": "<as read before>"}


class _Place(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = "deployment"
    namespace: str = Field(pattern=_LABEL)
    name: str = Field(pattern=_NAME)


class RestartParameters(_Place):
    """Replace all pods by new ones, as the workload's own strategy says."""

    operation: Literal["restart"]


class ScaleParameters(_Place, Amount):
    """Set the number of replicas."""

    operation: Literal["scale"]

    @model_validator(mode="after")
    def _can_be_scaled(self) -> Self:
        if self.kind == "daemonset":
            raise ValueError("a daemon set has one pod on each machine")
        return self


class RollbackParameters(_Place):
    """Go back to `revision`, or to the one before the present."""

    operation: Literal["rollback"]
    revision: int | None = Field(default=None, ge=1)


class KubernetesRolloutParameters(RootModel[Any]):
    """One of the three, told apart by `operation`."""

    model_config = ConfigDict(frozen=True)

    root: Annotated[RestartParameters | ScaleParameters | RollbackParameters, Field(discriminator="operation")]


class KubernetesRolloutAction(LeverAction):
    """Turns one workload."""

    def lever(self, asked: ActionProposal | ActionPlan) -> Lever:
        """Return what `operation` names."""
        given = typed(asked, KubernetesRolloutParameters).root
        if isinstance(given, ScaleParameters):
            return Scale(self._tools, given)
        return Restart(self._tools, given) if isinstance(given, RestartParameters) else Rollback(self._tools, given)


class _Rollout(Lever):
    """A workload, with our key in an annotation."""

    marked: ClassVar[bool] = True

    def __init__(self, tools: Tools, given: _Place) -> None:
        self._rules = tools.settings.kubernetes_rollout
        self._workload = Workload(tools, given.kind, given.namespace, given.name)
        self.resource = self._workload.resource
        self.listed = is_listed(self.resource, self._rules.workloads, f"{_SETTING}.workloads")
        self._call = f"PATCH {self._workload.path}"

    def settled(self, goal: State) -> bool:
        """Return whether the pods are as they shall be."""
        return self._workload.settled()


class Restart(_Rollout):
    """An annotation of the template, as `kubectl rollout restart` does it: new template, new pods."""

    def __init__(self, tools: Tools, given: RestartParameters) -> None:
        super().__init__(tools, given)
        self.intent = f"Restart {self.resource}.", f"{self.resource}: 재시작합니다."

    def read(self) -> State:
        """Ask for the annotation and for the rest of the template."""
        self._workload.read()
        template = self._workload.template
        annotations = template.get("metadata", {}).get("annotations") or {}
        rest = digest(bare(template, without=(RESTART,)))
        return {"restart": annotations.get(RESTART), "template": rest, "pods": self._workload.pods}

    def goal(self, before: State, key: str) -> State:
        """Return the same template with our key."""
        return {"restart": key, "template": before["template"]}

    def requests(self, before: State, goal: State) -> tuple[Request, ...]:
        """Return the one patch."""
        return (Request(call=self._call, body={"metadata": _VERSION, **_annotated(goal["restart"])}),)

    def words(self, before: State, goal: State) -> Words:
        """Say it."""
        return Words(
            f"Restart {self.resource}: replace its {before['pods']} pods by new ones of the same template.",
            f"{self.resource}: 동일한 템플릿의 새 파드로 {before['pods']}개 파드를 교체(재시작)합니다.",
            f"{self._call}: the template as before; that replaces the pods once more.",
            f"{self._call}: 템플릿을 이전 상태로 되돌립니다. 이때 파드가 다시 교체됩니다.",
        )

    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        """All pods are replaced."""
        return Risk.MEDIUM, before["pods"]

    def write(self, goal: State) -> None:
        """Patch the template."""
        self._workload.refuse_if_stuck()
        self._workload.patch(_annotated(goal["restart"]))


class Scale(_Rollout):
    """The number of replicas."""

    def __init__(self, tools: Tools, given: ScaleParameters) -> None:
        super().__init__(tools, given)
        self._amount = given
        self.intent = f"Set the replicas of {self.resource}.", f"{self.resource}: 레플리카 수를 조정합니다."

    def read(self) -> State:
        """Ask for the number."""
        self._workload.read()
        return {"replicas": self._workload.pods, "action": self._workload.annotation(ACTION)}

    def goal(self, before: State, key: str) -> State:
        """Return the number that is wanted."""
        many = wanted(self._amount, before["replicas"], self._rules, _SETTING)
        # The same number is no change: our key alone must not be written.
        return {"replicas": many, "action": before["action"] if many == before["replicas"] else key}

    def requests(self, before: State, goal: State) -> tuple[Request, ...]:
        """Return the one patch."""
        body = _acted(goal["action"])
        metadata = body["metadata"] | _VERSION
        return (Request(call=self._call, body={"metadata": metadata, "spec": {"replicas": goal["replicas"]}}),)

    def words(self, before: State, goal: State) -> Words:
        """Say it."""
        old, new = before["replicas"], goal["replicas"]
        return Words(
            f"Set the replicas of {self.resource} from {old} to {new}.",
            f"{self.resource}: 레플리카 수를 변경합니다: {old} → {new}.",
            f"{self._call}: set the replicas back to {old}.",
            f"{self._call}: 레플리카 수를 이전 값({old})으로 되돌립니다.",
        )

    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        """As many pods are touched as come or go."""
        return risk_of(before["replicas"], goal["replicas"]), abs(goal["replicas"] - before["replicas"])

    def write(self, goal: State) -> None:
        """Patch the number."""
        self._workload.patch({**_acted(goal["action"]), "spec": {"replicas": goal["replicas"]}})


class Rollback(_Rollout):
    """The template of an earlier revision. What templates hold may be secret: they are shown by digest and images."""

    def __init__(self, tools: Tools, given: RollbackParameters) -> None:
        super().__init__(tools, given)
        self._revision = given.revision
        self.intent = f"Roll {self.resource} back.", f"{self.resource}: 이전 리비전으로 되돌립니다."

    def read(self) -> State:
        """Ask for the template and its earlier revisions."""
        self._workload.read()
        revisions, template = self._workload.revisions(), self._workload.template
        present = digest(template)
        number = next((one.number for one in revisions if one.digest == present), 0)
        earlier = next((one for one in revisions if self._is_meant(one, number, template)), None)
        return {
            "template": present,
            "action": self._workload.annotation(ACTION),
            "revision": number,
            "images": images(template),
            "pods": self._workload.pods,
            "earlier": _shown(earlier) if earlier else None,
        }

    def goal(self, before: State, key: str) -> State:
        """Return the earlier template."""
        if not before["revision"]:
            raise ChannelUnavailable(f"{self.resource} was changed just now.", "It will be tried again.")
        if before["earlier"] is None:
            raise NotFound(f"{self.resource} has no such earlier revision.", "Nothing was kept to go back to.")
        template = before["earlier"]["template"]
        return {"template": template, "action": before["action"] if template == before["template"] else key}

    def requests(self, before: State, goal: State) -> tuple[Request, ...]:
        """Return the one patch, the template by its digest."""
        number = before["earlier"]["revision"]
        body = {
            "metadata": _acted(goal["action"])["metadata"] | _VERSION,
            "spec": {"template": f"<as in revision {number}, sha256 {goal['template']}>"},
        }
        return (Request(call=self._call, body=body),)

    def words(self, before: State, goal: State) -> Words:
        """Say it."""
        now, then = before["revision"], before["earlier"]["revision"]
        old, new = ", ".join(before["images"]), ", ".join(before["earlier"]["images"])
        return Words(
            f"Roll {self.resource} back from revision {now} ({old}) to revision {then} ({new}).",
            f"{self.resource}: 이전 리비전으로 되돌립니다: {now}({old}) → {then}({new}).",
            f"{self._call}: the template of revision {now} ({old}) again.",
            f"{self._call}: 리비전 {now}({old})의 템플릿을 다시 적용합니다.",
        )

    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        """All pods are replaced by others that ran before."""
        return Risk.MEDIUM, before["pods"]

    def write(self, goal: State) -> None:
        """Patch the template to what the cluster keeps."""
        self._workload.refuse_if_stuck()
        kept = next((one for one in self._workload.revisions() if one.digest == goal["template"]), None)
        if kept is None:
            raise NotFound(f"The cluster keeps that revision of {self.resource} no more.", "Deploy it again.")
        patch = merge_patch(bare(self._workload.template), kept.template)
        self._workload.patch({**_acted(goal["action"]), "spec": {"template": patch}})

    def _is_meant(self, one: Revision, present: int, template: dict[str, Any]) -> bool:
        if self._revision is not None:
            return one.number == self._revision
        # What differs by a restart alone runs the same: nobody wants to go back to that.
        return one.number < present and _substance(one.template) != _substance(template)


def _substance(template: dict[str, Any]) -> str:
    return digest(bare(template, without=(RESTART, RESTARTED_AT)))


def _shown(revision: Revision) -> State:
    return {"revision": revision.number, "template": revision.digest, "images": images(revision.template)}


def _annotated(value: str | None) -> dict[str, Any]:
    return {"spec": {"template": {"metadata": {"annotations": {RESTART: value}}}}}


def _acted(value: str | None) -> dict[str, Any]:
    return {"metadata": {"annotations": {ACTION: value}}}
