"""Masks and signatures."""

from __future__ import annotations

import time
from itertools import product

import pytest

from bdp.detect.signature import mask, signature, telling
from bdp.model.anomaly import AnomalyKind, Subject


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("took 30 ms", "took <*> ms"),
        ("took 3.14 s, tried -2 times", "took <*> s, tried <*> times"),
        ("key 550e8400-e29b-41d4-a716-446655440000 lost", "key <*> lost"),
        ("at 0xDEADBEEF in deadbeefdeadbeefdead", "at <*> in <*>"),
        ("from 10.0.0.7:4242", "from <*>"),
        ("from fe80::1ff:fe23:4567:890a", "from <*>"),
        ("mail to jane.doe@example.org bounced", "mail to <*> bounced"),
        ("GET /orders/81723/items/7", "GET /orders/<*>/items/<*>"),
        ('no column "price" in table', "no column <*> in table"),
        ("controller 0's link isn't up; can't say 'why' now", "controller <*>'s link isn't up; can't say <*> now"),
        ("partitions [1, 2, 3] and [1]", "partitions [<*>] and [<*>]"),
        ("결제 81723 실패", "결제 <*> 실패"),
        ("  spaces \t and\nlines ", "spaces and lines"),
        ("", ""),
    ],
)
def test_mask(message: str, template: str) -> None:
    assert mask(message) == template


def test_same_trouble_same_mask() -> None:
    masks = {mask(f"order {n} of 10.0.{n}.1 failed after {n * 7}ms") for n in range(50)}
    assert len(masks) == 1


@pytest.mark.parametrize("shape", ["a" * 512, "a" * 511 + "1", "@" * 512, '"' * 512, "'" * 512, "a'" * 256, "a@" * 256])
def test_hostile_messages_take_no_longer_than_others(shape: str) -> None:
    start = time.perf_counter()
    for _ in range(20):
        mask(shape * 2000)
    assert time.perf_counter() - start < 0.5


def test_masks_are_short_and_only_the_start_is_read() -> None:
    assert len(mask("word " * 10_000)) <= 200
    assert mask("a" * 512 + "1") == mask("a" * 512 + "2")


def test_signature_is_16_hex_digits_and_differs_by_every_part() -> None:
    names = [
        signature(AnomalyKind.BURST, Subject(service=s, route=r, error_code=e), t)
        for s, r, e, t in product(("a", "b"), ("", "a"), ("", "a"), ((), ("x",)))
    ]
    assert len(set(names)) == len(names)
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in names)


def test_error_code_names_the_trouble_alone() -> None:
    assert telling(Subject(service="a", error_code="E1"), {"x": 10.0}) == ()


def test_only_a_template_of_two_thirds_tells() -> None:
    subject = Subject(service="a")
    assert telling(subject, {"x": 8.0, "y": 4.0}) == ("x",)
    assert telling(subject, {"x": 7.0, "y": 4.0}) == ()
    assert telling(subject, {}) == ()
