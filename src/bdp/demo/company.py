"""Hanok Market, a small web shop that never was: its services, hosts, calls and customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bdp.demo.columns import Bools, Ints

REGION = "ap-northeast-2"
CUSTOMERS = 4_000
RELEASE_STEP_MINUTES = 1.5
"""A new version reaches one host after the other, this far apart."""


@dataclass(frozen=True)
class Service:
    """One service: how many hosts, and the version it has at midnight."""

    hosts: int
    version: str


SERVICES: dict[str, Service] = {
    "shop": Service(3, "8.2.0"),
    "cart": Service(2, "3.4.1"),
    "checkout": Service(3, "4.18.2"),
    "payment": Service(2, "2.11.0"),
    "inventory": Service(3, "5.6.3"),
    "auth": Service(2, "1.9.7"),
    "search": Service(2, "6.0.4"),
    "mailer": Service(1, "1.3.0"),
    "settlement-batch": Service(1, "0.14.2"),
}


@dataclass(frozen=True)
class Release:
    """A version that runs from `start` up to `end`, in minutes of the day."""

    service: str
    version: str
    start: float
    end: float = 1440.0


RELEASES = (
    Release("search", "6.0.5", 85.0),
    Release("checkout", "4.19.0", 302.0, 332.0),
    Release("cart", "3.5.0", 491.0),
    Release("shop", "8.2.1", 697.0),
    Release("auth", "1.9.8", 903.0),
    Release("inventory", "5.6.4", 1021.0),
)


@dataclass(frozen=True)
class Call:
    """One call and the calls it makes, one after the other.

    Attributes:
        path: route template; a name in braces is filled in messages.
        own_ms: median of the time spent in the service itself; the spread is lognormal with `sigma`.
        wrapped: error code under which the failure of a callee is handed on.
    """

    service: str
    method: str
    path: str
    own_ms: float
    children: tuple[Call, ...] = ()
    wrapped: str = ""
    sigma: float = 0.45


@dataclass(frozen=True)
class Journey:
    """What customers do: the call tree, and how often on an average minute."""

    root: Call
    per_minute: float


_STOCK = Call("inventory", "GET", "/stock/{sku}", 11)
_RESERVE = Call("inventory", "POST", "/reservations", 24)
_CHARGE = Call("payment", "POST", "/charges", 310, sigma=0.35)
_ORDER = Call("checkout", "POST", "/orders", 42, (_RESERVE, _CHARGE), "DEPENDENCY_FAILED")

JOURNEYS: dict[str, Journey] = {
    "home": Journey(Call("shop", "GET", "/", 18), 4.0),
    "product": Journey(Call("shop", "GET", "/products/{sku}", 26, (_STOCK,), "STOCK_UNAVAILABLE"), 5.8),
    "search": Journey(
        Call("shop", "GET", "/search", 22, (Call("search", "GET", "/query", 65, sigma=0.7),), "SEARCH_UNAVAILABLE"), 3.6
    ),
    "cart": Journey(Call("shop", "POST", "/cart", 15, (Call("cart", "POST", "/items", 9),), "CART_UNAVAILABLE"), 2.7),
    "login": Journey(
        Call("shop", "POST", "/login", 12, (Call("auth", "POST", "/v1/login", 95, sigma=0.25),), "LOGIN_FAILED"), 1.5
    ),
    "checkout": Journey(Call("shop", "POST", "/checkout", 31, (_ORDER,), "CHECKOUT_FAILED"), 3.0),
}

DIURNAL = (
    *(0.8, 0.85, 0.95, 1.15, 1.2, 1.1, 1.0, 1.0, 1.05, 1.15, 1.35, 1.55),
    *(1.65, 1.6, 1.4, 1.1, 0.8, 0.55, 0.4, 0.32, 0.3, 0.38, 0.52, 0.68),
)
"""Traffic by hour UTC against the day's mean; the customers live in Seoul (UTC+9) and shop in the evening."""

CUSTOMER_IPS = tuple(f"198.18.{i // 250}.{i % 250 + 1}" for i in range(CUSTOMERS))


def customer_of(index: int) -> str:
    """Return the user id of a customer."""
    return f"u{20_000 + index * 7}"


def released(release: Release, host: Ints, minute: Ints) -> Bools:
    """Tell per row whether `release` runs on `host` (index) at `minute` of the day."""
    arrives = release.start + host * RELEASE_STEP_MINUTES
    leaves = release.end + host * RELEASE_STEP_MINUTES
    return np.asarray((minute >= arrives) & (minute < leaves))


def attributes_of(service: str) -> tuple[list[dict[str, str]], list[str]]:
    """Return the attributes for each (version, host) of a service, versions first, and its versions."""
    versions = [SERVICES[service].version, *(release.version for release in RELEASES if release.service == service)]
    hosts = range(SERVICES[service].hosts)
    return [_attributes(service, version, host) for version in versions for host in hosts], versions


def _attributes(service: str, version: str, host: int) -> dict[str, str]:
    zone = "abc"[host % 3]
    name = f"{service}-{zone}-{host + 1:02d}"
    return {
        "host.name": name,
        "cloud.region": REGION,
        "cloud.availability_zone": f"{REGION}{zone}",
        "service.version": version,
    }
