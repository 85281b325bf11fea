"""The main job on real logs, as a user runs it; every count is taken again from the files by other means."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.serving import BDP, Served

OPENSSH = "loghub-2k/loghub/OpenSSH/OpenSSH_2k.log"
KAFKA = "elastic-examples-logs/kafka/filebeat_monitoring/logs"
Report = dict[str, Any]


def analyze(home: Path, *paths: Path) -> Report:
    command = [*BDP, "analyze", *map(str, paths), "--json", "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    told: Report = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def openssh(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    home = tmp_path_factory.mktemp("openssh")
    return home, analyze(home, data_dir / OPENSSH)


@pytest.fixture(scope="module")
def kafka(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return analyze(tmp_path_factory.mktemp("kafka"), data_dir / KAFKA)


def largest(told: Report) -> Report:
    found: Report = max(told["incidents"], key=lambda incident: incident["events"])
    return found


def failed_logins(path: Path) -> list[tuple[str, str, str]]:
    """Return (time of day, user, address) of each line about a failed password, by words."""
    found = []
    for line in path.read_text().splitlines():
        words = line.split()
        if "Failed password" in line:
            at = words.index("from", words.index("password"))
            found.append((words[2], words[at - 1], words[at + 1]))
    return found


def test_openssh_names_the_brute_force(data_dir: Path, openssh: tuple[Path, Report]) -> None:
    _, told = openssh
    lines = len((data_dir / OPENSSH).read_text().splitlines())
    assert told["ledger"] == {"accepted": lines, "stored": lines, "dead_lettered": 0, "dropped": 0, "in_flight": 0}
    worst = largest(told)
    assert worst["analysis"]["verdict"] in {"CONFIRMED", "LIKELY"}
    assert re.search("brute|credential|log-in|login", worst["analysis"]["root_cause"], re.IGNORECASE)
    assert {claim["check"] for claim in worst["analysis"]["claims"]} == {"supported"}


def test_openssh_evidence_counts_what_the_file_holds(data_dir: Path, openssh: tuple[Path, Report]) -> None:
    _, told = openssh
    worst = largest(told)
    text = " ".join(claim["text"] for claim in worst["analysis"]["claims"])
    start, end = (worst["evidence"][0]["value"][name][11:19] for name in ("first_time", "last_time"))
    inside = [found for found in failed_logins(data_dir / OPENSSH) if start <= found[0] <= end]
    total = worst["evidence"][0]["value"]["abnormal_events"]
    assert total == len(inside) > 300
    by_address = Counter(address for _, _, address in inside)
    for address, count in by_address.most_common(3):
        assert re.search(rf"`{re.escape(address)}`\D*\b{count}\b", text), (address, count)
    users, addresses = len({user for _, user, _ in inside}), len(by_address)
    assert f"{users} distinct users" in text
    assert f"{addresses} distinct addresses" in text


def test_every_query_finds_its_value_again(openssh: tuple[Path, Report]) -> None:
    home, told = openssh
    checked = 0
    served = Served(home)
    assert served.ready()
    for fact in told["incidents"][0]["evidence"]:
        rows = served.query(fact["query"])
        for name, value in fact["value"].items():
            if rows and isinstance(value, int | float) and name in rows[0]:
                assert value in [row[name] for row in rows], (fact["id"], name)
                checked += 1
    assert checked >= 5
    assert served.stop() == 0


def abnormal_lines(folder: Path) -> list[tuple[datetime, str]]:
    """Return (time, text) of each WARN, ERROR and FATAL line of the brokers."""
    found = []
    for path in sorted(folder.rglob("*.log*")):
        for line in path.read_text(errors="replace").splitlines():
            match = re.match(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+\] (?:WARN|ERROR|FATAL) (.*)", line)
            if match:
                found.append((datetime.fromisoformat(match[1]), match[2]))
    return found


def test_kafka_names_the_broker_trouble(data_dir: Path, kafka: Report) -> None:
    assert kafka["ledger"]["dead_lettered"] == kafka["ledger"]["in_flight"] == 0
    blamed = [found for found in kafka["incidents"] if "broker" in found["analysis"]["root_cause"].lower()]
    assert blamed
    assert all(found["analysis"]["verdict"] in {"CONFIRMED", "LIKELY"} for found in blamed)
    lines = abnormal_lines(data_dir / KAFKA)
    for minute in ("16:31", "18:14", "20:54"):
        at = [when for when, _ in lines if f"{when:%H:%M}" == minute]
        assert len(at) > 100, "the real trouble"
        assert any(
            datetime.fromisoformat(found["start_time"][:19]) <= max(at)
            and datetime.fromisoformat(found["last_seen"][:19]) >= min(at)
            for found in blamed
        ), minute


def test_kafka_evidence_counts_what_the_files_hold(data_dir: Path, kafka: Report) -> None:
    lines = abnormal_lines(data_dir / KAFKA)
    worst = largest(kafka)
    assert worst["key"]["error_code"] == ""
    start, end = (
        datetime.fromisoformat(worst["evidence"][0]["value"][name][:19]) for name in ("first_time", "last_time")
    )
    inside = [text for when, text in lines if start <= when <= end]
    named = sum(found["evidence"][0]["value"]["abnormal_events"] for found in kafka["incidents"])
    assert worst["evidence"][0]["value"]["abnormal_events"] <= len(inside)
    assert named <= len(lines)
    offline = sum("since it is offline" in text for text in inside)
    counted = [
        fact["value"]["events"]
        for fact in worst["evidence"]
        if fact["kind"] == "template" and "since it is offline" in fact["text"]
    ]
    assert counted == [offline]


def test_a_file_without_trouble_gives_no_incident(tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.ndjson"
    quiet.write_text("\n".join(json.dumps({"service": "shop", "message": f"order {n} sent"}) for n in range(500)))
    told = analyze(tmp_path / "home", quiet)
    assert told["incidents"] == []
    assert told["ledger"]["stored"] == 500


def test_thin_evidence_ends_inconclusive(tmp_path: Path) -> None:
    odd = tmp_path / "odd.ndjson"
    rows = [
        {"ts": f"2026-05-01T12:00:{n:02d}Z", "service": "shop", "level": "ERROR", "message": f"gremlin {n} says hello"}
        for n in range(14)
    ]
    odd.write_text("\n".join(json.dumps(row) for row in rows))
    (incident,) = analyze(tmp_path / "home", odd)["incidents"]
    assert incident["analysis"]["verdict"] == "INCONCLUSIVE"
    assert incident["analysis"]["confidence"] < 0.5
