"""Columns of generated records: times, ids and the rows made from them, by numpy where a loop would be slow."""

from __future__ import annotations

from datetime import date
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Row: TypeAlias = dict[str, object]

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
_CROCKFORD = np.frombuffer(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", dtype=np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def rng_of(seed: int, day: date, part: str) -> np.random.Generator:
    """Return the source of chance for one part of one day; parts do not disturb each other."""
    return np.random.default_rng([seed & 0xFFFFFFFF, day.toordinal(), *part.encode()])


def hex_ids(rng: np.random.Generator, count: int, digits: int) -> list[str]:
    """Return ids of `digits` hexadecimal digits."""
    return _texts(_HEX[rng.integers(0, 16, (count, digits), dtype=np.uint8)])


def ulids(rng: np.random.Generator, day: date, at: Ints) -> list[str]:
    """Return one ULID for each microsecond of the day."""
    milliseconds = (np.datetime64(day, "ms").astype(np.int64) + at // 1000)[:, None]
    high = (milliseconds >> np.arange(45, -1, -5)) & 31
    low = rng.integers(0, 32, (len(at), 16), dtype=np.uint8)
    return _texts(_CROCKFORD[np.concatenate([high.astype(np.uint8), low], axis=1)])


def rfc3339(day: date, at: Ints) -> list[str]:
    """Return the microseconds of the day as RFC 3339 text in UTC."""
    times = np.datetime64(day, "us") + at.astype("timedelta64[us]")
    return [f"{text}Z" for text in np.datetime_as_string(times).tolist()]


def arrivals(rng: np.random.Generator, per_minute: Floats) -> Ints:
    """Return the sorted instants, in microseconds of the day, of a Poisson process with a rate for each minute."""
    minutes = np.repeat(np.arange(len(per_minute), dtype=np.int64), rng.poisson(per_minute))
    return np.sort(minutes * MINUTE_US + rng.integers(0, MINUTE_US, len(minutes)))


def _texts(codes: NDArray[np.uint8]) -> list[str]:
    width = codes.shape[1]
    joined = codes.tobytes().decode("ascii")
    return [joined[i : i + width] for i in range(0, len(joined), width)]
