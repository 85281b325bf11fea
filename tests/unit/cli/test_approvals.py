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
from tests.integration.serving import Served
from tests.unit.cli.conftest import HOSTILE, Bdp

LONG = "01KAEZ3V0Q9W2G4T5N6P7R8S9T"


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen.out, "_width", 80)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a serving process in which nobody is listed."""
    life = Served(tmp_path_factory.mktemp("asking"), {"BDP_STORE__RETENTION_DAYS": "0"})
    assert life.ready(), life.told()
    yield life.home
    assert life.stop() == 0, life.told()


@pytest.fixture(scope="module")
def state(home: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{home / 'state.db'}")
    yield opened
    opened.close()


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[tuple[Path, State]]:
    """A home that nobody serves."""
    opened = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    yield tmp_path, opened
    opened.close()


def asked(approval_id: str = LONG, **more: object) -> Approval:
    made = question(approval_id, planned=plan(), why="Confidence 0.72.", why_ko="신뢰도 0.72.", evidence=(HOSTILE,))
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
    other = "01KBBB3V0Q9W2G4T5N6P7R8S9T"
    state.approvals.ask(asked(other))
    me = getpass.getuser()
    told = bdp("approve", other[:6], "--note", "looks right", "--home", home)
    assert (told.code, told.out) == (0, f"approved by {me}\n")
    found = state.approvals.get(other)
    assert (found.note, found.votes[0].via, found.votes[0].role) == ("looks right", "cli", "admin")
    again = bdp("reject", other, "--home", home, "--json")
    assert (again.code, again.out) == (3, "")
    assert bdp("approvals", other[:7], "--json", "--home", home).object["approvals"][0]["status"] == "approved"
    nothing = bdp("approvals", "--status", "timed_out", "--ko", "--home", home)
    assert "해당하는 승인 요청이 없습니다." in nothing.out


def test_one_of_two_is_not_enough(process: Bdp, quiet: tuple[Path, State]) -> None:
    home, state = quiet
    me = getpass.getuser()
    (home / "bdp.toml").write_text(f'[approvers]\npeople = [{{name = "Kim", cli = "{me}"}}, {{name = "Lee"}}]\n')
    state.approvals.ask(asked(needed=2))
    assert "1 of 2 approvals are there" in process("approve", LONG, "--home", home).out
    second = process("approve", LONG, "--by", "Lee", "--home", home)
    assert second.out.splitlines()[0] == "approved by Kim, Lee"
    assert "BDP is not running" in second.out


def test_the_log_is_shown_and_proved(bdp: Bdp, home: Path, state: State) -> None:
    third = "01KCCC3V0Q9W2G4T5N6P7R8S9T"
    state.approvals.ask(asked(third))
    state.approvals.vote(third, vote(), datetime.now(UTC))
    shown = bdp("audit", "--object", third, "--since", "1h", "--home", home)
    assert "approval.approved" in shown.out
    assert len(bdp("audit", "--object", third, "--json", "--home", home).object["entries"]) == 2
    assert "Nothing was decided yet." in bdp("audit", "--object", "x", "--home", home).out
    head, number = bdp("audit", "head", "--home", home).out.strip(), state.audit.head().number
    assert head == f"{number}:{state.audit.head().hash}"
    assert bdp("audit", "verify", "--head", head, "--home", home).code == 0
    whole = bdp("audit", "verify", "--ko", "--home", home)
    assert (whole.code, f"{number}건 모두 기록된 그대로입니다." in whole.out) == (0, True)
    assert bdp("audit", "verify", "--head", "x", "--home", home).code == 3


def test_a_broken_log_ends_with_an_error(process: Bdp, quiet: tuple[Path, State]) -> None:
    home, state = quiet
    state.approvals.ask(asked())
    state.approvals.vote(LONG, vote(), datetime.now(UTC))
    with state.database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_no_delete"))
        connection.execute(text("DELETE FROM audit WHERE number = 1"))
    told = process("audit", "verify", "--home", home, "--json")
    assert (told.code, told.object["broken_at"]) == (4, 1)
    assert "broken at entry 1: missing" in told.err
