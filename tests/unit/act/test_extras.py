"""What is not installed is named with the command that installs it; what is not listed needs none of it."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bdp.act.settings import ActSettings, DryRun, KubernetesRolloutSettings, LambdaRestartSettings
from bdp.errors import MissingExtra
from bdp.model.analysis import ActionType
from tests.integration.acting import acting, settings

CASES: list[tuple[ActionType, dict[str, Any], ActSettings, str]] = [
    (
        ActionType.LAMBDA_RESTART,
        {"function": "cart"},
        settings(lambda_restart=LambdaRestartSettings(functions=("*",))),
        "aws",
    ),
    (
        ActionType.KUBERNETES_ROLLOUT,
        {"operation": "restart", "namespace": "shop", "name": "cart"},
        settings(kubernetes_rollout=KubernetesRolloutSettings(workloads=("*",))),
        "kubernetes",
    ),
]


@pytest.mark.parametrize(("type", "parameters", "listed", "extra"), CASES)
def test_a_missing_library_is_named(
    type: ActionType, parameters: dict[str, Any], listed: ActSettings, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("boto3", "botocore", "kubernetes"):
        monkeypatch.setitem(sys.modules, name, None)
    with acting(listed) as ops, pytest.raises(MissingExtra, match=rf"pip install 'bdp-agent\[{extra}\]'"):
        ops.plan(type, **parameters)
    with acting(ActSettings(dry_run=DryRun.NOTHING)) as ops:
        assert ops.plan(type, **parameters).plan.dry_run
