"""What people read, by language: explanations by rule, recommendations by type. No sentence is made anywhere else.

Templates take numbers by name, already written with three significant digits. In Korean no particle follows a number
or a name, since its form would depend on how they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isnan, log10
from typing import Final, NamedTuple

from bdp.detect.fabric.counters import KINDS
from bdp.detect.fabric.risk import Signal, Verdict
from bdp.detect.fabric.settings import Language
from bdp.model.insight import PredictionType as P


class Wording(NamedTuple):
    """One language.

    Attributes:
        rules: the explanation, where the rule leads.
        notes: a few words, where it agrees with another.
        new: the explanation where the stream has no mean yet.
        also: takes `notes`.
        counter, counter_note: the same for a rise of a port counter.
        maintenance: takes `ref`.
        recommendations: 2 to 4 for each type.
    """

    rules: Mapping[str, str]
    notes: Mapping[str, str]
    new: Mapping[str, str]
    also: str
    counter: str
    counter_note: str
    maintenance: str
    recommendations: Mapping[P, tuple[str, ...]]


WORDING: Final[Mapping[Language, Wording]] = {
    "en": Wording(
        rules={
            "saturation": "Utilisation is {value} %, above the bound of {bound} %; its 15-minute mean is {baseline} %, "
            "40 to 70 % is normal.",
            "latency": "P99 latency is {value} µs, {ratio} times its 15-minute mean of {baseline} µs; the reference is "
            "under {reference} µs.",
            "loss": "The error rate is {value} %; its 15-minute mean is {baseline} %, the reference is under 0.1 %.",
            "qp": "{value} queue pair errors in one sample; the 15-minute mean is {baseline}.",
            "throttling": "Bandwidth is {value} Gbit/s at {utilization} % utilisation, {share} % less than this stream "
            "moves at such a load; its 15-minute mean is {baseline} Gbit/s.",
            "falls": "The link fell to zero within the last {minutes} minutes; falls: {falls}.",
            "down": "The link has been at zero for {seconds} s, with errors.",
            "slow": "P99 latency has been rising slowly: its 15-minute mean is {value} µs, {ratio} times its usual "
            "level of {baseline} µs over the last days or hours; the reference is under {reference} µs.",
            "load": "Utilisation is {value} %, {ratio} times its 15-minute mean of {baseline} %.",
            "inefficiency": "Bandwidth is {value} Gbit/s at {utilization} % utilisation, {share} % less than usual at "
            "such a load; its 15-minute mean is {baseline} Gbit/s.",
        },
        notes={
            "saturation": "utilisation {value} %",
            "latency": "P99 latency {value} µs ({ratio} times)",
            "loss": "error rate {value} %",
            "qp": "{value} queue pair errors",
            "throttling": "{share} % of the bandwidth missing",
            "falls": "falls to zero: {falls}",
            "down": "at zero for {seconds} s",
            "slow": "mean latency {ratio} times its usual level",
            "load": "utilisation {ratio} times its mean",
            "inefficiency": "{share} % of the bandwidth missing",
        },
        new={
            "saturation": "Utilisation is {value} %, above the bound of {bound} %; 40 to 70 % is normal. The stream is "
            "too new for a mean of its own.",
            "loss": "The error rate is {value} %, the reference is under 0.1 %. The stream is too new for a mean of "
            "its own.",
            "qp": "{value} queue pair errors in one sample. The stream is too new for a mean of its own.",
        },
        also="Seen with it: {notes}.",
        counter="The port's counter {counter} rose by {increase} within {minutes} minutes.",
        counter_note="{counter} +{increase}",
        maintenance="Expected: maintenance {ref} is going on here.",
        recommendations={
            P.PERFORMANCE_DEGRADATION: (
                "Read symbol_error and link_error_recovery of the path's ports; swap the cable that counts.",
                "Compare the routes and the load of the path's links with those of the day before the rise began.",
                "Check switch and HCA temperature, fan state and firmware for a change in that time.",
            ),
            P.ANOMALY_DETECTED: (
                "Compare with the jobs that started or ended on this stream's nodes in the last 15 minutes.",
                "Watch the next samples; act if latency or errors follow.",
            ),
            P.RESOURCE_SATURATION: (
                "Find the jobs that send most over this link and move or throttle the largest.",
                "Check that adaptive routing is on and that parallel links carry an equal share.",
                "Read port_xmit_wait along the path to find the link where packets wait for credits.",
                "If it stays above the bound for days, plan for more links on this path.",
            ),
            P.CONNECTION_INSTABILITY: (
                "Read link_downed and symbol_error at both ends of the link; the end that counts points at the part.",
                "Reseat or swap the cable and transceiver; then check that the counters stand still for an hour.",
                "Take the link out of routing until it has been stable, so that jobs do not stall on it.",
            ),
            P.PACKET_LOSS_DETECTED: (
                "Read the path's port_rcv_errors (points at a cable) and port_xmit_discards (points at congestion).",
                "Clean or swap the cable or transceiver of the port that counts errors.",
                "Where discards rise, find the sender that floods the receiver and slow it down.",
            ),
            P.LATENCY_SPIKE: (
                "Read port_xmit_wait along the path to find where packets wait for credits.",
                "Look for a slow receiver: a node that swaps, or whose HCA has lost PCIe lanes or speed.",
                "Check for an incast: many senders to one node at the same time.",
            ),
            P.BANDWIDTH_THROTTLING: (
                "Check the link's active width and speed against what it supports; retrain or reseat it if lower.",
                "Check the HCA's PCIe width and speed, and temperature throttling of switch and HCA.",
                "Check rate limits and service level settings that apply to this stream.",
            ),
            P.QP_ERROR_RATE_HIGH: (
                "Find the processes whose queue pairs went into error, and their first failed completion.",
                "Check that peers agree on MTU, partition key and retry settings.",
                "Look at the link below: receive errors or timeouts there come first.",
            ),
            P.MEMORY_REGISTRATION_FAILURE: (
                "Check the locked-memory limit (ulimit -l) and free memory of the process that registers.",
                "Check that no peer uses a memory key after its region was deregistered.",
                "Check the HCA's limits of memory regions and translation entries.",
            ),
            P.RDMA_TIMEOUT: (
                "Check that the peer is alive and that its port is active.",
                "Look for loss or congestion on the path; a late acknowledgement is usually a lost packet.",
                "Compare the queue pairs' timeout and retry settings with the round trip of the path.",
            ),
        },
    ),
    "ko": Wording(
        rules={
            "saturation": "사용률 {value}% — 한계 {bound}% 초과. 15분 평균 {baseline}%, 정상 범위 40~70%.",
            "latency": "P99 지연 {value}µs — 15분 평균 {baseline}µs 대비 {ratio}배. 기준값 {reference}µs 미만.",
            "loss": "오류율 {value}% — 15분 평균 {baseline}%, 기준값 0.1% 미만.",
            "qp": "한 표본에서 큐 페어 오류 {value}건 — 15분 평균 {baseline}건.",
            "throttling": "사용률 {utilization}%에서 대역폭 {value}Gbit/s — 이 부하의 평소보다 {share}% 부족. "
            "15분 평균 {baseline}Gbit/s.",
            "falls": "{minutes}분 동안 링크가 {falls}회 0으로 떨어졌습니다.",
            "down": "오류와 함께 링크가 {seconds}초 동안 0에 머물러 있습니다.",
            "slow": "P99 지연이 서서히 늘고 있습니다: 15분 평균 {value}µs, 최근 며칠 또는 몇 시간의 "
            "평소 수준 {baseline}µs 대비 {ratio}배. 기준값 {reference}µs 미만.",
            "load": "사용률 {value}% — 15분 평균 {baseline}% 대비 {ratio}배.",
            "inefficiency": "사용률 {utilization}%에서 대역폭 {value}Gbit/s — 이 부하의 평소보다 {share}% 부족. "
            "15분 평균 {baseline}Gbit/s.",
        },
        notes={
            "saturation": "사용률 {value}%",
            "latency": "P99 지연 {value}µs ({ratio}배)",
            "loss": "오류율 {value}%",
            "qp": "큐 페어 오류 {value}건",
            "throttling": "대역폭 {share}% 부족",
            "falls": "0으로 {falls}회 하락",
            "down": "{seconds}초 동안 0",
            "slow": "평균 지연 평소의 {ratio}배",
            "load": "사용률 평균의 {ratio}배",
            "inefficiency": "대역폭 {share}% 부족",
        },
        new={
            "saturation": "사용률 {value}% — 한계 {bound}% 초과, 정상 범위 40~70%. 아직 자체 평균 없음.",
            "loss": "오류율 {value}% — 기준값 0.1% 미만. 아직 자체 평균 없음.",
            "qp": "한 표본에서 큐 페어 오류 {value}건. 아직 자체 평균 없음.",
        },
        also="함께 나타난 현상: {notes}.",
        counter="포트 카운터 {counter}: {minutes}분 동안 {increase} 증가.",
        counter_note="{counter} +{increase}",
        maintenance="예상된 현상: 유지보수 진행 중({ref}).",
        recommendations={
            P.PERFORMANCE_DEGRADATION: (
                "경로 포트의 symbol_error와 link_error_recovery를 확인하고, 증가하는 쪽의 케이블을 교체하세요.",
                "경로와 링크 부하를 증가가 시작되기 전날과 비교하세요.",
                "그 기간에 스위치와 HCA의 온도, 팬 상태, 펌웨어가 바뀌었는지 확인하세요.",
            ),
            P.ANOMALY_DETECTED: (
                "최근 15분 동안 이 스트림의 노드에서 시작되거나 끝난 작업과 비교하세요.",
                "다음 표본을 지켜보고, 지연이나 오류가 뒤따르면 조치하세요.",
            ),
            P.RESOURCE_SATURATION: (
                "이 링크로 가장 많이 보내는 작업을 찾아 가장 큰 것을 옮기거나 제한하세요.",
                "적응형 라우팅이 켜져 있는지, 병렬 링크가 고르게 나누어 쓰이는지 확인하세요.",
                "경로를 따라 port_xmit_wait를 읽어 패킷이 크레딧을 기다리는 링크를 찾으세요.",
                "한계 초과가 며칠간 이어지면 이 경로의 링크 증설을 계획하세요.",
            ),
            P.CONNECTION_INSTABILITY: (
                "링크 양쪽 끝의 link_downed와 symbol_error를 확인하세요. 증가하는 쪽이 원인 부품을 가리킵니다.",
                "케이블과 트랜시버를 다시 꽂거나 교체하고, 한 시간 동안 카운터가 멈춰 있는지 확인하세요.",
                "안정될 때까지 링크를 라우팅에서 제외해 작업이 멈추지 않게 하세요.",
            ),
            P.PACKET_LOSS_DETECTED: (
                "경로의 port_rcv_errors(케이블 문제)와 port_xmit_discards(혼잡)를 확인하세요.",
                "오류가 증가하는 포트의 케이블이나 트랜시버를 청소하거나 교체하세요.",
                "폐기가 증가하면 수신 측을 압도하는 송신 측을 찾아 속도를 낮추세요.",
            ),
            P.LATENCY_SPIKE: (
                "경로를 따라 port_xmit_wait를 읽어 패킷이 크레딧을 기다리는 곳을 찾으세요.",
                "느린 수신 측을 찾으세요: 스왑 중인 노드, PCIe 레인이나 속도가 줄어든 HCA.",
                "인캐스트(여러 송신 측이 동시에 한 노드로 전송)가 있는지 확인하세요.",
            ),
            P.BANDWIDTH_THROTTLING: (
                "링크의 현재 폭과 속도를 지원 값과 비교하고, 낮으면 다시 연결하거나 재협상하세요.",
                "HCA의 PCIe 폭과 속도, 스위치와 HCA의 온도 제한을 확인하세요.",
                "이 스트림에 적용되는 속도 제한과 서비스 레벨 설정을 확인하세요.",
            ),
            P.QP_ERROR_RATE_HIGH: (
                "큐 페어가 오류 상태가 된 프로세스와 처음 실패한 완료 항목을 찾으세요.",
                "양쪽의 MTU, 파티션 키, 재시도 설정이 같은지 확인하세요.",
                "아래 링크를 확인하세요. 수신 오류나 타임아웃이 먼저 나타납니다.",
            ),
            P.MEMORY_REGISTRATION_FAILURE: (
                "등록하는 프로세스의 잠금 메모리 한도(ulimit -l)와 남은 메모리를 확인하세요.",
                "등록이 해제된 영역의 메모리 키를 쓰는 상대가 없는지 확인하세요.",
                "HCA의 메모리 영역과 변환 항목 한도를 확인하세요.",
            ),
            P.RDMA_TIMEOUT: (
                "상대 노드가 살아 있고 포트가 활성 상태인지 확인하세요.",
                "경로의 손실이나 혼잡을 확인하세요. 늦은 응답은 대개 잃어버린 패킷입니다.",
                "큐 페어의 타임아웃과 재시도 설정을 경로의 왕복 시간과 비교하세요.",
            ),
        },
    ),
}
_MOST_NOTES: Final = 3


def explain(verdict: Verdict, language: Language, maintenance: str | None = None) -> str:
    """Return one or two plain sentences with the numbers.

    Args:
        maintenance: what it is expected from, if it is; told instead of what else was seen.
    """
    words = WORDING[language]
    lead = _text(_template(words, verdict.lead), verdict.lead.rule, verdict.lead.facts)
    if maintenance is not None:
        return f"{lead} {words.maintenance.format(ref=maintenance)}"
    notes = [
        _text(words.notes.get(one.rule, words.counter_note), one.rule, one.facts)
        for one in verdict.others[:_MOST_NOTES]
    ]
    return f"{lead} {words.also.format(notes=', '.join(notes))}" if notes else lead


def _template(words: Wording, lead: Signal) -> str:
    if isnan(lead.facts.get("baseline", 0.0)):
        return words.new[lead.rule]
    return words.rules.get(lead.rule, words.counter)


def recommend(kind: P, language: Language) -> tuple[str, ...]:
    """Return two to four things to do."""
    return WORDING[language].recommendations[kind]


def number(value: float) -> str:
    """Write with three significant digits, whole from 100 on.

    >>> number(0.012345), number(7.0), number(12.345), number(123456.7)
    ('0.0123', '7', '12.3', '123457')
    """
    if value == 0 or isnan(value) or abs(value) >= 100:
        return f"{value:.0f}"
    digits = 2 - floor(log10(abs(value)))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(template: str, rule: str, facts: Mapping[str, float]) -> str:
    counter = KINDS[rule].kind if rule in KINDS else rule
    return template.format(counter=counter, **{name: number(value) for name, value in facts.items()})
