"""Sentences of evidence, and of the claims that rest on it."""

from __future__ import annotations

from typing import Final

from bdp.model.noun import Language

FACTS: Final[dict[str, dict[Language, str]]] = {
    "from_to": {"en": ", from {first} to {last}", "ko": ", {first}부터 {last}까지"},
    "at_least": {"en": "At least ", "ko": "최소 "},
    # How many abnormal events there are.
    "count": {
        "en": "{events:abnormal event} of {subject} in {length}{when}; {before} in the {length} before.",
        "ko": "{subject}에서 {length} 동안 비정상 이벤트 {events}건{when}; 그 전 같은 기간에는 {before}건.",
    },
    "all_services": {"en": "all services", "ko": "전체 서비스"},
    "had_events": {
        "en": "{subject} had {events} abnormal events{when}, against {before} in the {length} before.",
        "ko": "{subject}에서 비정상 이벤트 {events}건이 발생했으며{when}, 그 전 {length}에는 {before}건이었습니다.",
    },
    "surge": {
        "en": "{events:abnormal event} in {length}, against {before} in the {length} before.",
        "ko": "{length} 동안 비정상 이벤트 {events}건이 발생했으며, 그 전 같은 기간에는 {before}건이었습니다.",
    },
    "much": {"en": "{events:abnormal event}", "ko": "비정상 이벤트 {events}건"},
    # What they say.
    "template": {
        "en": "{least}{events:event} of {total} ({share}) {events:reads/read} {template}{when}.",
        "ko": "이벤트 {total}건 중 {least}{events}건({share})의 메시지: {template}{when}.",
    },
    "reads": {
        "en": "{least}{events} of {total} abnormal events ({share}) {events:reads/read} {template}{when}.",
        "ko": "비정상 이벤트 {total}건 중 {least}{events}건({share})의 메시지는 {template}입니다{when}.",
    },
    "sign": {
        "en": "{events:event} of {total} ({share}) {events:shows/show} signs of {mechanism}.",
        "ko": "이벤트 {total}건 중 {events}건({share})에 {mechanism} 징후가 있습니다.",
    },
    "shows_sign": {
        "en": "{events} of {total} abnormal events ({share}) {events:shows/show} signs of {mechanism}.",
        "ko": "비정상 이벤트 {total}건 중 {events}건({share})에 {mechanism} 징후가 있습니다.",
    },
    # Who is behind them.
    "addressed": {
        "en": "{events:abnormal event} {events:carries/carry} an address: {addresses:distinct address} and "
        "{users:distinct user}.",
        "ko": "주소가 있는 비정상 이벤트는 {events}건입니다: 서로 다른 주소 {addresses}개, 사용자 {users}명.",
    },
    "top_addresses": {
        "en": "Addresses with most of {total:abnormal event}: {parts}.",
        "ko": "비정상 이벤트 {total}건, 가장 많은 주소: {parts}.",
    },
    "top_address": {"en": "{address} {events:event} ({share})", "ko": "{address} {events}건({share})"},
    "alone": {
        "en": "{address} alone causes {events} of {total} abnormal events ({share}).",
        "ko": "{address} 단독으로 비정상 이벤트 {total}건 중 {events}건({share})을 일으켰습니다.",
    },
    "alone_of_addressed": {
        "en": "{address} alone causes {events} of {total} abnormal events ({share}), {part} of the {addressed} with an "
        "address.",
        "ko": "{address} 단독으로 비정상 이벤트 {total}건 중 {events}건({share})을 일으켰으며, 주소가 있는 "
        "{addressed}건의 {part}입니다.",
    },
    "many_users": {
        "en": "{users:distinct user} are tried from {addresses:distinct address}.",
        "ko": "서로 다른 주소 {addresses}개에서 사용자 {users}명에 대한 시도가 있었습니다.",
    },
    "aftermath": {"en": "{who}{happened} ({events:event})", "ko": "{who}{happened} (이벤트 {events}건)"},
    "no_aftermath": {
        "en": "{absent} (0 events; at least {failures} failures).",
        "ko": "{absent} (이벤트 0건; 실패 {failures}건 이상).",
    },
    "value": {
        "en": "{field} {value}: {events} of {total} abnormal events ({share}), {usual} of {normal} normal events.",
        "ko": "{field} {value}: 비정상 이벤트 {total}건 중 {events}건({share}), 정상 이벤트 {normal}건 중 {usual}건.",
    },
    # Where it begins, and who suffers.
    "fails_first": {
        "en": "In {first} of {traces:trace} {service} fails first.",
        "ko": "트레이스 {traces}개 중 {first}개에서 {service}의 실패가 가장 먼저 나타납니다.",
    },
    "fail_with_it": {
        "en": "{services:other service} {services:fails/fail} with it, by shared traces or the same error: {parts}.",
        "ko": "트레이스나 오류가 같은 다른 서비스 {services}개도 함께 실패합니다: {parts}.",
    },
    "fails_with_it": {"en": "{service} {events:event}", "ko": "{service} 이벤트 {events}건"},
    "none_fails_with_it": {
        "en": "0 other services fail with it, by shared traces or the same error.",
        "ko": "트레이스나 오류가 같으면서 함께 실패하는 다른 서비스는 0개입니다.",
    },
    # How metrics went.
    "a_second": {"en": "{value} a second", "ko": "초당 {value}"},
    "series": {"en": "{metric} of {entity}", "ko": "{entity}의 {metric}"},
    "series_labelled": {"en": "{metric} of {entity} with {labels}", "ko": "{entity}의 {metric}({labels})"},
    "was_between": {
        "en": "{series} was between {low} and {high}",
        "ko": "{series} 값은 최저 {low}, 최고 {high}입니다",
    },
    "grew": {
        "en": "{series} rose by {rise}, at most {extreme} at {at}, against a usual {usual}{times}",
        "ko": "{series} 값이 {rise} 증가했으며, {at}에 최대 {extreme}입니다(평소 {usual}{times})",
    },
    "reached": {
        "en": "{series} reached {extreme} at {at}, against a usual level of {usual}{times}",
        "ko": "{series} 값이 {at}에 {extreme}까지 도달했습니다(평소 수준 {usual}{times})",
    },
    "fell_to": {
        "en": "{series} fell to {extreme} at {at}, against a usual level of {usual}{times}",
        "ko": "{series} 값이 {at}에 {extreme}까지 내려갔습니다(평소 수준 {usual}{times})",
    },
    "times": {"en": ": {ratio} times", "ko": ", {ratio}배"},
    "course": {
        "en": "{told} ({context}; {points} points in the stretch).",
        "ko": "{told}. {context}; 구간의 측정값 {points}개.",
    },
    "usual_range": {
        "en": "usual range {low} to {high} in the {before} before, from {points} points",
        "ko": "그 전 {before} 동안의 평소 범위 {low} ~ {high}(측정값 {points}개)",
    },
    "too_few_points": {
        "en": "{points} points in the {before} before, too few to know what is usual",
        "ko": "그 전 {before} 동안의 측정값이 {points}개뿐이어서 평소 수준을 알 수 없음",
    },
    "up_to": {"en": "{metric} up to {extreme} (usually {usual})", "ko": "{metric} {extreme}까지 상승(평소 {usual})"},
    "down_to": {
        "en": "{metric} down to {extreme} (usually {usual})",
        "ko": "{metric} {extreme}까지 하락(평소 {usual})",
    },
    "none_moved": {
        "en": "no metric clearly beyond its usual range",
        "ko": "평소 범위를 뚜렷이 벗어난 지표 없음",
    },
    "work_fell": {
        "en": "{metric} is at {level} in the middle, usually at {usual}.",
        "ko": "{metric}의 중앙값은 {level}, 평소 수준은 {usual}입니다.",
    },
    "rose_from": {
        "en": "{metric} of {entity} rose from {before} to {after} from {at} on.",
        "ko": "{entity}의 {metric} 값이 {at}부터 {before}에서 {after}까지 상승했습니다.",
    },
    "fell_from": {
        "en": "{metric} of {entity} fell from {before} to {after} from {at} on.",
        "ko": "{entity}의 {metric} 값이 {at}부터 {before}에서 {after}까지 하락했습니다.",
    },
    "events_since": {
        "en": "{service} had {events} abnormal events from {at} to {last}.",
        "ko": "{service}에서 {at}부터 {last}까지 비정상 이벤트 {events}건이 발생했습니다.",
    },
    # What is odd.
    "external": {
        "en": "Failing calls go to {who}, which is no service here.",
        "ko": "실패한 호출의 대상은 외부 서비스 {who}입니다.",
    },
    "retried": {
        "en": "{spans:span} {spans:is a retry/are retries}.",
        "ko": "재시도 스팬이 {spans}개 있습니다.",
    },
    "fan_out": {
        "en": "One request makes {calls:call} of {operation} to {service}.",
        "ko": "요청 하나에서 {service}의 {operation} 호출이 {calls}회 일어납니다.",
    },
    "traffic_rose": {
        "en": "{metric} of {entity} rose from {before} to {after}.",
        "ko": "{entity}의 {metric} 값이 {before}에서 {after}까지 상승했습니다.",
    },
    "same_again": {
        "en": "{events} of {total:abnormal event} of {service} are about {key} {value}.",
        "ko": "{service}의 비정상 이벤트 {total}건 중 {events}건이 {key} {value}에 관한 것입니다.",
    },
}
