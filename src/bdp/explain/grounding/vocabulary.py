"""Words that say what a figure is of, in English and Korean: what is counted or measured, and which value of it.

A concept is named by one English word. Words of the evidence's own keys and metric names join it at run time, so a
measure that is not listed here is found by its own name.
"""

from __future__ import annotations

import re
from typing import Final

_ENGLISH: Final[dict[str, str]] = {
    "event": "events error errors failure failures warning exception message line log entry record occurrence "
    "problem fault attempt try login hit crash alarm err evt entrie occurence mention glitch exception alert "
    "notification breakage hiccup report case",
    "user": "account username userid identity people person login-name customer tenant subscriber visitor member "
    "operator shopper buyer employee principal participant staff human consumer patron guest individual",
    "address": "ip ips source client sender origin peer remote",
    "trace": "tracing",
    "request": "call query invocation transaction",
    "service": "component dependency microservice application app module subsystem",
    "host": "node machine server instance pod broker container vm vms replica worker box computer device rack shard "
    "partition hypervisor appliance",
    "point": "sample measurement datapoint observation reading",
    "change": "deploy deployment release rollout commit revision",
    "region": "zone datacenter datacentre country city continent location site area",
    "ticket": "invoice file table volume bucket document page team",
    "success": "succeeded",
    "template": "pattern",
    "cpu": "processor core",
    "memory": "ram heap mem",
    "utilization": "utilisation usage load",
    "latency": "delay duration response",
    "rate": "ratio share fraction percentage proportion",
    "throughput": "bandwidth",
    "connection": "conn conns socket session",
    "queue": "backlog lag",
    "disk": "storage filesystem",
    "network": "traffic",
    "cost": "spend spending bill price money",
    "temperature": "heat",
    "availability": "uptime",
    "thread": "goroutine",
    "packet": "frame",
    "timeout": "timeouts",
    "retry": "retries",
}
WEAK: Final = frozenset({"fail", "failed", "failing", "fails", "bad", "abnormal", "failings"})
"""They speak of events only where nothing else is counted."""

KOREAN: Final[dict[str, str]] = {
    "이벤트": "event",
    "오류": "event",
    "에러": "event",
    "실패": "event",
    "장애": "event",
    "로그": "event",
    "메시지": "event",
    "예외": "event",
    "경고": "event",
    "시도": "event",
    "사용자": "user",
    "유저": "user",
    "계정": "user",
    "아이디": "user",
    "이용자": "user",
    "고객": "user",
    "회원": "user",
    "가입자": "user",
    "방문자": "user",
    "손님": "user",
    "테넌트": "user",
    "구독자": "user",
    "운영자": "user",
    "직원": "user",
    "파드": "host",
    "포드": "host",
    "컨테이너": "host",
    "머신": "host",
    "장비": "host",
    "레플리카": "host",
    "복제본": "host",
    "워커": "host",
    "샤드": "host",
    "리전": "region",
    "지역": "region",
    "데이터센터": "region",
    "국가": "region",
    "주문": "ticket",
    "티켓": "ticket",
    "파일": "ticket",
    "테이블": "ticket",
    "발신지": "address",
    "출처": "address",
    "트랜잭션": "request",
    "주소": "address",
    "아이피": "address",
    "출발지": "address",
    "클라이언트": "address",
    "트레이스": "trace",
    "추적": "trace",
    "요청": "request",
    "호출": "request",
    "쿼리": "request",
    "서비스": "service",
    "컴포넌트": "service",
    "호스트": "host",
    "노드": "host",
    "서버": "host",
    "인스턴스": "host",
    "브로커": "host",
    "포인트": "point",
    "샘플": "point",
    "표본": "point",
    "측정값": "point",
    "변경": "change",
    "배포": "change",
    "릴리스": "change",
    "커밋": "change",
    "성공": "success",
    "템플릿": "template",
    "프로세서": "cpu",
    "메모리": "memory",
    "사용률": "utilization",
    "이용률": "utilization",
    "점유율": "utilization",
    "사용량": "utilization",
    "지연": "latency",
    "응답시간": "latency",
    "응답 시간": "latency",
    "레이턴시": "latency",
    "오류율": "error rate",
    "에러율": "error rate",
    "실패율": "error rate",
    "비율": "rate",
    "처리량": "throughput",
    "대역폭": "throughput",
    "연결": "connection",
    "커넥션": "connection",
    "세션": "connection",
    "대기열": "queue",
    "큐": "queue",
    "디스크": "disk",
    "네트워크": "network",
    "트래픽": "network",
    "비용": "cost",
    "온도": "temperature",
    "가용성": "availability",
    "스레드": "thread",
    "패킷": "packet",
    "타임아웃": "timeout",
    "재시도": "retry",
}
"""Stem -> concept."""

CONCEPT: Final[dict[str, str]] = {
    word: concept for concept, words in _ENGLISH.items() for word in (concept, *words.split())
}
COUNTED: Final = frozenset(
    {
        "event",
        "user",
        "address",
        "trace",
        "request",
        "service",
        "host",
        "point",
        "change",
        "success",
        "template",
        "region",
        "ticket",
    }
)
"""Concepts that are counted one by one."""
MEASURED: Final = frozenset(_ENGLISH) - COUNTED
NEAR: Final = {"request": ("trace", "event"), "event": ("success",)}
"""Where the evidence has no such thing, what may be meant by it."""

_HANGUL: Final = re.compile("|".join(sorted(KOREAN, key=len, reverse=True)))
_WORD: Final = re.compile(r"[A-Za-z]+")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def singular(word: str) -> str:
    """Return a lower-case word without its plural ending."""
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def words(text: str) -> frozenset[str]:
    """Return the words of a key, lower case and singular."""
    return frozenset(singular(word) for word in _WORD.findall(_HUMP.sub(" ", text).lower()))


def concept(word: str) -> str:
    """Return what a word speaks of; an unknown word speaks of itself."""
    lowered = word.lower()
    return CONCEPT.get(lowered) or CONCEPT.get(singular(lowered)) or singular(lowered)


def concepts(text: str) -> list[str]:
    """Return what a text speaks of, word by word; Korean only where its words are known."""
    found = [(match.start(), concept(match[0])) for match in _WORD.finditer(_HUMP.sub(" ", text))]
    found += [(match.start(), one) for match in _HANGUL.finditer(text) for one in KOREAN[match[0]].split()]
    return [CONCEPT.get(one, one) for _, one in sorted(found)]
