"""Opening the state: addresses, migrations, many at once, and a process that is killed while it writes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from bdp.errors import BadSetting, NotPossible, Refuse, StoreUnavailable
from bdp.store.database import open_database
from bdp.store.metadata import METADATA
from bdp.store.state import open_state

NOW = datetime(2026, 3, 1, tzinfo=UTC)

OPENER = "import sys; from bdp.store.state import open_state; open_state(sys.argv[1]).close()"

# Records until it is killed: four incidents with three anomalies each a round, moved and noted. Each line that it
# prints is a promise: what stands on it is in the database.
WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyKind, Severity, Subject
from bdp.model.incident import IncidentStatus
from bdp.store.state import open_state

state, life = open_state(sys.argv[1]), sys.argv[2]
start = datetime(2026, 3, 1, tzinfo=UTC)
for number in range(100_000):
    signature = f"{life}-{number % 4}"
    found = Anomaly(
        anomaly_id=f"{life}-{number}", kind=AnomalyKind.BURST, subject=Subject(service="s"), signature=signature,
        severity=Severity.LOW, start_time=start, detected_at=start + timedelta(seconds=number), count=10, threshold=9,
        expected=None, window_seconds=300, never_seen=False, templates=(), trace_ids=(),
    )
    incident, _ = state.incidents.record(found, start)
    print(found.anomaly_id, incident.incident_id, flush=True)
    if number % 12 >= 8:
        over = start + timedelta(seconds=number + 1)
        state.incidents.end(AnomalyEnd(anomaly_id=found.anomaly_id, signature="", end_time=over, peak=10, total=25))
        state.incidents.move(incident.incident_id, IncidentStatus.RESOLVED, "done", over)
"""


@pytest.mark.parametrize("url", ["mysql://host/db", "not an address", "", "clickhouse://x"])
def test_other_addresses_are_refused_with_a_hint(url: str) -> None:
    with pytest.raises(BadSetting, match="sqlite:///"):
        open_state(url)


def test_password_stays_out_of_the_error() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        open_state("postgresql://bdp:secret-word@127.0.0.1:1/state")
    assert "secret-word" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_file_survives_closing_and_opening_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    first = open_state(url)
    first.effects.claim("k", NOW)
    first.close()
    second = open_state(url)
    assert not second.effects.claim("k", NOW)
    second.close()


def test_file_is_written_durably(tmp_path: Path) -> None:
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    with state.database.read() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    state.close()
    assert found == ["wal", 2, 1]


def test_database_newer_than_the_code_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    state = open_state(url)
    with state.database.write() as connection:
        connection.execute(text("UPDATE state_version SET version_num = '9999'"))
    state.close()
    with pytest.raises(Refuse, match=r"revision 9999, .* newer version"):
        open_state(url)


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("this was something else\n" * 100)
    with pytest.raises(Refuse, match="no SQLite database"):
        open_state(f"sqlite:///{path}")
    assert path.read_text().startswith("this was something else")


def test_full_or_missing_disk_says_try_again(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        open_state(f"sqlite:///{tmp_path / 'missing' / 'state.db'}")


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")

    def write_and_fail() -> None:
        with state.database.write() as connection:
            connection.execute(text("INSERT INTO effects (key, claimed_at) VALUES ('k', '2026-03-01 00:00:00.000000')"))
            raise NotPossible("changed my mind")

    with pytest.raises(NotPossible):
        write_and_fail()
    assert state.effects.claim("k", NOW)
    state.close()


def test_memory_is_private_to_one_state() -> None:
    one, other = open_state("sqlite://"), open_state("sqlite://")
    assert one.effects.claim("k", NOW)
    assert other.effects.claim("k", NOW)
    one.close()
    other.close()


def test_threads_start_on_many_new_files_at_once(tmp_path: Path) -> None:
    def start(number: int) -> bool:
        state = open_state(f"sqlite:///{tmp_path / f'{number % 3}.db'}")
        claimed = state.effects.claim("k", NOW)
        state.close()
        return claimed

    with ThreadPoolExecutor(9) as pool:
        assert list(pool.map(start, range(9))).count(True) == 3


def test_processes_start_on_one_new_file_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    processes = [
        subprocess.Popen([sys.executable, "-c", OPENER, url], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    database = open_database(url)
    with database.read() as connection:
        names = set(connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars())
    database.close()
    assert names >= set(METADATA.tables)


def test_killed_while_writing_leaves_no_half_incident(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    open_state(url).close()
    chance = random.Random(7)
    promised: dict[str, str] = {}
    for life in range(5):
        promised |= _write_and_kill(url, f"life{life}", chance.uniform(0.05, 0.4))
    state = open_state(url)
    assert len(promised) > 20
    with state.database.read() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        kept = {row[0]: row[1] for row in connection.execute(text("SELECT anomaly_id, incident_id FROM anomalies"))}
        sums = connection.execute(text("SELECT incident_id, sum(events) FROM anomalies GROUP BY incident_id"))
        events = {row[0]: row[1] for row in sums}
    assert promised.items() <= kept.items()
    assert len(kept) - len(promised) <= 5
    for listed in state.incidents.list(limit=100_000):
        incident = state.incidents.get(listed.incident_id)
        members = {anomaly_id for anomaly_id, incident_id in kept.items() if incident_id == incident.incident_id}
        told = [entry for entry in incident.timeline if entry.kind in ("detected", "repeated")]
        assert set(incident.members) == members
        assert len(members) == incident.sightings == len(told)
        assert incident.events == events[incident.incident_id]
        assert (incident.status == "resolved") == any(entry.kind == "status" for entry in incident.timeline)
    state.close()


def _write_and_kill(url: str, life: str, seconds: float) -> dict[str, str]:
    process = subprocess.Popen([sys.executable, "-c", WRITER, url, life], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = process.stdout.readline()  # it is up
    time.sleep(seconds)
    process.kill()
    rest = process.stdout.read()
    process.wait(10)
    process.stdout.close()
    lines = [line.split() for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
    return {line[0]: line[1] for line in lines}
