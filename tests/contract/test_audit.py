"""What every database must do with the audit log: keep every entry as it was, and show it when somebody did not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bdp.model.decision import AuditEntry, ChainHead
from bdp.ports import Audit
from bdp.store.audit import PAGE, write_down
from bdp.store.chain import FIRST, hash_of
from bdp.store.state import State
from tests.contract.voting import START, after, together

OpenMore = Callable[..., State]
WRITER = """
import sys
from datetime import UTC, datetime
from bdp.model.decision import AuditEntry
from bdp.store.state import open_state
url, name = sys.argv[1:]
state = open_state(url)
for number in range(30):
    state.audit.add(AuditEntry(at=datetime(2026, 3, 1, tzinfo=UTC), actor=name, action="did", object=str(number)))
state.close()
"""


def entry(minutes: float = 0, thing: str = "q1", **detail: object) -> AuditEntry:
    return AuditEntry(at=after(minutes), actor="kim", action="did", object=thing, detail=detail)


def fill(state: State, count: int) -> None:
    with state.database.write() as connection:
        for number in range(1, count + 1):
            write_down(connection, entry(number, n=number))


def tamper(state: State, *statements: str) -> None:
    """Do what only the owner of the database can: drop the guard, then write."""
    with state.database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP TRIGGER IF EXISTS audit_append_only ON audit"))
        else:
            for verb in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS audit_no_{verb}"))
        for statement in statements:
            connection.execute(text(statement))


def broken(state: State, head: ChainHead | None = None) -> tuple[int | None, str]:
    found = state.audit.verify(head)
    return found.broken_at, found.why.partition(":")[0]


class TestAudit:
    def test_entries_come_back_newest_first(self, state: State) -> None:
        audit: Audit = state.audit
        for minutes, thing in ((1, "policy"), (3, "q1"), (2, "q1"), (3, "q2")):
            audit.add(entry(minutes, thing, m=minutes))
        assert [(one.object, one.detail["m"]) for one in audit.list()] == [
            ("q2", 3),
            ("q1", 3),
            ("q1", 2),
            ("policy", 1),
        ]
        assert [one.at for one in audit.list(object="q1")] == [after(3), after(2)]
        assert [one.object for one in audit.list(since=after(3), limit=1)] == ["q2"]

    def test_places_come_back_in_pages(self, state: State) -> None:
        fill(state, 5)
        assert [one.number for one in state.audit.kept(limit=2)] == [5, 4]
        assert [one.number for one in state.audit.kept(before=4, limit=2)] == [3, 2]
        assert [one.number for one in state.audit.kept(since=after(4))] == [5, 4]
        assert state.audit.kept(object="nobody") == []
        assert [one.entry for one in state.audit.kept()] == state.audit.list()

    @pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
    def test_entries_cannot_be_changed_or_removed(self, state: State, statement: str) -> None:
        state.audit.add(entry())
        with pytest.raises(DBAPIError, match="append-only"), state.database.write() as connection:
            connection.execute(text(statement))
        assert [one.actor for one in state.audit.list()] == ["kim"]

    def test_postgresql_refuses_to_empty_it(self, new_postgresql: str, open_more: OpenMore) -> None:
        state = open_more(new_postgresql)
        with pytest.raises(DBAPIError, match="append-only"), state.database.write() as connection:
            connection.execute(text("TRUNCATE audit"))


class TestChain:
    def test_each_entry_holds_the_hash_of_the_one_before(self, state: State) -> None:
        audit: Audit = state.audit
        assert (audit.head(), audit.verify().whole) == (ChainHead(number=0, hash=FIRST), True)
        fill(state, 3)
        last, middle, first = audit.kept()
        assert (first.previous, middle.previous, last.previous) == (FIRST, first.hash, middle.hash)
        assert audit.head() == ChainHead(number=3, hash=last.hash)
        found = audit.verify()
        assert (found.entries, found.head, found.whole) == (3, audit.head(), True)

    def test_a_hash_can_be_made_anew_from_what_is_shown(self, state: State) -> None:
        fill(state, 1)
        (kept,) = state.audit.kept()
        assert kept.hash == hash_of(1, FIRST, kept.entry)

    def test_what_a_database_changes_on_the_way_does_not_break_it(self, state: State) -> None:
        nasty = "a\x00b\ud800'; DROP TABLE audit; --\x1b[31m\n결제\u2028"
        seoul = timezone(timedelta(hours=9))
        values = [nasty, 1.1, 1e300, float("inf"), -0.0, 2**70, None, True, START]
        odd = {nasty.replace("\ud800", ""): values, "z": {"b": 1, "a": {"2": 2}}}
        for detail in (odd, {}, {"n": 1.0}, {"a\x00": 1, "a\ufffd": 2}):
            at = START.astimezone(seoul)
            state.audit.add(AuditEntry(at=at, actor=nasty, action=nasty, object=nasty, detail=detail))
        assert state.audit.verify().entries == 4
        assert state.audit.verify().whole

    def test_it_goes_on_over_pages(self, state: State) -> None:
        fill(state, PAGE + 1)
        found = state.audit.verify()
        assert (found.entries, found.whole) == (PAGE + 1, True)
        tamper(state, f"UPDATE audit SET actor = 'x' WHERE number = {PAGE + 1}")
        assert broken(state) == (PAGE + 1, "altered")

    def test_a_transaction_that_fails_leaves_no_gap(self, state: State) -> None:
        fill(state, 2)

        def fail() -> None:
            with state.database.write() as connection:
                write_down(connection, entry(9))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        state.audit.add(entry(3))
        assert state.audit.head().number == 3
        assert state.audit.verify().whole


class TestTampering:
    @pytest.mark.parametrize(
        "change",
        [
            "actor = 'lee'",
            "action = 'did not'",
            "object = 'q2'",
            "detail = '{}'",
            "detail = 'no json'",
            "at = '2026-03-01 12:03:00.000002'",
            "hash = previous",
            "previous = hash",
        ],
    )
    def test_an_altered_entry(self, state: State, change: str) -> None:
        fill(state, 5)
        zone = "+00" if state.engine.dialect.name == "postgresql" else ""
        tamper(state, f"UPDATE audit SET {change.replace('000002', '000002' + zone)} WHERE number = 3")
        assert broken(state) == (3, "altered")

    def test_a_time_that_is_none(self, open_more: OpenMore) -> None:
        state = open_more("sqlite://")
        fill(state, 5)
        tamper(state, "UPDATE audit SET at = 'once' WHERE number = 4")
        assert broken(state) == (4, "altered")

    @pytest.mark.parametrize("number", [1, 3])
    def test_an_entry_taken_out(self, state: State, number: int) -> None:
        fill(state, 5)
        tamper(state, f"DELETE FROM audit WHERE number = {number}")
        assert broken(state) == (number, "missing")

    def test_entries_in_another_order(self, state: State) -> None:
        fill(state, 5)
        tamper(
            state,
            "UPDATE audit SET number = 99 WHERE number = 2",
            "UPDATE audit SET number = 2 WHERE number = 4",
            "UPDATE audit SET number = 4 WHERE number = 99",
        )
        assert broken(state) == (2, "reordered")

    def test_entries_moved_up_to_hide_one(self, state: State) -> None:
        fill(state, 3)
        tamper(state, "DELETE FROM audit WHERE number = 2", "UPDATE audit SET number = 2 WHERE number = 3")
        assert broken(state) == (2, "altered")

    @pytest.mark.parametrize("number", [0, -7])
    def test_an_entry_where_none_has_its_place(self, state: State, number: int) -> None:
        fill(state, 2)
        columns = "at, actor, action, object, detail, previous, hash"
        tamper(state, f"INSERT INTO audit (number, {columns}) SELECT {number}, {columns} FROM audit WHERE number = 1")
        assert broken(state) == (number, "added")

    def test_a_tail_that_was_cut_off(self, state: State) -> None:
        fill(state, 5)
        noted = state.audit.head()
        tamper(state, "DELETE FROM audit WHERE number > 3")
        assert broken(state) == (4, "cut off at the end")
        # Who takes the head back as well leaves a chain that is whole; the head that was noted still tells.
        tamper(state, "UPDATE audit_head SET number = 3, hash = (SELECT hash FROM audit WHERE number = 3)")
        assert broken(state) == (None, "")
        assert broken(state, noted) == (4, "cut off at the end")
        assert state.audit.verify(noted).why.endswith("there were 5 entries")

    def test_a_chain_that_was_written_anew(self, state: State, open_more: OpenMore) -> None:
        fill(state, 5)
        noted = state.audit.head()
        other = open_more("sqlite://")
        fill(other, 2)
        for minutes in (3, 4, 5):
            other.audit.add(entry(minutes, "q2", n=minutes))
        assert broken(other) == (None, "")
        assert broken(other, noted) == (5, "rewritten")
        assert broken(state, noted) == (None, "")

    def test_a_head_that_was_taken_out(self, state: State) -> None:
        fill(state, 2)
        tamper(state, "DELETE FROM audit_head")
        assert broken(state) == (1, "missing")


class TestTogether:
    def test_writers_of_several_processes_and_threads_make_one_chain(
        self, lasting_url: str, open_more: OpenMore
    ) -> None:
        state = open_more(lasting_url)
        written = lasting_url
        children = [subprocess.Popen([sys.executable, "-c", WRITER, written, f"child {number}"]) for number in range(3)]

        def write(number: int) -> None:
            for turn in range(10):
                state.audit.add(entry(turn, f"thread {number}"))
                assert state.audit.verify().whole

        together(4, write)
        assert [child.wait(60) for child in children] == [0, 0, 0]
        found = state.audit.verify()
        assert (found.entries, found.whole) == (3 * 30 + 4 * 10, True)
