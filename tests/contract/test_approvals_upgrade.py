"""A database of the revision before, with rows in it, comes out whole: its log chained, its questions answerable."""

from __future__ import annotations

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from bdp.model.decision import ApprovalStatus
from bdp.store.database import open_database
from bdp.store.migrations import HERE, VERSION_TABLE
from bdp.store.state import State
from tests.contract.voting import after, vote

APPROVAL = (
    "INSERT INTO approvals (approval_id, incident_id, workflow_id, action, plan, undo, requested_at, expires_at,"
    " status, decided_by, decided_at, note)"
    " VALUES (:id, 'i', :workflow, :action, 'POST x', '', :at, :until, :status, '', :done, '')"
)
ENTRY = "INSERT INTO audit (at, actor, action, object, detail) VALUES (:at, :actor, 'did', :thing, :detail)"
ROWS = 2500


def old_database(url: str) -> None:
    """Make what the version before made: questions and audit entries, one of them with a gap before it."""
    database = open_database(url)
    with database.write() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(HERE).replace("%", "%%"))
        command.upgrade(config, "0005")
        postgresql = connection.dialect.name == "postgresql"
        times = {n: after(n) if postgresql else after(n).replace(tzinfo=None).isoformat(" ") for n in (0, 5, 60)}
        action = '{"type":"notify","description":"tell","parameters":{},"priority":1}'
        for name, status, done in (("waits", "waiting", None), ("done", "approved", times[5])):
            row = {"id": name, "workflow": f"w-{name}", "action": action, "status": status, "done": done}
            connection.execute(text(APPROVAL), row | {"at": times[0], "until": times[60]})
        entries = [
            {"at": times[5], "actor": f"김 {number}", "thing": f"q{number}", "detail": f'{{"n":{number},"e":1.50}}'}
            for number in range(ROWS)
        ]
        connection.execute(text(ENTRY), entries)
        if postgresql:
            connection.execute(text("SELECT nextval('audit_entry_id_seq')"))
        connection.execute(text(ENTRY), entries[:1])
    database.close()


def test_rows_of_before_are_chained_in_their_order(lasting_url: str, open_more: Callable[..., State]) -> None:
    old_database(lasting_url)
    state = open_more(lasting_url)
    found = state.audit.verify()
    assert (found.entries, found.whole, found.head) == (ROWS + 1, True, state.audit.head())
    kept = state.audit.kept(before=ROWS + 1, limit=ROWS)
    assert [one.number for one in kept] == list(range(ROWS, 0, -1))
    assert [one.entry.detail["n"] for one in kept] == list(range(ROWS - 1, -1, -1))
    assert (kept[0].entry.at, kept[0].entry.actor) == (after(5), f"김 {ROWS - 1}")
    with state.database.read() as connection:
        assert str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()) >= "0006"


def test_questions_of_before_are_answered_in_their_own_workflow(
    lasting_url: str, open_more: Callable[..., State]
) -> None:
    old_database(lasting_url)
    state = open_more(lasting_url)
    waiting = state.approvals.get("waits")
    assert (waiting.needed, waiting.role, waiting.evidence, waiting.planned) == (1, "approver", (), None)
    assert state.approvals.vote("waits", vote(), after(7)).status is ApprovalStatus.APPROVED
    assert [one.continuation for one in state.approvals.list()] == ["w-waits", "w-done"]
    assert state.approvals.answered() == []
    assert state.audit.head().number == ROWS + 3
    assert state.audit.verify().whole
