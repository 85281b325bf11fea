"""Ways in which Hanok Market's software fails, with codes and messages as such software writes them."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Failure:
    """One way to fail.

    Attributes:
        status: HTTP status answered.
        low_ms, high_ms: how long the failing call takes.
        messages: templates; `{hex}`, `{n}`, `{small}`, `{ms}`, `{sku}` and `{user}` are filled.
    """

    code: str
    status: int
    low_ms: float
    high_ms: float
    messages: tuple[str, ...]
    level: str = "ERROR"


@dataclass(frozen=True)
class Fault:
    """A planted failure: which calls it hits, when (minutes of the day) and how much of them at full strength.

    Attributes:
        ramp: minutes until full strength.
        version: only calls that run this version are hit; empty hits all.
    """

    service: str
    paths: tuple[str, ...]
    start: float
    end: float
    share: float
    failure: Failure
    ramp: float = 2.0
    version: str = ""


PROVIDER_TIMEOUT = Failure(
    "PROVIDER_TIMEOUT",
    504,
    10_000,
    10_180,
    (
        "POST https://api.payfast-gw.example/v2/charges timed out after {ms} ms (no headers read), charge=ch_{hex}",
        "java.net.SocketTimeoutException: Read timed out; provider=payfast charge=ch_{hex} attempt=2/2 elapsed={ms}ms",
        "charge ch_{hex} for order {n} not confirmed: upstream payfast silent for 10000 ms, request_id={hex}",
    ),
)
PROVIDER_5XX = Failure(
    "PROVIDER_BAD_GATEWAY",
    502,
    2_100,
    9_300,
    (
        "payfast answered HTTP 502 for charge ch_{hex}: upstream connect error or disconnect/reset before headers",
        "POST https://api.payfast-gw.example/v2/charges -> 502 Bad Gateway after {ms} ms, ray={hex}",
    ),
)
_HIKARI = "HikariPool-1 - "
_HIBERNATE = "org.hibernate.exception.JDBCConnectionException: "
POOL_TIMEOUT = Failure(
    "DB_POOL_TIMEOUT",
    503,
    3_000,
    3_060,
    (
        _HIKARI
        + "Connection is not available, request timed out after {ms}ms (total=6, active=6, idle=0, waiting={small})",
        _HIBERNATE + "Unable to acquire JDBC Connection [sku={sku}, thread=http-nio-8080-exec-{small}]",
        "SQLTransientConnectionException after {ms}ms loading stock of {sku}: pool exhausted, {small} threads waiting",
    ),
)
IMPATIENT_POOL_TIMEOUT = replace(POOL_TIMEOUT, low_ms=2, high_ms=9)
"""The same where callers hardly wait, so that none still fails long after it is mended."""
KEY_ERROR = Failure(
    "KeyError",
    500,
    3,
    19,
    (
        "Unhandled exception in POST /orders: KeyError: 'loyalty_tier' (pricing/discounts.py:118) order=ord_{hex}",
        "KeyError: 'loyalty_tier' while pricing basket {hex} of user {user} ({small} lines)",
    ),
)
BAD_CREDENTIALS = Failure(
    "INVALID_CREDENTIALS",
    401,
    80,
    190,
    ("login refused for {user}: password does not match", "authentication failed user={user} reason=bad_password"),
    "WARN",
)
NO_SUCH_USER = Failure("USER_NOT_FOUND", 401, 4, 12, ("login refused: no account for {user}@mail.example",), "WARN")

FAULTS = (
    Fault("checkout", ("/orders",), 302, 340, 0.92, KEY_ERROR, ramp=0.0, version="4.19.0"),
    Fault("inventory", ("/stock/{sku}", "/reservations"), 703.5, 736, 0.55, POOL_TIMEOUT, ramp=6.0),
    Fault("payment", ("/charges",), 729, 753, 0.62, PROVIDER_TIMEOUT),
    Fault("payment", ("/charges",), 731, 753, 0.22, PROVIDER_5XX, ramp=4.0),
)

CUSTOMERS_TRY_AGAIN = ((302.0, 336.0, 1.5), (705.0, 753.0, 1.3))
"""From minute, to minute, how much more often customers press the button while orders fail."""

NOISE: dict[str, tuple[tuple[float, Failure], ...]] = {
    "shop": (
        (
            4e-4,
            Failure("TEMPLATE_ERROR", 500, 4, 40, ("render of {sku} failed: missing block 'price' (request {hex})",)),
        ),
        (
            3e-4,
            Failure("CLIENT_CLOSED", 499, 20, 900, ("client closed connection after {ms} ms, request {hex}",), "WARN"),
        ),
    ),
    "cart": (
        (8e-4, Failure("OPTIMISTIC_LOCK", 409, 5, 30, ("cart {hex} changed by another request, retry {small}",))),
    ),
    "checkout": (
        (1e-3, Failure("PRICE_CHANGED", 409, 20, 60, ("price of {sku} changed during checkout of ord_{hex}",), "WARN")),
    ),
    "payment": (
        (
            6e-3,
            Failure(
                "CARD_DECLINED", 402, 250, 700, ("charge ch_{hex} declined by issuer: insufficient_funds",), "WARN"
            ),
        ),
        (8e-4, PROVIDER_TIMEOUT),
    ),
    "inventory": (
        (
            5e-4,
            Failure(
                "DEADLOCK", 500, 40, 300, ("deadlock detected: process {n} waits for ShareLock on transaction {n}",)
            ),
        ),
        (1e-4, POOL_TIMEOUT),
    ),
    "auth": ((0.035, BAD_CREDENTIALS), (0.005, NO_SUCH_USER)),
    "search": (
        (
            1.2e-3,
            Failure(
                "SHARD_TIMEOUT", 200, 900, 1200, ("query timed out on 1 of 6 shards after {ms} ms [{hex}]",), "WARN"
            ),
        ),
    ),
}
"""Share of all calls of a service that fail on a good day."""

FAILURES = tuple(
    dict.fromkeys(
        [fault.failure for fault in FAULTS]
        + [failure for noise in NOISE.values() for _, failure in noise]
        + [IMPATIENT_POOL_TIMEOUT]
    )
)
"""Every failure of a call; its place here stands for it in columns."""
