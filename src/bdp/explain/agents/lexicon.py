"""Words by which questions are read, English and Korean: what they ask about, what says nothing, what stands by a name.

Data only. A word of `TOPICS` or `BROAD` counts where it begins one; `ORDINARY` words are whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    "errors": (
        *("error", "fail", "exception", "outage", "down", "crash", "broke", "timeout"),
        *("오류", "에러", "실패", "장애", "예외", "타임아웃", "다운"),
    ),
    "slow": (
        *("slow", "latency", "response time", "duration", "p95", "p99"),
        *("느려", "느린", "느릴", "느렸", "느림", "지연", "응답 시간", "응답시간", "속도"),
    ),
    "cost": (
        *("cost", "spend", "spent", "money", "bill", "expens", "budget", "saving"),
        *("비용", "요금", "지출", "청구", "비싸", "비싼", "예산"),
    ),
    "logins": (
        *("login", "log-in", "logon", "sign-in", "brute", "credential", "password", "attack", "stuffing"),
        *("로그인", "공격", "비밀번호", "인증", "탈취"),
    ),
    "changes": ("change", "deploy", "commit", "release", "rollout", "변경", "배포", "커밋", "릴리스"),
    "metrics": ("metric", "cpu", "memory", "trend", "gauge", "메트릭", "지표", "추세", "메모리"),
    "incidents": ("incident", "alert", "인시던트", "알림", "경보"),
}
BROAD: Final = (
    *("events", "traffic", "happen", "going on", "wrong", "problem", "issue", "trouble", "status", "health", "why"),
    *("cause", "to be done"),
    *("이벤트", "트래픽", "무슨 일", "문제", "현황", "상태", "상황", "이상", "원인", "왜", "고장", "괜찮"),
)
"""Words of a question about everything, if it says nothing else."""

WHY: Final = (
    *("why", "cause", "reason", "rise", "rose", "risen", "increas", "jump", "spike", "went up", "gone up", "go up"),
    *("higher", "왜", "원인", "이유", "올랐", "오른", "올라", "늘었", "늘어", "증가", "급증", "뛰었"),
)
"""Words that ask for what made something rise."""

AHEAD: Final = (
    *("will", "forecast", "predict", "expect", "estimate", "projected", "projection", "going to", "end of the month"),
    *("month end", "month-end", "end of month", "exceed", "overrun"),
    *("예상", "예측", "전망", "초과", "나올까", "될까", "월말", "넘을", "넘길", "넘나", "소진", "남았", "남은"),
)
"""Words that ask a cost for what comes next."""

PAST: Final = ("did", "was", "were", "than expected", "than forecast", "썼", "였", "나왔", "보다")
"""Words of what was, by which a month beside one of `AHEAD` is not ahead."""

BUDGET: Final = ("budget", "예산")
"""Words for money that is not to be exceeded."""

GENERIC: Final = (
    *("service", "services", "svc", "server", "servers", "host", "hosts", "node", "app", "api"),
    *("서비스", "서버", "호스트", "노드", "시스템", "앱", "쪽", "팀"),
)
"""Nouns that stand by a name, or end one."""

PARTICLES: Final = (
    *("은", "는", "이", "가", "을", "를", "에", "의", "와", "과", "도", "만", "로", "랑", "나", "야", "요", "께"),
    *("으로", "에서", "에게", "한테", "부터", "까지", "보다", "처럼", "이랑", "하고", "이나", "마다", "조차", "밖에"),
    *("인가요", "입니까", "이에요", "예요", "인지", "인데", "이라", "라는", "라고"),
)
"""What Korean puts right behind a noun, also several."""

MARKS: Final = ("은", "는", "이", "가", "을", "를", "에서", "의", "에")
"""Particles that mark a noun a question may be about."""

BEFORE: Final = frozenset(
    (
        "of",
        "in",
        "on",
        "at",
        "for",
        "with",
        "about",
        "does",
        "did",
        "do",
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "the",
        "by",
        "from",
    )
)
"""English words right before what a question may be about."""

_ENGLISH: Final = (
    "a an the of in on at for with about by from to into and or but not no if than then so as any some all every each "
    "both most more less many much few new newest latest recent recently now currently still yet again ever never "
    "just only also too very really please thanks thank hello hi hey ok okay yes "
    "i me my we us our you your he she it its they them their this that these those there here "
    "what what's whats which who who's whose whom when where why how is are was were be been being am do does did "
    "done has have had can could should would will shall may might must let lets "
    "show tell give list find look see say explain describe compare summarize know mean means get got make made "
    "go goes going went come comes came take takes took start started stop stopped begin began end ended "
    "increase increased increasing decrease decreased rise rises rose risen fall fell grow grew grown drop dropped "
    "jump jumped go up high higher highest low lower lowest large larger largest big bigger biggest top worst best "
    "last past previous before after since until between during over under same other another first "
    "today yesterday day days hour hours minute minutes second seconds week weeks month time times date "
    "one two three number count total average sum percent rate share kind kinds type types thing things "
    "somebody someone anybody anyone something anything everything nothing people person customer customers user "
    "users client clients admin team company shop our system systems data log logs message messages event events "
    "record records request requests call calls traffic response responses page pages host hosts server servers "
    "service services app application applications api machine machines node nodes address addresses ip account "
    "accounts production prod cluster reason reasons root cause causes problem problems issue issues trouble wrong "
    "happen happens happened happening status health healthy bad good normal abnormal unusual strange long longest "
    "often fast quick morning afternoon evening night noon midnight utc kst lot lots affected affect impact try "
    "endpoint endpoints route routes region regions usage provider rates size sizes job jobs task tasks process spike "
    "spikes slower slowest highest unexpected critical serious main major minor dashboard report summary overview "
    "tried trying use used using need needs help work works working out off up down right failed "
    "forecast forecasts estimate estimated expect expected projection projected prediction predicted next"
)
_KOREAN: Final = (
    "사용량 사용 용량 개수 건수 횟수 크기 작업 처리 시도 성공 경로 지역 비중 추이 급증 폭증 요약 보고서 화면 심각한 "
    "무엇 무슨 뭐 뭘 뭔 누구 누 어디 언제 어떤 어떻게 어느 얼마 얼마나 몇 왜 이 그 저 이것 그것 저것 여기 "
    "거기 것 수 등 좀 더 가장 제일 많이 많은 모든 모두 전체 전부 다른 같은 최근 지난 지금 현재 오늘 어제 그제 "
    "요즘 시간 동안 기간 날 하루 이후 이전 전 후 때 사이 중 안녕 안녕하세요 감사 부탁 알려줘 알려 보여줘 "
    "말해줘 주세요 있 있나요 있었나요 없 우리 저희 나 너 누군가 사람 사용자 고객 회사 팀 서비스 서버 시스템 "
    "호스트 노드 앱 데이터 로그 메시지 이벤트 기록 요청 응답 호출 트래픽 문제 원인 이유 상태 상황 현황 이상 "
    "영향 일 곳 건 개 번 분 시 주 월 년 비율 평균 합계 총액 총 수치 값 변화 증가 감소 종류 목록 주소 계정 "
    "조치 해결 방법 발생 확인 이번 다음 주로 새로 정도 오전 오후 아침 저녁 밤 새벽 낮 정오 자정 어젯밤 돈 원 "
    "달러 처음 마지막 평소 근래 예상 예상액 예상치 예측 전망"
)
ORDINARY: Final = frozenset((*_ENGLISH.split(), *_KOREAN.split()))
"""Words that name nothing of anybody's system."""
