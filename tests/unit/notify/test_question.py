"""What an approver is shown: all that will be sent, and nothing hidden in it."""

from __future__ import annotations

import pytest

from bdp.model.decision import Approval, ApprovalStatus
from bdp.model.plan import ActionPlan, Request, Risk
from bdp.notify.question import outcome, parts_of, shown
from tests.contract.voting import plan, question, vote


def texts(approval: Approval, language: str = "en") -> dict[str, str]:
    return {part.key: part.text for part in parts_of(approval, language)}  # type: ignore[arg-type]


def planned(**more: object) -> ActionPlan:
    return plan().model_copy(update=more)


def test_all_of_it_in_order() -> None:
    asked = question(planned=planned(risk=Risk.HIGH, blast_radius=3), why="unsure", evidence=("one", "two"), needed=2)
    asked = asked.model_copy(update={"undo": "take it back", "votes": (vote(note="fine"),)})
    assert texts(asked) == {
        "does": "POST http://localhost/restart",
        "requests": 'POST http://localhost/restart\n{\n  "n": 3\n}',
        "touches": "webhook:restart (risk high, 3 affected)",
        "undo": "take it back",
        "why": "unsure",
        "evidence": "- one\n- two",
        "answers": "1 of 2 approvals (by different people, role approver or above)\n- approved by kim (cli): fine",
        "until": "2026-03-01 13:00:00 UTC",
    }


def test_korean_where_there_is_some() -> None:
    asked = question(plan_ko="재시작", why="unsure", evidence=("one",), evidence_ko=("하나",), planned=planned())
    found = texts(asked, "ko")
    assert (found["does"], found["why"], found["evidence"]) == ("재시작", "unsure", "- 하나")
    assert found["undo"] == "되돌릴 것이 없습니다"
    assert found["touches"].endswith("(위험도 낮음, 영향 0개)")


def test_what_cannot_be_taken_back_says_so() -> None:
    asked = question(planned=planned(reversible=False)).model_copy(update={"undo": "hope"})
    assert texts(asked)["undo"] == "it cannot be taken back"


def test_without_a_plan_there_is_less() -> None:
    assert texts(question()).keys() == {"does", "undo", "answers", "until"}


@pytest.mark.parametrize("char", ["\x1b", "\u202e", "\u200b", "\x7f", "\u2028", "\x00", "\U000e0041"])
def test_what_is_hidden_in_a_request_is_written_out(char: str) -> None:
    request = Request(call=f"POST http://x/{char}y", body={"k": f"a{char}b"})
    found = texts(question(planned=planned(requests=(request,))))["requests"]
    assert char not in found
    assert found.count("\\u") >= 2


def test_a_call_cannot_look_like_two() -> None:
    request = Request(call="GET http://x\nPOST http://y")
    assert texts(question(planned=planned(requests=(request,))))["requests"] == "GET http://x\\nPOST http://y"
    assert shown("plain 결제\n") == "plain 결제\n"


def test_outcomes() -> None:
    done = question(status=ApprovalStatus.REJECTED, decided_by="kim")
    assert (outcome(done, "en"), outcome(done, "ko")) == ("rejected by kim", "kim 거부")
    assert outcome(question(), "en") == "waiting"
