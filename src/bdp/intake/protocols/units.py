"""The unit that a Prometheus metric's name says, by its suffix.

Source: Prometheus, "Metric and label naming"; OpenMetrics 1.0, "Unit".
"""

from __future__ import annotations

from typing import Final

UNITS: Final = {
    "seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns", "minutes": "min", "hours": "h",
    "days": "d", "bytes": "By", "kilobytes": "kBy", "megabytes": "MBy", "bits": "bit", "ratio": "1", "percent": "%",
    "celsius": "Cel", "meters": "m", "volts": "V", "amperes": "A", "watts": "W", "joules": "J", "grams": "g",
    "hertz": "Hz", "pascals": "Pa",
}  # fmt: skip
"""Last word of a name -> UCUM."""

_SAME_UNIT: Final = ("_total", "_sum", "_max", "_min")
_COUNTS: Final = ("_count", "_bucket", "_info")
_CREATED: Final = "_created"


def family_of(name: str) -> str:
    """Return a sample's name without the suffix that its metric's type gave it; empty if its value has no unit."""
    if name.endswith(_COUNTS):
        return ""
    for suffix in _SAME_UNIT:
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return name


def unit_of(name: str) -> str:
    """Return the UCUM unit of a sample by its name, such as `s` for `process_cpu_seconds_total`; empty if none."""
    if name.endswith(_CREATED):
        return "s"  # the time at which a series began
    rest, _, word = family_of(name).rpartition("_")
    if word == "second" and rest.endswith("_per"):
        per = UNITS.get(rest.removesuffix("_per").rpartition("_")[2], "")
        return f"{per}/s" if per else ""
    return UNITS.get(word, "") if rest else ""
