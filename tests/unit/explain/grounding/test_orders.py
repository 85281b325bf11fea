"""Times, orders, what is first, what is not there, and names."""

from __future__ import annotations

import pytest

from bdp.model.analysis import Check
from tests.unit.explain.grounding.facts_of_a_shop import judged, verdict


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("The first error came at 12:00:03 UTC, the last at 12:09:59.", ("E1",)),
        ("The first error came at 21:00:03 KST.", ("E1",)),
        ("The first error came on 4 March 2026 at 12:00:03.", ("E1",)),
        ("It began at 12:00 pm.", ("E1",)),
        ("2026-03-04T13:00:03+01:00 is when it began.", ("E1",)),
        ("3월 4일 12시 0분 3초에 시작됐다.", ("E1",)),
        ("오후 12시 0분에 시작됐다.", ("E1",)),
        ("payment was deployed 5 minutes before the errors.", ("E5",)),
        ("After deploy 40465f5, errors began.", ("E5",)),
        ("The errors came after the deploy.", ("E5",)),
        ("배포 5분 후에 장애가 시작됐다.", ("E5",)),
        ("cpu_utilization peaked before requests_per_sec did.", ("E2", "E4")),
        ("bank fails first.", ("E6",)),
        ("bank가 먼저 실패했다.", ("E6",)),
        ("No change in the 120 minutes before.", ("E8",)),
        ("변경은 없었다.", ("E8",)),
        ("disk_used did not change.", ("E12",)),
    ],
)
def test_what_is_so_is_supported(text: str, cited: tuple[str, ...]) -> None:
    assert verdict(text, *cited) is Check.SUPPORTED, judged(text, *cited).reason


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("The first error came at 12:09:59.", ("E1",)),
        ("The first error came at 12:00:03 KST.", ("E1",)),
        ("The first error came on 5 March 2026 at 12:00:03.", ("E1",)),
        ("오전 12시 0분에 시작됐다.", ("E1",)),
        ("payment was deployed 5 minutes after the errors.", ("E5",)),
        ("Before deploy 40465f5, errors began.", ("E5",)),
        ("The errors came before the deploy.", ("E5",)),
        ("배포 5분 전에 장애가 시작됐다.", ("E5",)),
        ("cpu_utilization peaked after requests_per_sec did.", ("E2", "E4")),
        ("payment fails first.", ("E6",)),
        ("bank fails last.", ("E6",)),
        ("payment가 먼저 실패했다.", ("E6",)),
        ("There was no error at payment.", ("E1",)),
        ("payment에 오류는 없었다.", ("E1",)),
        ("Nothing was deployed before.", ("E5",)),
        ("배포는 없었다.", ("E5",)),
        ("cpu_utilization did not change.", ("E2",)),
    ],
)
def test_what_is_not_so_is_contradicted(text: str, cited: tuple[str, ...]) -> None:
    assert verdict(text, *cited) is Check.CONTRADICTED, judged(text, *cited).reason


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("checkout had 120 errors.", ("E1",)),
        ("checkout에서 오류 120건.", ("E1",)),
        ("deploy 9f1e2d3 of payment", ("E5",)),
        ("see main.go:42 of payment", ("E1",)),
        ("v2.3.4 of payment", ("E1",)),
    ],
)
def test_a_name_that_the_evidence_has_not_is_unsupported(text: str, cited: tuple[str, ...]) -> None:
    assert verdict(text, *cited) is Check.UNSUPPORTED, judged(text, *cited).reason


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The onset was preceded by the payment deploy.", "The onset was followed by the payment deploy."),
        ("The payment deploy was followed by errors.", "The payment deploy was preceded by errors."),
        ("payment was deployed, then came the errors.", "The errors came, then payment was deployed."),
        ("First came the payment deploy, the errors ensued.", "First came the errors, the payment deploy ensued."),
        ("In the wake of the deploy, payment failed.", "In advance of the deploy, payment failed."),
        (
            "It was 5 minutes after the deploy that trouble began.",
            "It was 5 minutes before the deploy that trouble began.",
        ),
        ("배포가 장애보다 5분 앞선다.", "배포가 장애보다 5분 늦다."),
        ("오류 발생에 5분 앞서 배포되었다.", "오류 발생에 5분 뒤이어 배포되었다."),
        ("배포, 장애는 그로부터 5분 뒤.", "배포, 장애는 그로부터 5분 전."),
        ("장애는 배포를 뒤따랐다.", "장애는 배포를 앞질렀다."),
        ("배포와 장애 중 앞선 것은 배포다.", "배포와 장애 중 나중 것은 배포다."),
    ],
)
def test_an_order_is_bound_to_what_stands_on_either_side(text: str, wrong: str) -> None:
    assert verdict(text, "E5") is Check.SUPPORTED, judged(text, "E5").reason
    assert verdict(wrong, "E5") is Check.CONTRADICTED, judged(wrong, "E5").reason
