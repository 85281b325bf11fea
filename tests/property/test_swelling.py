"""Bodies of very many very small parts: what they become in memory stays bounded by their size."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHILD = """
import resource
import sys
from datetime import UTC, datetime

from bdp.errors import BdpError
from bdp.ids import Ids
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import PROTOCOLS

protocol, kind, shape = sys.argv[1:]
size = 32 << 20


def varint(number):
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


SHAPES = {
    "records": lambda: field(1, field(2, b"\\x12\\x00" * (size // 2))),
    "attributes": lambda: field(1, field(2, field(2, b"\\x32\\x00" * (size // 2)))),
    "shared": lambda: field(1, field(1, b"\\x0a\\x00" * (size // 2)) + field(2, b"\\x12\\x00")),
    "tops": lambda: b"\\x0a\\x00" * (size // 2),
    "samples": lambda: field(1, b"\\x12\\x00" * (size // 2)),
    "json": lambda: b'{"streams":[' + b"{}," * (size // 3) + b"{}]}",
}
body = SHAPES[shape]()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
parcel = Parcel(PROTOCOLS[protocol].kind, Edge(datetime(2026, 3, 1, tzinfo=UTC), IntakeSettings()), protocol)
try:
    PROTOCOLS[protocol].read(body, kind, parcel)
    parcel.batch("b", Ids.seeded(1))
    print("taken", end=" ")
except BdpError as error:
    print(type(error).__name__, end=" ")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""
PROTOBUF, JSON = "application/x-protobuf", "application/json"
MOST_MIB = 640
"""For a body of 32 MiB: a part takes 16 bytes or more, and the array of them doubles as it grows."""


@pytest.mark.parametrize(
    ("protocol", "kind", "shape"),
    [
        ("otlp_logs", PROTOBUF, "records"),
        ("otlp_logs", PROTOBUF, "attributes"),
        ("otlp_logs", PROTOBUF, "shared"),
        ("prometheus", PROTOBUF, "tops"),
        ("loki", PROTOBUF, "samples"),
        ("loki", JSON, "json"),
    ],
)
def test_a_body_of_empty_parts_does_not_swell(protocol: str, kind: str, shape: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, protocol, kind, shape], check=True, capture_output=True, text=True
    )
    outcome, grown = done.stdout.split()
    assert outcome == "TooLarge" or shape == "attributes"
    assert int(grown) < MOST_MIB
