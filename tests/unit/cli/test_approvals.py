"""What a person sees before they answer, in a terminal of 80 columns."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bdp.cli import screen
from bdp.model.decision import Approval
from bdp.store.state import State, open_state
from tests.contract.voting import plan, question, vote
from tests.unit.cli.conftest import HOSTILE, Bdp

LONG = "01KAEZ3V0Q9W2G4T5N6P7R8S9T"


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen.out, "_width", 80)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def state(home: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{home / 'state.db'}")
    yield opened
    opened.close()


def asked(**more: object) -> Approval:
    hostile = plan().model_copy(update={"resource": "webhook:restart"})
    made = question(LONG, planned=hostile, why="Confidence 0.72.", why_ko="신뢰도 0.72.", evidence=(HOSTILE,))
    now = datetime.now(UTC)
    return made.model_copy(update={"requested_at": now, "expires_at": now + timedelta(hours=1), **more})


def test_all_that_is_asked_fits_the_terminal(bdp: Bdp, home: Path, state: State) -> None:
    state.approvals.ask(asked(needed=2))
    told = bdp("approvals", "--home", home)
    assert told.code == 0
    for words in (LONG, "waiting", '"n": 3', "nothing to take back", "Confidence 0.72.", "0 of 2 approvals",
                  "by different people", f"bdp approve {LONG}", f"bdp reject {LONG}"):  # fmt: skip
        assert words in told.out, words
    assert all(len(line) <= 80 for line in told.out.splitlines())
    assert "\x1b" not in told.out
    korean = bdp("approvals", LONG[:8], "--ko", "--home", home)
    for words in ("대기", "되돌릴 것이 없습니다", "신뢰도 0.72.", "승인 0/2"):
        assert words in korean.out, words


def test_answers(bdp: Bdp, home: Path, state: State) -> None:
    state.approvals.ask(asked())
    me = getpass.getuser()
    told = bdp("approve", LONG[:6], "--note", "looks right", "--home", home)
    assert (told.code, told.out.splitlines()[0]) == (0, f"approved by {me}")
    found = state.approvals.get(LONG)
    assert (found.note, found.votes[0].via, found.votes[0].role) == ("looks right", "cli", "admin")
    assert "대기 중인 승인 요청이 없습니다." in bdp("approvals", "--ko", "--home", home).out
    again = bdp("reject", LONG, "--home", home, "--json")
    assert (again.code, again.out) == (3, "")
    assert bdp("approvals", LONG[:7], "--json", "--home", home).object["approvals"][0]["status"] == "approved"


def test_one_of_two_is_not_enough(bdp: Bdp, home: Path, state: State) -> None:
    me = getpass.getuser()
    (home / "bdp.toml").write_text(f'[approvers]\npeople = [{{name = "Kim", cli = "{me}"}}, {{name = "Lee"}}]\n')
    state.approvals.ask(asked(needed=2))
    assert "1 of 2 approvals are there" in bdp("approve", LONG, "--home", home).out
    assert "approved by Kim, Lee" in bdp("approve", LONG, "--by", "Lee", "--home", home).out
    stranger = bdp("approve", LONG, "--by", "root2", "--home", home)
    assert stranger.code == 4
    assert "[approvers]" in stranger.err


def test_the_log_is_shown_and_proved(bdp: Bdp, home: Path, state: State) -> None:
    assert "Nothing was decided yet." in bdp("audit", "--home", home).out
    state.approvals.ask(asked())
    state.approvals.vote(LONG, vote(), datetime.now(UTC))
    shown = bdp("audit", "--object", LONG, "--since", "1h", "--home", home)
    assert "approval.approved" in shown.out
    assert len(bdp("audit", "--json", "--home", home).object["entries"]) == 2
    head = bdp("audit", "head", "--home", home).out.strip()
    assert head == f"2:{state.audit.head().hash}"
    assert bdp("audit", "verify", "--head", head, "--home", home).code == 0
    whole = bdp("audit", "verify", "--ko", "--home", home)
    assert (whole.code, "2건 모두 기록된 그대로입니다." in whole.out) == (0, True)


@pytest.mark.parametrize("json", [False, True])
def test_a_broken_log_ends_with_an_error(bdp: Bdp, home: Path, state: State, json: bool) -> None:
    state.approvals.ask(asked())
    state.approvals.vote(LONG, vote(), datetime.now(UTC))
    with state.database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_no_delete"))
        connection.execute(text("DELETE FROM audit WHERE number = 1"))
    told = bdp("audit", "verify", "--home", home, *(["--json"] * json))
    assert told.code == 4
    assert "broken at entry 1: missing" in told.err
    assert (not told.out) if not json else (told.object["broken_at"] == 1)
    assert bdp("audit", "verify", "--head", "x", "--home", home).code == 3
