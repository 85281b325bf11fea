"""What people and machines changed during the day: two changes did harm, one mended, the others are innocent."""

from __future__ import annotations

from datetime import date

import numpy as np

from bdp.demo.columns import MINUTE_US, Row, rfc3339, rng_of, ulids

POOL_CUT = """--- a/inventory/application.yaml
+++ b/inventory/application.yaml
@@ -12,7 +12,7 @@ spring:
   datasource:
     hikari:
-      maximumPoolSize: 40
+      maximumPoolSize: 6
       connectionTimeout: 3000
"""
_POOL_BACK = POOL_CUT.replace(
    "-      maximumPoolSize: 40\n+      maximumPoolSize: 6", "-      maximumPoolSize: 6\n+      maximumPoolSize: 40"
)
PRICING = """--- a/pricing/discounts.py
+++ b/pricing/discounts.py
@@ -115,3 +115,4 @@ def discount(customer, basket):
-    tier = customer.get("loyalty_tier", "none")
+    tier = customer["loyalty_tier"]
     return basket.total * RATES[tier]
"""

_CHANGES: tuple[tuple[float, str, str, str, str, str, str], ...] = (
    (12, "config", "search", "CFG-2284", "jiho.park", "Log level INFO -> DEBUG to find slow queries", ""),
    (84, "deploy", "search", "search@6.0.5", "ci-bot", "Deploy 6.0.5: analyser dictionary of November", ""),
    (181, "flag", "shop", "banner-black-friday", "minseo.kim", "banner-black-friday on for 10 % of visitors", ""),
    (247, "commit", "payment", "9c41f07", "doyun.lee", "Rename metric charge_ms to charge_duration_ms", ""),
    (296, "flag", "cart", "cart-v2-layout", "minseo.kim", "cart-v2-layout on for staff", ""),
    (299, "commit", "checkout", "5b7de12", "haeun.choi", "Simplify loyalty discounts", PRICING),
    (301, "deploy", "checkout", "checkout@4.19.0", "ci-bot", "Deploy 4.19.0: simplified loyalty discounts", PRICING),
    (332, "deploy", "checkout", "checkout@4.18.2", "haeun.choi", "Rollback 4.19.0 -> 4.18.2", ""),
    (
        415,
        "maintenance",
        "settlement-batch",
        "MNT-118",
        "seojun.jung",
        "Yearly certificate renewal of the bank link",
        "",
    ),
    (490, "deploy", "cart", "cart@3.5.0", "ci-bot", "Deploy 3.5.0: saved baskets", ""),
    (575, "config", "shop", "CFG-2289", "jiho.park", "CDN cache time of images 1 h -> 4 h", ""),
    (655, "flag", "search", "synonyms-v3", "jiho.park", "synonyms-v3 on for 50 % of queries", ""),
    (696, "deploy", "shop", "shop@8.2.1", "ci-bot", "Deploy 8.2.1: wording of the delivery page", ""),
    (
        701,
        "config",
        "inventory",
        "CFG-2291",
        "doyun.lee",
        "Database pool size 40 -> 6 (fewer idle connections)",
        POOL_CUT,
    ),
    (718, "flag", "shop", "evening-sale", "minseo.kim", "evening-sale on for everybody", ""),
    (724, "commit", "payment", "e02a9b4", "doyun.lee", "Tests for refunds in two currencies", ""),
    (736, "config", "inventory", "CFG-2292", "doyun.lee", "Database pool size 6 -> 40", _POOL_BACK),
    (902, "deploy", "auth", "auth@1.9.8", "ci-bot", "Deploy 1.9.8: base image update", ""),
    (1020, "deploy", "inventory", "inventory@5.6.4", "ci-bot", "Deploy 5.6.4: dependency updates", ""),
    (1139, "flag", "auth", "passkeys", "haeun.choi", "passkeys on for 5 % of accounts", ""),
    (1275, "commit", "mailer", "77d0c3e", "seojun.jung", "Shorter subject lines", ""),
)
_FIELDS = ("kind", "service", "ref", "author", "summary", "diff")


def changes(seed: int, day: date) -> list[tuple[int, Row]]:
    """Return the day's changes with their microsecond of the day, in time order."""
    rng = rng_of(seed, day, "changes")
    minutes = np.array([change[0] for change in _CHANGES])
    at = (minutes * MINUTE_US).astype(np.int64) + rng.integers(0, 20_000_000, len(minutes))
    keys = zip(at.tolist(), ulids(rng, day, at), rfc3339(day, at), _CHANGES, strict=True)
    return [(us, {"change_id": key, "ts": ts, **dict(zip(_FIELDS, row[1:], strict=True))}) for us, key, ts, row in keys]
