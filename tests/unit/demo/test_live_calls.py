"""Live traffic: what fails depends on how the shop stands, and each event is handed out once, in order."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pytest

from bdp.demo.live_calls import SECOND_US, Traffic
from bdp.demo.live_shop import LARGE_POOL, SMALL_POOL, Shop
from bdp.model.event import Event

DAY = date(2026, 11, 20)
HOUR = 3600 * SECOND_US


def played(shop: Shop, seconds: int = 120) -> list[dict[str, Any]]:
    traffic = Traffic(DAY, np.random.default_rng(7), shop)
    traffic.play(0, seconds * SECOND_US)
    return traffic.take(HOUR)


def failures(shop: Shop) -> Counter[str]:
    return Counter(str(row["error_code"]) for row in played(shop))


def test_calm_shop_raises_nothing() -> None:
    rows = played(Shop(), 3600)
    keys = Counter((row["service"], row["route"], row["error_code"]) for row in rows if row["error_code"])
    assert 15 * 3600 < len(rows) < 50 * 3600
    # 10 in 5 minutes would be an incident.
    assert max(keys.values()) < 12 * 6
    assert not {"KeyError", "DB_POOL_TIMEOUT"} & {code for _, _, code in keys}


def test_broken_release_fails_where_it_runs_and_until_it_is_rolled_back() -> None:
    shop = Shop()
    shop.deploy("checkout", "4.19.0", hosts=1)
    broken = [row for row in played(shop) if row["error_code"] == "KeyError"]
    assert {row["attributes"]["service.version"] for row in broken} == {"4.19.0"}
    assert len({row["attributes"]["host.name"] for row in broken}) == 1
    assert shop.roll_back("checkout", "4.19.0") == "4.18.2"
    assert not failures(shop)["KeyError"]


def test_small_pool_fails_reservations_whatever_is_restarted() -> None:
    shop = Shop()
    shop.set_pool(SMALL_POOL)
    cut = failures(shop)["DB_POOL_TIMEOUT"]
    shop.restart("inventory")
    shop.scale("inventory", 1)
    helped_little = failures(shop)["DB_POOL_TIMEOUT"]
    shop.set_pool(LARGE_POOL)
    assert cut > 100
    assert helped_little > cut / 2
    assert not failures(shop)["DB_POOL_TIMEOUT"]


def test_harmless_release_does_no_harm() -> None:
    shop = Shop()
    shop.deploy("inventory", "5.6.4")
    assert failures(shop).total() == failures(Shop()).total()


def test_events_are_handed_out_once_they_have_happened_each_once() -> None:
    traffic = Traffic(DAY, np.random.default_rng(7), Shop())
    rows, end = [], 24 * HOUR
    for at in range(end, end + 20 * SECOND_US, SECOND_US):  # past midnight
        traffic.play(at, at + SECOND_US)
        found = traffic.take(at + SECOND_US)
        assert all(str(row["ts"]) < f"2026-11-21T00:00:{(at - end) // SECOND_US + 1:02d}" for row in found)
        rows += found
    rows += traffic.take(end + HOUR)
    events = msgspec.convert(rows, list[Event])
    assert len({event.event_id for event in events}) == len(events) > 200
    assert [event.ts for event in events] == sorted(event.ts for event in events)


@pytest.mark.parametrize(("hosts", "share"), [(3, 1 - 18 / 48), (4, 1 - 24 / 48)])
def test_share_without_connection_follows_pool_and_hosts(hosts: int, share: float) -> None:
    shop = Shop(pool=SMALL_POOL)
    shop.scale("inventory", hosts - 3)
    assert shop.share_without_connection == pytest.approx(share)
