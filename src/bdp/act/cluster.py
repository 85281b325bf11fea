"""A Kubernetes cluster: its client for the actions, and its errors in our words.

The official client is used for login and transport alone; objects are read and patched as plain JSON, so that nothing
is lost that this client's version does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bdp.act.action import Tools
from bdp.act.settings import KubernetesRolloutSettings
from bdp.errors import BadSetting, BdpError, ChannelUnavailable, MissingExtra, NotAllowed, NotFound, NotPossible
from bdp.notify.plain import one_line


def asked(tools: Tools, permission: str, call: Callable[[Any, dict[str, Any]], Any]) -> dict[str, Any]:
    """Return the JSON that a call gives.

    Args:
        permission: what the call needs, as RBAC says it: `patch deployments in shop`.
        call: gets the client of the group `apps`, and options that every call is made with.

    Raises:
        ChannelUnavailable: busy, out of reach, or somebody else wrote at the same time.
        NotAllowed: the permission is missing.
        NotFound: there is no such object.
        NotPossible: the cluster refused the request as it is.
    """
    settings = tools.settings.kubernetes_rollout
    apps = tools.clients.get(("kubernetes", settings), lambda: _made(settings))
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    options = {"_preload_content": False, "_request_timeout": (settings.timeout_seconds, settings.timeout_seconds)}
    try:
        answer = call(apps, options)
        status, body = int(answer.status), answer.read()
    except ApiException as error:
        status, body = int(error.status or 0), error.body or b""
    except (HTTPError, OSError) as error:
        raise ChannelUnavailable(f"Kubernetes did not answer: {type(error).__name__}.", "Is it up?") from error
    if not 200 <= status < 300:
        raise _refused(status, body, permission)
    found: dict[str, Any] = json.loads(body)
    return found


def _refused(status: int, body: bytes | str, permission: str) -> BdpError:
    why = _message(body)
    if status == 409:
        return ChannelUnavailable("Somebody else wrote to Kubernetes at the same time.", "It will be tried again.")
    if status in {0, 408, 429} or status >= 500:
        return ChannelUnavailable(f"Kubernetes answered {status}: {why}", "It will be tried again.")
    if status == 401:
        return NotAllowed("Kubernetes does not know our login.", "See act.kubernetes_rollout.")
    if status == 403:
        return NotAllowed(f"Kubernetes does not allow to {permission}: {why}", "Allow it to BDP's account.")
    if status == 404:
        return NotFound(f"Kubernetes knows no such thing: {why}", "Check kind, namespace and name.")
    return NotPossible(f"Kubernetes refused with {status}: {why}", "Check what was asked for.")


def _message(body: bytes | str) -> str:
    try:
        return one_line(str(json.loads(body)["message"]), 300)
    except (ValueError, KeyError, TypeError):
        return ""


def _made(settings: KubernetesRolloutSettings) -> Any:
    try:
        from kubernetes import client, config
    except ImportError as error:
        raise MissingExtra(
            "Acting on Kubernetes needs a library that is not installed.",
            "Install it: pip install 'bdp-agent[kubernetes]'.",
        ) from error
    login = client.Configuration()
    try:
        if settings.login == "in_cluster":
            config.load_incluster_config(client_configuration=login)  # type: ignore[no-untyped-call]
        else:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=settings.kubeconfig or None,
                context=settings.context or None,
                client_configuration=login,
                persist_config=False,
            )
    except (config.ConfigException, OSError) as error:
        raise BadSetting(f"Kubernetes: {one_line(str(error), 200)}", "See act.kubernetes_rollout.") from error
    # A repeated call is `bdp.notify.effect`'s, after the object was read again.
    login.retries = False
    return client.AppsV1Api(client.ApiClient(login))
