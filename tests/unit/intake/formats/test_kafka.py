from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tests.unit.intake.reading import line_of, read

RECORD = re.compile(r"^\[\d{4}-\d\d-\d\d [\d:]{8},\d{3}\] ([A-Z]+) ")


def test_a_line_with_its_logger_and_exception() -> None:
    event = line_of(
        "kafka",
        "[2016-12-19 16:31:00,123] ERROR [Fetcher-0], Error: "
        "org.apache.kafka.common.errors.NotLeaderForPartitionException: no "
        "(kafka.server.ReplicaFetcherThread)",
    )
    assert (event.ts.isoformat(), event.level) == ("2016-12-19T16:31:00.123000+00:00", "ERROR")
    assert (event.service, event.error_code) == ("kafka", "NotLeaderForPartitionException")
    assert event.attributes == {"log.logger": "kafka.server.ReplicaFetcherThread"}
    assert event.message.endswith("NotLeaderForPartitionException: no")


def test_a_stack_trace_belongs_to_its_line_and_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    head = "[2016-12-19 16:31:00,123] WARN broken (kafka.X)\njava.io.IOException: gone\n"
    path.write_text(head + "\tat a.b.C(D.java:1)\n" * 5000 + "[2016-12-19 16:31:01,000] INFO fine (kafka.Y)\n")
    found, refused, _ = read(path)
    assert ([row["level"] for row in found], refused) == (["WARN", "INFO"], [])
    assert (found[0]["error_code"], found[0]["attributes"]["log.logger"]) == ("IOException", "kafka.X")
    assert len(found[0]["message"]) <= 16 * 1024
    assert found[0]["attributes"]["message.truncated"] == "true"


def test_three_real_brokers(data_dir: Path) -> None:
    folder = data_dir / "elastic-examples-logs/kafka/filebeat_monitoring/logs"
    lines = [line for path in sorted(folder.rglob("*")) if path.is_file() for line in path.read_text().splitlines()]
    starts = [match for line in lines if (match := RECORD.match(line))]
    found, refused, _ = read(folder)
    assert (len(found), refused) == (len(starts), [])
    levels = Counter(match[1].replace("TRACE", "DEBUG") for match in starts)
    assert Counter(row["level"] for row in found) == levels
    filled = sum(1 for line in lines if line.strip())
    held = sum(sum(1 for line in row["message"].split("\n") if line.strip()) for row in found)
    cut = sum("message.truncated" in row["attributes"] for row in found)
    assert (held, cut) == (filled, 0)
    named = [line for line in lines if RECORD.match(line) and "NotLeaderForPartitionException" in line]
    assert sum(row["error_code"] == "NotLeaderForPartitionException" for row in found) == len(named) > 0
    assert len({row["attributes"]["log.file.path"].split("/")[1] for row in found}) == 3
