"""Another order of the sinks than last time: what waits in those that are no longer named still gets in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from bdp.clock import SystemClock
from bdp.errors import BadSetting, StreamUnavailable
from bdp.ports import Backlog
from bdp.stream.backlog.files import Files, FilesSettings
from bdp.stream.backlog.table import Table
from bdp.stream.backlog.table_settings import TableSettings
from bdp.stream.custody import Custody, Place, open_custody
from bdp.stream.journal.journal import Journal
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.settings import StreamSettings
from tests.unit.stream.chain_bench import batch

CLOCK = SystemClock()
BACKLOGS: dict[str, Callable[[Path], Backlog]] = {
    "table": lambda folder: Table(TableSettings(), folder),
    "files": lambda folder: Files(FilesSettings(), folder, CLOCK),
}


def opened(folder: Path, *sinks: str) -> Custody:
    settings = StreamSettings.model_validate({"sinks": sinks, "kafka": KafkaSettings(bootstrap_servers="localhost:1")})
    return open_custody(settings, Place(folder, f"sqlite:///{folder / 'state.db'}", "p1"), CLOCK)


def test_ids_are_kept_from_the_start_until_nothing_is_known_to_wait(tmp_path: Path) -> None:
    custody = opened(tmp_path, "journal", "table", "files")
    journal = custody.stream
    assert isinstance(journal, Journal)
    before = journal.forgets
    custody.recovery.step()
    assert (before, journal.forgets) == (False, True)
    custody.close()


@pytest.mark.parametrize("name", sorted(BACKLOGS))
def test_a_sink_that_is_no_longer_named_is_emptied_and_given_nothing(tmp_path: Path, name: str) -> None:
    backlog = BACKLOGS[name](tmp_path)
    backlog.append([batch("a", "INFO", "ERROR"), batch("b", "INFO")])
    backlog.close()

    custody = opened(tmp_path, "journal")
    assert [(state.name, state.waiting) for state in custody.chain.states()] == [("journal", 0), (name, 3)]
    assert custody.chain.ledger()["http"].in_flight == 3
    while custody.recovery.step():
        pass
    assert [item.batch.batch_id for item in custody.stream.read(0, 100, 1 << 20)] == ["a", "b"]  # type: ignore[union-attr]
    custody.chain.primary.sink.close()
    with pytest.raises(StreamUnavailable):
        custody.chain.deliver([batch("c", "INFO")])
    custody.close()

    again = opened(tmp_path, "journal")
    assert [state.name for state in again.chain.states()] == ["journal"]
    again.close()


def test_a_journal_with_records_that_are_not_stored_is_not_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.append([batch("a", "INFO", "ERROR")])
    journal.close()
    with pytest.raises(BadSetting, match="holds 2 records that are not stored yet"):
        opened(tmp_path, "kafka", "files")

    journal = Journal(tmp_path / "journal.db")
    journal.begin(1)
    journal.commit(1, {"http": 2}, [], {})
    journal.close()
    opened(tmp_path, "kafka", "files").close()


MOVED: dict[str, Callable[[Path], dict[str, object]]] = {
    "table": lambda elsewhere: {"table": {"url": f"sqlite:///{elsewhere / 'other.db'}"}},
    "files": lambda elsewhere: {"files": {"folder": str(elsewhere / "spill")}},
}


def custody_of(folder: Path, *sinks: str, **settings: object) -> Custody:
    made = StreamSettings.model_validate({"sinks": sinks, **settings})
    return open_custody(made, Place(folder, f"sqlite:///{folder / 'state.db'}", "p1"), CLOCK)


def fill(folder: Path, name: str) -> None:
    backlog = BACKLOGS[name](folder)
    backlog.append([batch("a", "INFO", "ERROR")])
    backlog.close()


def drained(custody: Custody) -> list[str]:
    while custody.recovery.step():
        pass
    return [item.batch.batch_id for item in custody.stream.read(0, 100, 1 << 20)]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", sorted(BACKLOGS))
def test_a_sink_that_moved_elsewhere_is_emptied_where_it_was(tmp_path: Path, name: str) -> None:
    fill(tmp_path, name)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    custody = custody_of(tmp_path, "journal", name, **MOVED[name](elsewhere))
    assert [(state.name, state.waiting) for state in custody.chain.states()] == [
        ("journal", 0), (name, 0), (f"home-{name}", 2),
    ]  # fmt: skip
    assert drained(custody) == ["a"]
    custody.close()
    again = custody_of(tmp_path, "journal", name, **MOVED[name](elsewhere))
    assert [state.name for state in again.chain.states()] == ["journal", name]
    again.close()


@pytest.mark.parametrize("name", sorted(BACKLOGS))
def test_a_sink_that_is_no_longer_named_is_looked_for_in_the_home_wherever_its_settings_point(
    tmp_path: Path, name: str
) -> None:
    fill(tmp_path, name)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    custody = custody_of(tmp_path, "journal", **MOVED[name](elsewhere))
    assert drained(custody) == ["a"]
    custody.close()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", sorted(BACKLOGS))
def test_the_homes_own_place_spelled_out_is_no_other_place(tmp_path: Path, name: str) -> None:
    fill(tmp_path, name)
    (tmp_path / "here").symlink_to(tmp_path)
    settings = {
        "table": {"url": f"sqlite:///{tmp_path / 'here' / 'backlog.db'}"},
        "files": {"folder": str(tmp_path / "here" / "spill")},
    }
    custody = custody_of(tmp_path, "journal", name, **settings)
    assert [(state.name, state.waiting) for state in custody.chain.states()] == [("journal", 0), (name, 2)]
    custody.close()


@pytest.mark.parametrize("name", sorted(BACKLOGS))
def test_redelivered_letters_that_wait_in_a_sink_no_longer_named_go_on(tmp_path: Path, name: str) -> None:
    backlog = BACKLOGS[name](tmp_path)
    backlog.append([msgspec.structs.replace(batch("a", "INFO"), redelivers=("7",))])  # counts no records there
    backlog.close()
    custody = custody_of(tmp_path, "journal")
    assert drained(custody) == ["a"]
    custody.close()


def test_a_damaged_table_that_is_no_longer_named_stops_no_start(tmp_path: Path) -> None:
    (tmp_path / "backlog.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4080)
    fill(tmp_path, "files")
    with capture_logs() as told:
        custody = custody_of(tmp_path, "journal")
    assert [state.name for state in custody.chain.states()] == ["journal", "files"]
    (entry,) = [entry for entry in told if entry["event"] == "sink.left_unread"]
    assert entry["sink"] == "table"
    assert "file is not a database" in entry["reason"]
    assert drained(custody) == ["a"]
    custody.close()


def test_files_that_another_process_is_emptying_are_left_to_it(tmp_path: Path) -> None:
    fill(tmp_path, "files")
    other = Files(FilesSettings(), tmp_path, CLOCK)
    custody = custody_of(tmp_path, "journal")
    assert [state.name for state in custody.chain.states()] == ["journal"]
    custody.close()
    other.close()
