"""Lines made to be slow or to break a reader."""

from __future__ import annotations

import random
import time

import pytest

from bdp.intake.formats import LINES
from bdp.intake.formats.line import LineContext
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.refusal import RefusedRecord
from tests.unit.intake.reading import NOW

READERS = [name for name in LINES if name != "text"]
HEAD = "Feb 10 06:55:48 h sshd[1]: "
SLOW = [
    HEAD + "Failed password for " + " from 1.1.1.1 port 1" * 20_000,
    HEAD + "pam_unix(sshd:auth): authentication failure; " + "rhost=" * 50_000,
    "<1>1 2026-02-01T00:00:00Z h a 1 m " + '[x a="' + '\\"' * 100_000,
    "<1>1 2026-02-01T00:00:00Z h a 1 m " + '[x a="b"]' * 30_000,
    '1.1.1.1 - - [01/Feb/2026:10:00:00 +0000] "' + "\\" * 200_001,
    "1.1.1.1 - - " + "[" * 200_000,
    "a" * 300_000,
    "[" * 300_000,
    "[Sun Dec 04 04:47:44 2005] [" + "a" * 300_000,
    "[2016-12-19 16:31:00,123] ERROR " + "a.B" * 100_000,
    "[2016-12-19 16:31:00,123] ERROR " + ".AException" * 30_000,
    "[2016-12-19 16:31:00,123] ERROR (" + "a" * 300_000,
    "2026-01-01 10:00:00 " + " " * 300_000,
]


@pytest.mark.parametrize("line", SLOW, ids=range(len(SLOW)))
@pytest.mark.parametrize("name", READERS)
def test_no_line_is_slow(name: str, line: str) -> None:
    reader = LINES[name](LineContext(Edge(NOW, IntakeSettings())))
    started = time.process_time()
    event = reader.start(line)
    if event is not None:
        reader.finish(event)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("name", READERS)
def test_damaged_lines_never_raise(name: str) -> None:
    chance = random.Random(7)
    samples = [line[:200] for line in SLOW] + [
        "<13>Feb  5 17:32:18 h p[1]: m",
        '1.1.1.1 - - [01/Feb/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "x"',
        "[Wed Feb 11 14:32:52.123456 2026] [core:error] [pid 35:tid 43] [client 7.1.9.1:12] AH00128: x",
        "2026-01-01T10:00:00+09:00 ERROR x",
    ]
    for _ in range(3000):
        line = list(chance.choice(samples))
        for _ in range(chance.randrange(1, 6)):
            line[chance.randrange(len(line))] = chance.choice('09-+:[]()<> "\\\t\0Zé٣²😀aZ')
        reader = LINES[name](LineContext(Edge(NOW, IntakeSettings())))
        try:
            event = reader.start("".join(line))
        except RefusedRecord:
            continue
        if event is not None:
            reader.finish(event)
