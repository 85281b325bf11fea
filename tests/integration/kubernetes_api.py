"""A small Kubernetes API server on loopback, for the official client: `apps/v1` over real HTTP.

It keeps deployments, stateful sets, daemon sets, replica sets and controller revisions, as the real one does:

- each write gives the object a new `resourceVersion`; a patch that names another one is answered 409;
- a change of `spec` raises `metadata.generation`; the controllers follow it, at once or after `lag` reads, and tell so
  in `status.observedGeneration`;
- a new template of a deployment makes a replica set with the next revision, an earlier one is taken up again and gets
  the next revision; the other kinds do the same with controller revisions;
- the controllers write as well (revision, status), so `resourceVersion` moves on by itself;
- who comes without the token is answered 401, who lacks a verb 403, both as `Status` objects.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

TOKEN = "t0ken"
_PATH = re.compile(r"/apis/apps/v1/namespaces/(?P<namespace>[^/]+)/(?P<plural>[a-z]+)(/(?P<name>[^/]+))?")
_REVISION = "deployment.kubernetes.io/revision"
_KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "replicasets": "ReplicaSet",
    "controllerrevisions": "ControllerRevision",
}


@dataclass
class Trouble:
    """What the next request of a verb is answered; `lost`: it is done all the same."""

    status: int
    lost: bool = False


@dataclass
class KubernetesApi:
    """The server: `with KubernetesApi() as cluster`."""

    lag: int = 0
    """So many reads of an object see its status as it was, after each change of its spec."""
    machines: int = 3
    denied: set[str] = field(default_factory=set)
    """Such as `patch deployments`."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    patches: list[Json] = field(default_factory=list)
    """Bodies of the patches that came over HTTP."""
    troubles: dict[str, list[Trouble]] = field(default_factory=dict)
    _objects: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    _behind: dict[str, int] = field(default_factory=dict)
    _version: int = 100

    def __enter__(self) -> KubernetesApi:
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Verb and path of each request that changes something."""
        return [call for call in self.calls if call[0] not in {"get", "list"}]

    def kubeconfig(self, folder: Path, token: str = TOKEN) -> str:
        """Write a kubeconfig with the contexts `tests` and `elsewhere`, and return its path."""
        contexts = [
            {"name": "tests", "context": {"cluster": "tests", "user": "bdp", "namespace": "shop"}},
            {"name": "elsewhere", "context": {"cluster": "elsewhere", "user": "bdp"}},
        ]
        clusters = [
            {"name": "tests", "cluster": {"server": self.url}},
            {"name": "elsewhere", "cluster": {"server": "http://127.0.0.1:9"}},
        ]
        login = [{"name": "bdp", "user": {"token": token}}]
        whole = {"apiVersion": "v1", "kind": "Config", "current-context": "elsewhere"}
        path = folder / f"kubeconfig-{token}"
        path.write_text(json.dumps(whole | {"contexts": contexts, "clusters": clusters, "users": login}))
        return str(path)

    def make(self, plural: str, name: str, replicas: int = 2, image: str = "cart:1", **spec: Any) -> None:
        """Make a workload in the namespace `shop`."""
        template = {
            "metadata": {"labels": {"app": name}, "creationTimestamp": None},
            "spec": {"containers": [{"name": "main", "image": image, "env": [{"name": "KEY", "value": "s3cret"}]}]},
        }
        count = {} if plural == "daemonsets" else {"replicas": replicas}
        body = {"selector": {"matchLabels": {"app": name}}, "template": template, **count, **spec}
        with self._lock:
            self._add(plural, "shop", name, {"spec": body})
            self._follow(plural, "shop", name)

    def get(self, plural: str, name: str) -> Json:
        """Return an object of the namespace `shop`, as it is."""
        with self._lock:
            return copy.deepcopy(self._objects[plural, "shop", name])

    def change(self, plural: str, name: str, patch: Json) -> None:
        """Patch an object as another person does."""
        with self._lock:
            self._patch(plural, "shop", name, patch)

    def ship(self, plural: str, name: str, image: str, **template: Any) -> None:
        """Roll a new image out, as another person does; `template` goes into the pods' spec."""
        containers = [{"name": "main", "image": image, "env": [{"name": "KEY", "value": "s3cret"}]}]
        self.change(plural, name, {"spec": {"template": {"spec": {"containers": containers, **template}}}})

    def forget_revisions(self, name: str) -> None:
        """Drop every replica set of a deployment but the present one, as a history limit of 0 does."""
        with self._lock:
            present = self.get("deployments", name)["metadata"]["annotations"][_REVISION]
            for key in [key for key in self._objects if key[0] == "replicasets" and key[2].startswith(f"{name}-")]:
                if self._objects[key]["metadata"]["annotations"][_REVISION] != present:
                    del self._objects[key]

    def answer(self, verb: str, path: str, headers: Json, body: bytes) -> tuple[int, Json]:
        """Return status and body of the answer to a request."""
        parts = urlsplit(path)
        match = _PATH.fullmatch(parts.path)
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        if match is None or match["plural"] not in _KINDS:
            return _status(404, "the server could not find the requested resource")
        verb = "list" if verb == "get" and not match["name"] else verb
        with self._lock:
            self.calls.append((verb, parts.path))
            if f"{verb} {match['plural']}" in self.denied:
                return _status(403, f'{match["plural"]}.apps is forbidden: User "bdp" cannot {verb} resource')
            waiting = self.troubles.get(verb) or []
            trouble = waiting.pop(0) if waiting else None
            if trouble and not trouble.lost:
                return _status(trouble.status, "no, not now")
            done = self._done(verb, match, parse_qs(parts.query), headers, body)
            return _status(trouble.status, "no, not now") if trouble else done

    def _done(self, verb: str, match: re.Match[str], query: Json, headers: Json, body: bytes) -> tuple[int, Json]:
        place = match["plural"], match["namespace"], match["name"]
        if verb == "list":
            wanted = dict(pair.split("=") for one in query.get("labelSelector", []) for pair in one.split(","))
            return 200, {"kind": "List", "items": list(self._listed(place[0], place[1], wanted))}
        if place not in self._objects:
            return _status(404, f'{place[0]}.apps "{place[2]}" not found')
        if verb == "get":
            return 200, self._seen(*place)
        if headers.get("content-type") != "application/merge-patch+json":
            return _status(415, "the body of the request was in an unknown format")
        patch = json.loads(body)
        self.patches.append(copy.deepcopy(patch))
        named = patch.get("metadata", {}).get("resourceVersion")
        if named is not None and named != self._objects[place]["metadata"]["resourceVersion"]:
            return _status(409, "the object has been modified; please apply your changes to the latest version")
        self._patch(*place, patch)
        return 200, copy.deepcopy(self._objects[place])

    def _seen(self, plural: str, namespace: str, name: str) -> Json:
        if self._behind.get(name, 0) > 0:
            self._behind[name] -= 1
        else:
            self._follow(plural, namespace, name)
        return copy.deepcopy(self._objects[plural, namespace, name])

    def _listed(self, plural: str, namespace: str, labels: Json) -> Iterator[Json]:
        for (kind, place, _), found in self._objects.items():
            if (kind, place) == (plural, namespace) and labels.items() <= found["metadata"]["labels"].items():
                yield copy.deepcopy(found)

    def _patch(self, plural: str, namespace: str, name: str, patch: Json) -> None:
        found = self._objects[plural, namespace, name]
        before = json.dumps(found["spec"], sort_keys=True)
        patch = copy.deepcopy(patch)
        patch.get("metadata", {}).pop("resourceVersion", None)
        _merge(found, patch)
        for metadata in (found["metadata"], found["spec"]["template"]["metadata"]):
            if metadata.get("annotations") == {}:
                del metadata["annotations"]
        found["metadata"]["resourceVersion"] = self._next()
        if json.dumps(found["spec"], sort_keys=True) != before:
            found["metadata"]["generation"] += 1
            self._behind[name] = self.lag
            self._remember(plural, namespace, name)
            if not self.lag:
                self._follow(plural, namespace, name)

    def _add(self, plural: str, namespace: str, name: str, body: Json) -> None:
        labels = body["spec"]["selector"]["matchLabels"] if "selector" in body.get("spec", {}) else {}
        metadata = {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{plural}-{name}",
            "labels": dict(labels),
            "resourceVersion": self._next(),
            "generation": 1,
        }
        whole = {"apiVersion": "apps/v1", "kind": _KINDS[plural], "metadata": metadata, "status": {}}
        self._objects[plural, namespace, name] = copy.deepcopy(whole | body)
        if "template" in body.get("spec", {}) and plural != "replicasets":
            self._remember(plural, namespace, name)

    def _remember(self, plural: str, namespace: str, name: str) -> None:
        """Keep the present template as the latest revision."""
        owner = self._objects[plural, namespace, name]
        held = "replicasets" if plural == "deployments" else "controllerrevisions"
        own = [one for key, one in self._objects.items() if key[0] == held and _owned(one, owner)]
        template = owner["spec"]["template"]
        latest = max((_number(one) for one in own), default=0)
        same = next((one for one in own if _kept(one) == _bare(template)), None)
        if same is None:
            same = self._new_revision(held, owner, latest + 1)
        elif _number(same) != latest:
            _set_number(same, latest + 1)
        if held == "replicasets":
            owner["metadata"].setdefault("annotations", {})[_REVISION] = str(_number(same))

    def _new_revision(self, held: str, owner: Json, number: int) -> Json:
        metadata, template = owner["metadata"], copy.deepcopy(owner["spec"]["template"])
        name = f"{metadata['name']}-{number}"
        if held == "replicasets":
            template["metadata"]["labels"]["pod-template-hash"] = f"h{number}"
            body: Json = {"spec": {"template": template}}
        else:
            body = {"revision": number, "data": {"spec": {"template": {**template, "$patch": "replace"}}}}
        self._add(held, metadata["namespace"], name, body)
        made = self._objects[held, metadata["namespace"], name]
        made["metadata"]["labels"] = dict(owner["spec"]["selector"]["matchLabels"])
        made["metadata"]["ownerReferences"] = [{"kind": owner["kind"], "uid": metadata["uid"]}]
        _set_number(made, number)
        return made

    def _follow(self, plural: str, namespace: str, name: str) -> None:
        """Let the controller bring the pods to where the spec wants them."""
        if plural not in {"deployments", "statefulsets", "daemonsets"}:
            return
        found = self._objects[plural, namespace, name]
        generation = found["metadata"]["generation"]
        if plural == "daemonsets":
            names = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
            many = self.machines
        else:
            names = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
            many = found["spec"]["replicas"]
        status = {"observedGeneration": generation} | dict.fromkeys(names, many)
        if found["status"] != status:
            found["status"] = status
            found["metadata"]["resourceVersion"] = self._next()

    def _next(self) -> str:
        self._version += 1
        return str(self._version)


