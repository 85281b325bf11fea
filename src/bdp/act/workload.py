"""Deployments, stateful sets and daemon sets: read, patched, and their earlier revisions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal

from bdp.act.action import Tools
from bdp.act.cluster import asked
from bdp.errors import NotPossible
from bdp.notify.plain import one_line

Kind = Literal["deployment", "statefulset", "daemonset"]

_CALLS: Final[dict[str, str]] = {
    "deployment": "deployment",
    "statefulset": "stateful_set",
    "daemonset": "daemon_set",
}
_REVISION: Final = "deployment.kubernetes.io/revision"
_HASH: Final = "pod-template-hash"
_MOST_REVISIONS: Final = 500
MERGE_PATCH: Final = "application/merge-patch+json"


@dataclass(frozen=True)
class Revision:
    """One state of the pods' template that the cluster keeps."""

    number: int
    template: dict[str, Any]

    @property
    def digest(self) -> str:
        """Return what tells templates apart."""
        return digest(self.template)


class Workload:
    """One object. What was read last is kept, and a patch holds only for that."""

    def __init__(self, tools: Tools, kind: Kind, namespace: str, name: str) -> None:
        self._tools, self._kind = tools, kind
        self._namespace, self._name = namespace, name
        self.resource = f"{kind}:{namespace}/{name}"
        self.path = f"/apis/apps/v1/namespaces/{namespace}/{kind}s/{name}"
        self.found: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """Return the object as it is now."""
        self.found = asked(
            self._tools,
            f"get {self._kind}s in {self._namespace}",
            lambda apps, options: self._call(apps, "read")(self._name, self._namespace, **options),
        )
        return self.found

    def patch(self, body: dict[str, Any]) -> None:
        """Change the object, if it still is as it was read.

        Raises:
            ChannelUnavailable: somebody changed it in between.
        """
        version = {"resourceVersion": self.found["metadata"]["resourceVersion"]}
        sent = body | {"metadata": body.get("metadata", {}) | version}
        asked(
            self._tools,
            f"patch {self._kind}s in {self._namespace}",
            lambda apps, options: self._call(apps, "patch")(
                self._name, self._namespace, sent, _content_type=MERGE_PATCH, field_manager="bdp-agent", **options
            ),
        )

    def revisions(self) -> list[Revision]:
        """Return the revisions that the cluster keeps of what was read, the latest first."""
        held = "replica_set" if self._kind == "deployment" else "controller_revision"
        labels = self.found["spec"].get("selector", {}).get("matchLabels") or {}
        listing = asked(
            self._tools,
            f"list {held.replace('_', '')}s in {self._namespace}",
            lambda apps, options: getattr(apps, f"list_namespaced_{held}")(
                self._namespace,
                label_selector=",".join(f"{name}={value}" for name, value in sorted(labels.items())),
                limit=_MOST_REVISIONS,
                **options,
            ),
        )
        own = [one for one in listing["items"] if self._owns(one)]
        found = [_of_replica_set(one) if held == "replica_set" else _of_history(one) for one in own]
        return sorted(found, key=lambda revision: -revision.number)

    @property
    def template(self) -> dict[str, Any]:
        """Return the template of the pods."""
        found: dict[str, Any] = self.found["spec"]["template"]
        return found

    @property
    def pods(self) -> int:
        """Return how many pods there shall be."""
        if self._kind == "daemonset":
            return int(self.found.get("status", {}).get("desiredNumberScheduled", 0))
        return int(self.found["spec"].get("replicas", 1))

    def annotation(self, name: str) -> str | None:
        """Return an annotation of the object."""
        return (self.found["metadata"].get("annotations") or {}).get(name)

    def refuse_if_stuck(self) -> None:
        """Raise if a new template would start no pods.

        Raises:
            NotPossible: it is paused, or pods are only replaced when somebody deletes them.
        """
        spec = self.found["spec"]
        if spec.get("paused"):
            raise NotPossible(f"{self.resource} is paused.", "Resume it first.")
        if spec.get("updateStrategy", {}).get("type") == "OnDelete":
            raise NotPossible(f"{self.resource} replaces pods only when they are deleted.", "Delete them by hand.")

    def settled(self) -> bool:
        """Return whether the pods are as what was read wants them: new, all there, available.

        Raises:
            NotPossible: the cluster gave up.
        """
        status, wanted = self.found.get("status", {}), self.pods
        if status.get("observedGeneration", 0) < self.found["metadata"]["generation"]:
            return False
        for condition in status.get("conditions", []):
            if condition.get("reason") == "ProgressDeadlineExceeded":
                why = one_line(str(condition.get("message", "")), 300)
                raise NotPossible(f"{self.resource} makes no progress: {why}", "Look at its pods.")
        if self._kind == "daemonset":
            return bool(
                status.get("updatedNumberScheduled", 0) >= wanted and status.get("numberAvailable", 0) >= wanted
            )
        if self._kind == "statefulset":
            kept = self.found["spec"].get("updateStrategy", {}).get("rollingUpdate", {}).get("partition", 0)
            new = status.get("updatedReplicas", 0) >= wanted - kept
            return bool(new and status.get("replicas", 0) == wanted and status.get("readyReplicas", 0) >= wanted)
        new = status.get("updatedReplicas", 0) >= wanted and status.get("replicas", 0) == wanted
        return bool(new and status.get("availableReplicas", 0) >= wanted)

    def _call(self, apps: Any, verb: str) -> Any:
        return getattr(apps, f"{verb}_namespaced_{_CALLS[self._kind]}")

    def _owns(self, one: dict[str, Any]) -> bool:
        owners = one["metadata"].get("ownerReferences") or []
        return any(owner["uid"] == self.found["metadata"]["uid"] for owner in owners)


def digest(template: dict[str, Any]) -> str:
    """Return 16 hex digits that tell templates apart, whoever keeps them."""
    text = json.dumps(bare(template), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def bare(template: dict[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    """Return a template without what the cluster adds, and without the annotations `without`."""
    clean: dict[str, Any] = _without_none(template)
    metadata = clean.get("metadata", {})
    _drop(metadata, "labels", (_HASH,))
    _drop(metadata, "annotations", without)
    clean.pop("$patch", None)
    return clean


def images(template: dict[str, Any]) -> list[str]:
    """Return what the template's containers run."""
    return [one_line(str(one.get("image", "")), 300) for one in template.get("spec", {}).get("containers", [])]


def _drop(metadata: dict[str, Any], field: str, names: Collection[str]) -> None:
    if field in metadata:
        for name in names:
            metadata[field].pop(name, None)
        if not metadata[field]:
            del metadata[field]


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(inner) for name, inner in value.items() if inner is not None}
    return [_without_none(inner) for inner in value] if isinstance(value, list) else value


def _of_replica_set(one: dict[str, Any]) -> Revision:
    number = (one["metadata"].get("annotations") or {}).get(_REVISION, "0")
    return Revision(int(number) if str(number).isdigit() else 0, bare(one["spec"]["template"]))


def _of_history(one: dict[str, Any]) -> Revision:
    return Revision(int(one["revision"]), bare(one["data"]["spec"]["template"]))
