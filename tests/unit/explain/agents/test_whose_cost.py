"""What an account costs: a question that names one is answered for that one, and the claim says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bdp.explain.agents.question import understood
from bdp.explain.agents.reply import Reply
from bdp.explain.grounding import check
from bdp.model.analysis import Check, Claim
from bdp.model.evidence import Evidence
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.agents.scene import NOW, asking, filled
from tests.unit.explain.costs.bill import fill, line

TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
EC2 = "Amazon Elastic Compute Cloud - Compute"
ACCOUNTS = ("prod", "dev", "데이터팀", "Hanok-Stage", "billing", "111122223333", "444455556666", "000000000000")


@pytest.fixture
def owned(store: ClickHouseStore) -> ClickHouseStore:
    """Three accounts, each with two services on 60 days; `dev` is also the name of a service with events."""
    filled(store)
    days = [TODAY - timedelta(days=back) for back in range(1, 61)]
    whose = (("111122223333", "prod", 70.0), ("444455556666", "dev", 20.0), ("777788889999", "데이터팀", 5.0))
    fill(
        store,
        [
            line(day, cost * share, account=account, sub_account_name=called, service_name=service)
            for day in days
            for account, called, cost in whose
            for service, share in ((EC2, 1.0), ("AWS Lambda", 0.1))
        ],
    )
    return store


def asked(store: ClickHouseStore, question: str) -> Reply:
    """Return an answer whose claims all hold."""
    reply = asking(store).ask(question)
    assert [claim for claim in reply.claims if claim.check is not Check.SUPPORTED] == []
    assert reply.answers
    return reply


def told(reply: Reply) -> str:
    return " ".join(claim.text for claim in reply.claims)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (
            "How much did account prod cost in February?",
            "of account `prod` from 2026-02-01 to 2026-02-28 UTC: 2,156.00",
        ),
        (
            "How much does the dev account cost in February 2026?",
            "of account `dev` from 2026-02-01 to 2026-02-28 UTC: 61",
        ),
        ("What did PROD cost yesterday?", f"of account `prod` on {YESTERDAY} UTC: 77.00 USD, 77.00 USD"),
        ("cost of account 444455556666 yesterday", f"of account `444455556666` on {YESTERDAY} UTC: 22.00 USD"),
        ("dev 계정의 2월 비용은?", "2026-02-01 ~ 2026-02-28 UTC `dev` 계정 총 비용: 616.00 USD"),
        ("데이터팀 계정 비용은?", f"{YESTERDAY} UTC `데이터팀` 계정 총 비용: 5.50 USD"),
        ("어제 데이터팀은 비용이 얼마야?", f"{YESTERDAY} UTC `데이터팀` 계정 총 비용: 5.50 USD"),
        ("prod에서 어제 쓴 요금", f"{YESTERDAY} UTC `prod` 계정 총 비용: 77.00 USD"),
        ("What about the dev account?", f"of account `dev` on {YESTERDAY} UTC: 22.00 USD"),
    ],
)
def test_an_account_that_is_named_is_the_one_that_is_answered_for(
    owned: ClickHouseStore, question: str, says: str
) -> None:
    reply = asked(owned, question)
    assert says in told(reply)
    assert "104.50" not in told(reply)
    assert len(reply.claims) == 1
    (evidence,) = reply.evidence
    assert "sub_account_name = " in evidence.query


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("How much did EC2 cost yesterday in prod?", f"of `{EC2}` in account `prod` on {YESTERDAY} UTC: 70.00 USD"),
        ("어제 dev 계정 EC2 비용은?", f"{YESTERDAY} UTC `dev` 계정 `{EC2}` 총 비용: 20.00 USD"),
    ],
)
def test_a_service_in_an_account_is_limited_to_both(owned: ClickHouseStore, question: str, says: str) -> None:
    reply = asked(owned, question)
    assert says in told(reply)
    assert "95.00" not in told(reply)


def test_two_accounts_are_told_each(owned: ClickHouseStore) -> None:
    both = told(asked(owned, "Compare what dev and prod cost yesterday"))
    assert f"of account `dev` on {YESTERDAY} UTC: 22.00 USD" in both
    assert f"of account `prod` on {YESTERDAY} UTC: 77.00 USD" in both


def test_a_claim_on_another_account_does_not_hold(owned: ClickHouseStore) -> None:
    reply = asked(owned, "What did prod cost yesterday?")
    evidence: tuple[Evidence, ...] = reply.evidence
    other = Claim(text=reply.claims[0].text.replace("`prod`", "`dev`"), evidence=(evidence[0].id,))
    assert check([other], evidence)[0][0].check is Check.UNSUPPORTED


@pytest.mark.parametrize(
    ("question", "word"), [("How much did account staging7 cost?", "staging7"), ("sandbox 계정 비용은?", "sandbox")]
)
def test_an_account_that_is_not_stored_is_told_and_not_answered_for_all(
    owned: ClickHouseStore, question: str, word: str
) -> None:
    reply = asking(owned).ask(question)
    assert not reply.answers
    assert f"`{word}`" in reply.summary


@pytest.mark.parametrize(
    ("text", "accounts", "names"),
    [
        ("What does dev cost?", ("dev",), ()),
        ("errors of dev in the last hour", (), ("dev",)),
        ("dev 비용", ("dev",), ()),
        ("dev 오류", (), ("dev",)),
        ("hanok stage 지출은?", ("Hanok-Stage",), ()),
        ("What is our billing this month?", (), ()),
        ("What does the billing account cost?", ("billing",), ()),
        ("Which account costs most?", (), ()),
        ("Which account drove our cost?", (), ()),
        ("What does dev-api cost?", (), ("dev-api",)),
        ("비용이 가장 높은 계정은?", (), ()),
        ("Did errors of dev raise its cost?", ("dev",), ("dev",)),
    ],
)
def test_a_word_beside_money_is_the_account_and_elsewhere_the_service(
    text: str, accounts: tuple[str, ...], names: tuple[str, ...]
) -> None:
    question = understood(text, NOW, ("dev", "dev-api", EC2), (EC2,), ACCOUNTS)
    assert (question.accounts, question.names, question.missing) == (accounts, names, ())


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("What will account prod cost this month?", "What account `prod` alone will cost is not forecast."),
        ("이번 달 prod 계정 예상 비용은?", "`prod` 계정만의 앞으로의 비용은 예측하지 않음."),
    ],
)
def test_the_forecast_of_all_accounts_is_not_told_for_one(owned: ClickHouseStore, question: str, says: str) -> None:
    reply = asked(owned, question)
    assert says in told(reply)
    assert "USD" not in told(reply)


def test_parts_that_rose_are_those_of_the_account(owned: ClickHouseStore) -> None:
    more = {"account": "444455556666", "sub_account_name": "dev", "service_name": EC2, "sku_meter": "BoxUsage:p4d"}
    fill(owned, [line(YESTERDAY, 300, **more)])
    dev = told(asked(owned, "Why did EC2 cost more yesterday in account dev?"))
    assert "usage type `BoxUsage:p4d` 300.00 USD, usually 0.00 USD" in dev
    assert "BoxUsage" not in told(asked(owned, "Why did EC2 cost more yesterday in account prod?"))
