"""Templates: told apart by what they run, whoever keeps them."""

from __future__ import annotations

import copy
from typing import Any

from bdp.act.workload import bare, digest, images

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "cart"}, "annotations": {"a": "1"}},
    "spec": {"containers": [{"name": "main", "image": "cart:1"}], "volumes": [{"name": "tmp", "emptyDir": {}}]},
}


def changed(**spec: Any) -> dict[str, Any]:
    return {**copy.deepcopy(TEMPLATE), "spec": {**copy.deepcopy(TEMPLATE["spec"]), **spec}}


def test_what_the_cluster_adds_makes_no_difference() -> None:
    kept = copy.deepcopy(TEMPLATE)
    kept["metadata"]["labels"]["pod-template-hash"] = "5d8f"
    kept["metadata"]["creationTimestamp"] = None
    kept["$patch"] = "replace"
    assert digest(kept) == digest(TEMPLATE)
    assert kept["$patch"] == "replace"


def test_what_it_runs_makes_a_difference() -> None:
    others = [changed(containers=[{"name": "main", "image": "cart:2"}]), changed(volumes=[]), changed(priority=1)]
    assert len({digest(one) for one in (TEMPLATE, *others)}) == 4


def test_an_annotation_may_be_left_out() -> None:
    assert bare(TEMPLATE, without=("a",))["metadata"] == {"labels": {"app": "cart"}}
    assert digest(bare(TEMPLATE, without=("a",))) != digest(TEMPLATE)


def test_images_are_plain_text() -> None:
    assert images(changed(containers=[{"name": "x", "image": "cart:2\x1b[31m"}, {"name": "y"}])) == ["cart:2[31m", ""]
