"""Merge patches: applied to the old they give the new."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bdp.act.merge_patch import merge_patch

SCALARS = st.integers(0, 3) | st.text("ab", max_size=2) | st.booleans() | st.lists(st.integers(0, 2), max_size=2)
OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), SCALARS, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), SCALARS | inner, max_size=3),
    max_leaves=8,
)


def applied(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = applied(target.get(name), value)
    return target


@given(OBJECTS, OBJECTS)
def test_it_makes_the_new_of_the_old(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy((old, new))
    assert applied(old, merge_patch(old, new)) == new
    assert (old, new) == before


@given(OBJECTS)
def test_what_is_the_same_needs_no_patch(same: dict[str, Any]) -> None:
    assert merge_patch(same, copy.deepcopy(same)) == {}
