"""Names in questions: as they are stored, whatever stands behind or between, and words that are none."""

from __future__ import annotations

import unicodedata

import pytest

from bdp.explain.agents.question import understood
from tests.unit.explain.agents.scene import NOW

KNOWN = (
    "checkout",
    "payment",
    "payment-gateway",
    "결제",
    "주문 서비스",
    "Order Service",
    "userProfile",
    "청구",
    "cost-api",
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Is checkout slow?", ("checkout",)),
        ("CHECKOUT errors", ("checkout",)),
        ("checkout은 느린가요?", ("checkout",)),
        ("checkout에서는 오류가 있나요", ("checkout",)),
        ("Checkout의 오류", ("checkout",)),
        ("결제 서비스가 왜 느려요?", ("결제",)),
        ("결제가 왜 느려요?", ("결제",)),
        ("결제서비스에서 오류", ("결제",)),
        ("결제에서만 오류가 났나요", ("결제",)),
        (unicodedata.normalize("NFD", "결제는 느린가요"), ("결제",)),
        ("주문 서비스는 느린가요", ("주문 서비스",)),
        ("주문서비스 오류", ("주문 서비스",)),
        ("주문이 느린가요", ("주문 서비스",)),
        ("why does order-service fail", ("Order Service",)),
        ("why do orders fail", ("Order Service",)),
        ("user profile errors", ("userProfile",)),
        ("compare payment and payment-gateway errors", ("payment", "payment-gateway")),
        ("payment gateway down?", ("payment-gateway",)),
        ("결제완료 오류", ()),
        ("checkouts2 errors", ()),
        ("prepayment errors", ()),
    ],
)
def test_stored_names(text: str, names: tuple[str, ...]) -> None:
    assert understood(text, NOW, KNOWN).names == names


@pytest.mark.parametrize("text", ["why did cloudwatch cost more", "why did Amazon CloudWatch cost more"])
def test_what_is_billed_is_known_without_who_sells_it(text: str) -> None:
    assert understood(text, NOW, ("checkout", "AmazonCloudWatch", "AWSLambda")).names == ("AmazonCloudWatch",)


def test_a_name_is_no_topic() -> None:
    assert understood("청구 서비스가 왜 느려요?", NOW, KNOWN).topics == ("slow",)
    assert understood("Is cost-api slow?", NOW, KNOWN).topics == ("slow",)
    assert understood("logins in the last hour?", NOW, ["logins"]).topics == ("logins",)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Why did foobar fail?", ("foobar",)),
        ("foobar 서비스가 왜 느려요?", ("foobar",)),
        ("환불은 왜 느린가요?", ("환불",)),
        ("Any NullPointerException?", ("NullPointerException",)),
        ("Errors of `my thing`", ("my thing",)),
        ("환불 상태는?", ("환불",)),
        ("메모리 사용량이 늘었나요?", ()),
        ("Did ib-07 fail?", ("ib-07",)),
        ("Why did checkout fail after the deploy?", ()),
        ("Which errors did customers see in the last 2 hours?", ()),
        ("어제 오후 3시에 사용자가 로그인에 실패했나요?", ()),
        ("누가 로그인을 시도했나요", ()),
    ],
)
def test_words_that_stand_where_names_do(text: str, missing: tuple[str, ...]) -> None:
    assert understood(text, NOW, KNOWN).missing == missing


@pytest.mark.parametrize(
    "text",
    [
        "what's the weather",
        "hello",
        "오늘 날씨가 어때요?",
        "안녕하세요",
        "asdf qwer",
        "why is the sky blue?",
        "tell me a joke",
        "?",
    ],
)
def test_what_is_not_understood(text: str) -> None:
    assert not understood(text, NOW, KNOWN).clear


@pytest.mark.parametrize(
    "text",
    [
        "what happened?",
        "무슨 일이 있었나요?",
        "is everything ok, any problems?",
        "왜요?",
        "What about checkout?",
        "결제는요?",
    ],
)
def test_what_is_understood(text: str) -> None:
    assert understood(text, NOW, KNOWN).clear