@contextmanager
def cluster() -> Iterator[KubernetesApi]:
    """Run a server with one deployment, one stateful set and one daemon set."""
    with KubernetesApi() as api:
        api.make("deployments", "cart", replicas=2)
        api.make("statefulsets", "db", replicas=2, image="db:1")
        api.make("daemonsets", "agent", image="agent:1")
        yield api


def _handler(api: KubernetesApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # an answer in two packets takes 40 ms else

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = api.answer(self.command.lower(), self.path, headers, body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PATCH = do_PUT = do_POST = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _status(code: int, message: str) -> tuple[int, Json]:
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


def _merge(target: Json, patch: Json) -> None:
    """RFC 7386."""
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            if not isinstance(target.get(name), dict):
                target[name] = {}
            _merge(target[name], value)
        else:
            target[name] = value


def _owned(one: Json, owner: Json) -> bool:
    return any(ref["uid"] == owner["metadata"]["uid"] for ref in one["metadata"].get("ownerReferences", []))


def _number(one: Json) -> int:
    return int(one["revision"] if "revision" in one else one["metadata"]["annotations"][_REVISION])


def _set_number(one: Json, number: int) -> None:
    if "revision" in one:
        one["revision"] = number
    else:
        one["metadata"].setdefault("annotations", {})[_REVISION] = str(number)


def _kept(one: Json) -> Json:
    return _bare(one["data"]["spec"]["template"] if "data" in one else one["spec"]["template"])


def _bare(template: Json) -> Json:
    clean = copy.deepcopy(template)
    clean.pop("$patch", None)
    clean["metadata"].get("labels", {}).pop("pod-template-hash", None)
    return clean
