"""The control plane: what it is asked changes the shop, once for each key, and can be taken back."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from bdp.demo.live_control import ControlPlane, serving
from bdp.demo.live_shop import LARGE_POOL, SMALL_POOL, Shop

ROLLBACK = {"service": "checkout", "from_ref": "checkout@4.19.0"}
REVERT = {"service": "inventory", "change": "CFG-2291"}


@pytest.fixture
def shop() -> Shop:
    shop = Shop(pool=SMALL_POOL)
    shop.deploy("checkout", "4.19.0")
    return shop


@pytest.fixture
def control(shop: Shop) -> ControlPlane:
    return ControlPlane(shop)


def running(shop: Shop, service: str) -> list[int]:
    return shop.setups[service].versions


def test_same_key_takes_effect_once(shop: Shop, control: ControlPlane) -> None:
    restart = {"service": "inventory"}
    answers = [control.handle("/rolling_restart", "k1", restart) for _ in range(3)]
    control.handle("/rolling_restart", "k2", restart)

    assert answers[0][0] == 200
    assert answers[1:] == answers[:1] * 2
    assert shop.setups["inventory"].restarts == 2
    assert [done.key for done in control.done] == ["k1", "k2"]
    assert control.asked == 4


@pytest.mark.parametrize(
    ("operation", "body"), [("rollback", ROLLBACK), ("revert", ROLLBACK | {"change": "checkout@4.19.0"})]
)
def test_release_is_rolled_back_and_forward(shop: Shop, control: ControlPlane, operation: str, body: Any) -> None:
    control.handle(f"/{operation}", "k", body)
    assert running(shop, "checkout") == [0, 0, 0]
    control.handle(f"/{operation}/undo", "k:undo", body)
    assert running(shop, "checkout") == [1, 1, 1]


def test_undo_of_what_changed_nothing_changes_nothing(shop: Shop, control: ControlPlane) -> None:
    control.handle("/rollback", "first", ROLLBACK)
    assert control.handle("/rollback", "second", ROLLBACK)[0] == 200
    control.handle("/rollback/undo", "second:undo", ROLLBACK)
    assert running(shop, "checkout") == [0, 0, 0]


def test_settings_are_reverted_and_set_again(shop: Shop, control: ControlPlane) -> None:
    control.handle("/revert", "k", REVERT)
    assert shop.pool == LARGE_POOL
    control.handle("/revert/undo", "k:undo", REVERT)
    assert shop.pool == SMALL_POOL


def test_spare_hosts_come_and_go(shop: Shop, control: ControlPlane) -> None:
    for key, path in enumerate(("/rolling_restart", "/scale_out", "/scale_out/undo")):
        assert control.handle(path, str(key), {"service": "inventory"})[0] == 200
    assert shop.setups["inventory"].spare == 1


@pytest.mark.parametrize(
    ("path", "key", "body", "status"),
    [
        ("/rollback", "", ROLLBACK, 409),
        ("/drop_database", "k", ROLLBACK, 404),
        ("/rollback/again", "k", ROLLBACK, 404),
        ("/rolling_restart", "k", {"service": "warehouse"}, 404),
        ("/rollback", "k", {"service": "checkout", "from_ref": "checkout@9.9.9"}, 404),
        ("/rollback", "k", {"service": "checkout", "from_ref": "checkout@4.18.2"}, 409),
        ("/rollback", "k", {"service": "checkout", "from_ref": "cart@3.5.0"}, 409),
        ("/revert", "k", {"service": "shop", "change": "CFG-2289"}, 409),
        ("/scale_out/undo", "k", {"service": "shop"}, 409),
    ],
)
def test_what_cannot_be_done_is_refused(
    shop: Shop, control: ControlPlane, path: str, key: str, body: Any, status: int
) -> None:
    before = str(shop.setups)
    assert control.handle(path, key, body)[0] == status
    assert str(shop.setups) == before
    assert not control.done


@pytest.fixture
def url(control: ControlPlane) -> Iterator[str]:
    with serving(control, "secret") as url:
        yield url


def post(url: str, body: bytes, **headers: str) -> int:
    request = urllib.request.Request(url, body, {key.replace("_", "-"): value for key, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_over_http(shop: Shop, control: ControlPlane, url: str) -> None:
    body = json.dumps(ROLLBACK).encode()
    assert post(f"{url}/rollback", body, Authorization="Bearer secret", Idempotency_Key="k") == 200
    assert running(shop, "checkout") == [0, 0, 0]
    assert [done.key for done in control.done] == ["k"]


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [("Bearer wrong", b"{}", 401), ("Bearer secret", b"[]", 400), ("Bearer secret", b"{", 400)],
)
def test_strangers_and_nonsense_are_refused(
    control: ControlPlane, url: str, token: str, body: bytes, status: int
) -> None:
    assert post(f"{url}/rollback", body, Authorization=token, Idempotency_Key="k") == status
    assert not control.asked
