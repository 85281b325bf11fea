from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from bdp.errors import BadSetting
from bdp.intake.files import Wish
from bdp.intake.formats.text import compile_pattern
from tests.unit.intake.reading import line_of, read

GUIDE = Path(__file__).parents[4] / "docs/guides/logs.md"
HDFS = r"(?P<ts>\d{6} \d{6}) (?P<pid>\d+) (?P<level>[A-Z]+) (?P<logger>[^:]+): (?P<message>.*)"


def test_groups_become_fields_and_the_rest_attributes() -> None:
    event = line_of(
        "text",
        "081109 203615 148 WARN dfs.X: served",
        service="hdfs",
        pattern=HDFS,
        time_format="%y%m%d %H%M%S",
    )
    assert (event.ts.isoformat(), event.level, event.message) == ("2008-11-09T20:36:15+00:00", "WARN", "served")
    assert (event.service, event.attributes) == ("hdfs", {"pid": "148", "logger": "dfs.X"})


def test_a_time_format_without_a_year() -> None:
    event = line_of(
        "text", "29 Feb 10:00 hello", pattern=r"(?P<ts>\d+ \w+ \S+) (?P<message>.*)", time_format="%d %b %H:%M"
    )
    assert event.ts.isoformat() == "2024-02-29T10:00:00+00:00"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("", "needs a pattern"), ("(", "not a regular expression"), ("abc", "no named group"),
     ("(?P<a>x)" + "y" * 1000, "1000"),
     (r"(?P<a>(x+)+)y", "slow"), (r"(?P<a>\w{2,5})+y", "slow"),
     (r"(?P<a>(?:[a-z]*,?)*)$", "slow"), (r"(?P<a>(?:x{2,})+)", "slow"),
     (r"(?P<a>.*) .* .* .* x", "slow"), (r"(?P<a>\w+\w+\w+\w+)x", "slow"), (r"(?P<a>(?:a|a)*)b", "slow"),
     (r"(?P<a>(?:a?a)*)b", "slow"), (r"(?P<a>" + "a?" * 30 + "a" * 30 + ")", "slow"),
     (r"(?P<a>(?:.*x){9999})", "slow")],
)  # fmt: skip
def test_patterns_that_cannot_serve_are_refused(pattern: str, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [HDFS, r"(?P<a>\d+(?:\.\d)?) [+*(] (?P<b>\w{2,5})", r"\((?P<a>[^)]+)\)",
     r"(?P<ip>(?:\d{1,3}\.){3}\d{1,3}) (?P<message>.*)", r"(?P<a>.*?) - (?P<b>.*?) - (?P<c>.*?) - (?P<message>.*)",
     r"(?P<ts>\S+ \S+(?:,\d+)?) +(?P<level>INFO|WARN|ERROR) \[(?P<thread>[^\]]+)\] (?P<logger>[\w.]+) - (?P<m>.*)$",
     r'(?P<ip>\S+) \S+ (?P<user>\S+) \[(?P<ts>[^\]]+)\] "(?P<m>\S+) (?P<route>\S+) [^"]*" (?P<status>\d+) (?P<n>\S+)$'],
)  # fmt: skip
def test_usual_patterns_are_taken(pattern: str) -> None:
    assert compile_pattern(pattern).pattern == pattern


@pytest.mark.parametrize(
    "pattern", [r"(?P<a>.*) (?P<b>.*) end", r"(?P<a>.+)\s(?P<b>.+)\s(?P<c>.+)\sx", r"(?P<a>\S+ \S+) (?P<b>\S+): x"]
)
@pytest.mark.parametrize("part", ["a ", " ", "a", "a: "])
def test_a_hostile_line_costs_little(pattern: str, part: str) -> None:
    started = time.process_time()
    with pytest.raises(AssertionError):
        line_of("text", part * 500_000, pattern=pattern)
    assert time.process_time() - started < 2


def test_the_example_of_the_guide() -> None:
    found = re.search(r"--pattern '([^']+)' --time-format '([^']+)'", GUIDE.read_text())
    assert found is not None
    line = "01.02.2026 03:00:10 [ERROR] payment: connection refused: db-1"
    event = line_of("text", line, pattern=found[1], time_format=found[2])
    assert (event.ts.isoformat(), event.level) == ("2026-02-01T03:00:10+00:00", "ERROR")
    assert (event.service, event.message) == ("payment", "connection refused: db-1")


def test_a_long_message_is_kept_whole() -> None:
    line = "2026-01-01T00:00:00Z " + "x" * 20_000
    event = line_of("text", line, pattern=r"(?P<ts>\S+) (?P<message>.*)")
    assert len(event.message) == 20_000


def test_a_real_log_by_pattern(data_dir: Path) -> None:
    path = data_dir / "loghub-2k/loghub/HDFS/HDFS_2k.log"
    lines = path.read_text().splitlines()
    found, refused, _ = read(path, wish=Wish(pattern=HDFS, time_format="%y%m%d %H%M%S", service="hdfs"))
    assert (len(found), refused) == (len(lines), [])
    assert sum(row["level"] == "WARN" for row in found) == sum(" WARN " in line for line in lines) > 0
