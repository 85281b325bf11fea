"""Hanok Market as it stands right now: which version runs where, how large its pools are, and what fails by that."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from bdp.demo.calls import FINE
from bdp.demo.columns import Ints
from bdp.demo.company import SERVICES, Call, attributes_of
from bdp.demo.failures import FAILURES, IMPATIENT_POOL_TIMEOUT, KEY_ERROR, NOISE, POOL_TIMEOUT
from bdp.errors import NotFound, NotPossible

BROKEN = ("checkout", "4.19.0")
"""The release that cannot price the orders of most customers."""
POOLED = ("inventory", "/reservations")
"""What needs a database connection; stock is read from a cache."""
POOL_CUT = "CFG-2291"
LARGE_POOL, SMALL_POOL = 40, 6

_UNPRICED = 0.92
_CALM = 0.12
"""Part of a usual day's noise: the shop has a good hour."""
_NEEDED = 48
"""Connections that reservations need at the shop's usual rate."""


@dataclass
class Setup:
    """How one service runs.

    Attributes:
        versions: place of the version by host, as `attributes_of` counts them.
        spare: hosts beyond the usual ones.
        restarts: how often it was restarted.
    """

    versions: list[int]
    spare: int = 0
    restarts: int = 0


@dataclass
class Shop:
    """The shop's state; every change of it shows in the calls that begin afterwards. Use from any thread.

    Attributes:
        pool: database connections of each host of inventory.
    """

    pool: int = LARGE_POOL
    setups: dict[str, Setup] = field(
        default_factory=lambda: {name: Setup([0] * service.hosts) for name, service in SERVICES.items()}
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def deploy(self, service: str, version: str, hosts: int | None = None) -> None:
        """Let the first `hosts` hosts, or all, run a version.

        Raises:
            NotFound: there is no such service or version.
        """
        setup, place = self._of(service), self._place(service, version)
        with self._lock:
            setup.versions[:hosts] = [place] * len(setup.versions[:hosts])

    def roll_back(self, service: str, version: str) -> str:
        """Let hosts that run a version run the one before it; return that, or empty if none ran the version.

        Raises:
            NotFound: there is no such service or version.
            NotPossible: no version before it is kept.
        """
        setup, place = self._of(service), self._place(service, version)
        if not place:
            raise NotPossible(f"No release of {service} before {version} is kept.", "")
        with self._lock:
            found = place in setup.versions
            setup.versions = [place - 1 if one == place else one for one in setup.versions]
        return attributes_of(service)[1][place - 1] if found else ""

    def restart(self, service: str) -> None:
        """Restart a service host by host; a spare host that helps out meanwhile stays until it is let go."""
        setup = self._of(service)
        with self._lock:
            setup.restarts += 1
            setup.spare += 1

    def scale(self, service: str, by: int) -> None:
        """Add hosts, or let spare ones go.

        Raises:
            NotFound: there is no such service.
            NotPossible: fewer hosts are spare.
        """
        setup = self._of(service)
        with self._lock:
            if setup.spare + by < 0:
                raise NotPossible(f"{service} has no spare host to let go.", "")
            setup.spare += by

    def set_pool(self, size: int) -> None:
        """Give each host of inventory so many database connections."""
        with self._lock:
            self.pool = size

    def versions(self, service: str, host: Ints, start: Ints) -> Ints:
        """Return what the hosts run now; `start` does not matter."""
        with self._lock:
            return np.array(self.setups[service].versions, dtype=np.int64)[host]

    def strike(self, rng: np.random.Generator, call: Call, start: Ints, version: Ints) -> Ints:
        """Return which failure each call meets by itself, in the shop as it stands."""
        reason = np.full(len(start), FINE)
        for share, failure in NOISE.get(call.service, ()):
            if failure is POOL_TIMEOUT:
                continue  # a lone one right before the fault would be taken for its begin
            reason[rng.random(len(start)) < share * _CALM] = FAILURES.index(failure)
        if call.service == BROKEN[0]:
            _, versions = attributes_of(BROKEN[0])
            broken = (version == versions.index(BROKEN[1])) & (rng.random(len(start)) < _UNPRICED)
            reason[broken] = FAILURES.index(KEY_ERROR)
        if (call.service, call.path) == POOLED:
            reason[rng.random(len(start)) < self.share_without_connection] = FAILURES.index(IMPATIENT_POOL_TIMEOUT)
        return reason

    @property
    def share_without_connection(self) -> float:
        """Part of the reservations that wait for a database connection in vain."""
        with self._lock:
            setup = self.setups[POOLED[0]]
            return max(0.0, 1.0 - self.pool * (len(setup.versions) + setup.spare) / _NEEDED)

    def _place(self, service: str, version: str) -> int:
        versions = attributes_of(service)[1]
        if version not in versions:
            raise NotFound(f"There is no {service} {version!r}.", f"These are: {', '.join(versions)}.")
        return versions.index(version)

    def _of(self, service: str) -> Setup:
        if service not in self.setups:
            raise NotFound(f"There is no service {service!r}.", f"These are: {', '.join(self.setups)}.")
        return self.setups[service]
