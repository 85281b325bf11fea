"""A number is held against the measure that it is said to be of, its side, its unit and its owner."""

from __future__ import annotations

import pytest

from bdp.model.analysis import Check
from tests.unit.explain.grounding.facts_of_a_shop import judged, verdict


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("CPU utilization rose from 40 % to 97 %.", "E2"),
        ("CPU 사용률이 40%에서 97%로 증가했다.", "E2"),
        ("Utilization peaked at 97 percent, normally it is 40.", "E2"),
        ("CPU utilization rose by 142.5 %.", "E2"),
        ("cpu_utilization is up 143 % and at 2.4 times its baseline.", "E2"),
        ("CPU 사용률이 평소의 2.4배다.", "E2"),
        ("Requests fell by 80 %, from 50 to 10.", "E4"),
        ("요청이 80% 감소했다.", "E4"),
        ("More than 110 errors at payment.", "E1"),
        ("At least 120 errors at payment.", "E1"),
        ("payment의 오류는 120건 이상이다.", "E1"),
        ("payment의 오류는 121건 미만이다.", "E1"),
        ("Errors rose 20 %, from 100 to 120.", "E1"),
        ("About 121 failures in ten minutes.", "E1"),
        ("120 errors at payment, 100 in the span before.", "E1"),
        ("payment에서 비정상 120건, 그 전 같은 기간에는 100건.", "E1"),
        ("The trouble lasted 9 min 56 s.", "E1"),
        ("장애는 9분 56초 동안 이어졌다.", "E1"),
        ("12 errors per minute at payment, 120 in all.", "E1"),
        ("분당 오류 12건.", "E1"),
        ("90 % of 20 traces fail at bank.", "E6"),
        ("18 out of 20 traces fail at bank first.", "E6"),
        ("It cost $1,250.", "E10"),
        ("비용은 1,250달러다.", "E10"),
        ("Responses of 2.5 MB.", "E10"),
        ("1만 2,345 pages; 1.2345만 페이지", "E10"),
        ("Packets reached 400 per second.", "E11"),
        ("Packets reached 24,000 a minute.", "E11"),
        ("10.1.2.3 sent 286 and 10.1.2.4 sent 40 events.", "E9"),
        ("286 events came from 10.1.2.3 and 40 from 10.1.2.4.", "E9"),
    ],
)
def test_what_is_so_is_supported(text: str, cited: str) -> None:
    assert judged(text, cited).check is Check.SUPPORTED, judged(text, cited).reason


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("The error rate reached 97 %.", ("E2", "E3")),
        ("The error rate reached 97 %.", ("E2",)),
        ("오류율이 97%에 도달했다.", ("E2", "E3")),
        ("CPU utilization rose from 97 % to 97 %.", ("E2",)),
        ("CPU utilization fell from 40 % to 97 %.", ("E2",)),
        ("CPU utilization dropped to 97 %.", ("E2",)),
        ("CPU 사용률이 97%로 감소했다.", ("E2",)),
        ("CPU utilization rose by 97 %.", ("E2",)),
        ("Utilization normally is 97 %.", ("E2",)),
        ("Utilization did not rise, it stayed below 90 %.", ("E2",)),
        ("Requests doubled.", ("E4",)),
        ("More than 120 errors at payment.", ("E1",)),
        ("payment의 오류는 120건 미만이다.", ("E1",)),
        ("Errors rose 25 %, from 100 to 120.", ("E1",)),
        ("100 errors at payment.", ("E1",)),
        ("payment에서 비정상 100건.", ("E1",)),
        ("74 addresses were seen.", ("E7",)),
        ("120 users were hit.", ("E1",)),
        ("사용자 22명.", ("E7",)),
        ("The trouble lasted 9 hours.", ("E1",)),
        ("12 errors per second at payment.", ("E1",)),
        ("Packets reached 400 per minute.", ("E11",)),
        ("It cost 1,250 euros.", ("E10",)),
        ("Responses of 2.5 GB.", ("E10",)),
        ("10.1.2.3 sent 40 and 10.1.2.4 sent 286 events.", ("E9",)),
        ("bank had 120 errors.", ("E1", "E6")),
    ],
)
def test_what_is_not_so_is_found(text: str, cited: tuple[str, ...]) -> None:
    assert verdict(text, *cited) in {Check.CONTRADICTED, Check.UNSUPPORTED}


def test_a_korean_claim_gets_its_reason_in_korean() -> None:
    assert "근거" in judged("payment의 오류는 130건이다.", "E1").reason
    assert judged("payment의 오류는 120건이다.", "E1").reason == "수치·이름·시각 2개가 모두 E1와 일치합니다"
