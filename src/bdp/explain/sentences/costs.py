"""Sentences about costs: how far they rose, what the rise is made of, and what speaks for each cause."""

from __future__ import annotations

from typing import Final

from bdp.model.noun import Language

COSTS: Final[dict[str, dict[Language, str]]] = {
    # What connects a change with a rise.
    "tie_resource": {
        "en": "It names {resource}, which costs more.",
        "ko": "변경 내용에 비용이 늘어난 리소스 {resource} 이름이 나옵니다.",
    },
    "tie_tag": {
        "en": "It is of what carries the tag {tag}, which costs more.",
        "ko": "비용이 늘어난 태그 {tag}에 해당하는 서비스의 변경입니다.",
    },
    "tie_region": {
        "en": "It names the region {region}, which costs more.",
        "ko": "변경 내용에 비용이 늘어난 리전 {region} 이름이 나옵니다.",
    },
    "tie_kind": {
        "en": "It names {kind}, of which more is billed.",
        "ko": "청구가 늘어난 {kind} 유형이 변경 내용에 나옵니다.",
    },
    "tie_billed": {"en": "It names {billed}.", "ko": "변경 내용에 {billed} 이름이 나옵니다."},
    # How far it rose.
    "on_day": {"en": " on {day}", "ko": "{day}에"},
    "on_days": {"en": " by day from {first} to {last}", "ko": "{first}부터 {last}까지 하루 평균"},
    "cost_nothing": {
        "en": "0 cost lines of {subject} are stored{when}.",
        "ko": "{when} {subject}의 비용 항목은 0건입니다.",
    },
    "cost_young": {
        "en": "{subject} cost {cost}{when}; there are too few days before to tell what is usual.",
        "ko": "{when} {subject} 비용은 {cost}입니다. 이전 일수가 적어 평소 수준을 알 수 없습니다.",
    },
    "cost_rise": {
        "en": "{subject} cost {cost}{when}, usually {cost_usual} (median of {days} days before, "
        "between {cost_usual_low} and {cost_usual_high}).",
        "ko": "{when} {subject} 비용은 {cost}이며 평소에는 {cost_usual}입니다(이전 {days}일의 중앙값, "
        "범위 {cost_usual_low} ~ {cost_usual_high}).",
    },
    "cost_rose": {
        "en": "{subject} cost {cost}{when}, usually {usual}: {difference} more{times}.",
        "ko": "{when} {subject} 비용은 {cost}, 평소 {usual}: {difference} 증가{times}.",
    },
    "cost_fell": {
        "en": "{subject} cost {cost}{when}, usually {usual}: {difference} less{times}.",
        "ko": "{when} {subject} 비용은 {cost}, 평소 {usual}: {difference} 감소{times}.",
    },
    "cost_times": {"en": ", {ratio} times as much", "ko": ", 평소의 {ratio}배"},
    "cost_extent": {"en": "{cost}{when} (usually {usual})", "ko": "{when} {cost}(평소 {usual})"},
    "cost_extent_young": {"en": "{cost}{when}", "ko": "{when} {cost}"},
    # What is wrong with the data.
    "cost_currencies": {
        "en": "It is billed in more than one currency: {currencies}.",
        "ko": "두 가지 이상의 통화로 청구됩니다: {currencies}.",
    },
    "cost_partial": {
        "en": "{day} is not complete yet: {lines} cost lines, usually {usual}.",
        "ko": "{day} 데이터가 아직 완전하지 않습니다: 비용 항목 {lines}건, 평소 {usual}건.",
    },
    "cost_gaps": {
        "en": "{count} of the days have no cost line, the first is {first}.",
        "ko": "비용 항목이 없는 날이 {count}일 있으며, 첫 날은 {first}입니다.",
    },
    # What it is made of.
    "cost_of_usage_type": {"en": "usage type {part}", "ko": "사용 유형 {part}"},
    "cost_of_resource": {"en": "resource {part}", "ko": "리소스 {part}"},
    "cost_of_region": {"en": "region {part}", "ko": "리전 {part}"},
    "cost_of_charge_category": {"en": "charge category {part}", "ko": "청구 구분 {part}"},
    "cost_of_tag": {"en": "tag {part}", "ko": "태그 {part}"},
    "cost_of_account": {"en": "account {part}", "ko": "계정 {part}"},
    "cost_of_service": {"en": "service {part}", "ko": "서비스 {part}"},
    "cost_part": {
        "en": "{what}: {cost}, usually {usual}; {share} of the rise.",
        "ko": "{what}: {cost}, 평소 {usual}; 증가분의 {share}.",
    },
    "cost_part_new": {
        "en": "{what}: {cost}, usually {usual}; {share} of the rise, with no cost before.",
        "ko": "{what}: {cost}, 평소 {usual}; 증가분의 {share}, 이전에는 비용 없음.",
    },
    "cost_part_fell": {
        "en": "{what} fell by {change} to {cost}, usually {usual}; {share} of the rise.",
        "ko": "{what} 비용은 평소 {usual}에서 {cost}로 {change} 감소; 증가분의 {share} 규모.",
    },
    "cost_new_resource": {
        "en": "{count} new resources: {cost} together; {share} of the rise.",
        "ko": "새 리소스 {count}개: 합계 {cost}; 증가분의 {share}.",
    },
    "cost_new_usage_type": {
        "en": "{count} new usage types: {cost} together; {share} of the rise.",
        "ko": "새 사용 유형 {count}개: 합계 {cost}; 증가분의 {share}.",
    },
    "cost_new_service": {
        "en": "{count} new services: {cost} together; {share} of the rise.",
        "ko": "새 서비스 {count}개: 합계 {cost}; 증가분의 {share}.",
    },
    "cost_new_region": {
        "en": "{count} new regions: {cost} together; {share} of the rise.",
        "ko": "새 리전 {count}개: 합계 {cost}; 증가분의 {share}.",
    },
    "cost_new_charge_category": {
        "en": "{count} new charge categories: {cost} together; {share} of the rise.",
        "ko": "새 청구 구분 {count}개: 합계 {cost}; 증가분의 {share}.",
    },
    "cost_new_tag": {
        "en": "{count} new tags: {cost} together; {share} of the rise.",
        "ko": "새 태그 {count}개: 합계 {cost}; 증가분의 {share}.",
    },
    "cost_all_accounts": {
        "en": "{part} over all accounts: {cost}, usually {usual}.",
        "ko": "모든 계정의 {part} 합계: {cost}, 평소 {usual}.",
    },
    "cost_all_services": {
        "en": "account {part} over all services: {cost}, usually {usual}.",
        "ko": "계정 {part}의 모든 서비스 합계: {cost}, 평소 {usual}.",
    },
    # Price or use.
    "cost_prices": {
        "en": "Billed cost {billed_cost}, usually {billed_cost_usual}; "
        "effective cost {effective_cost}, usually {effective_cost_usual}.",
        "ko": "청구 비용 {billed_cost}, 평소 {billed_cost_usual}; "
        "유효 비용 {effective_cost}, 평소 {effective_cost_usual}.",
    },
    "cost_prices_of_use": {
        "en": "Of its use, billed cost {billed_cost}, usually {billed_cost_usual}; "
        "effective cost {effective_cost}, usually {effective_cost_usual}.",
        "ko": "사용분만 보면 청구 비용 {billed_cost}, 평소 {billed_cost_usual}; "
        "유효 비용 {effective_cost}, 평소 {effective_cost_usual}.",
    },
    # What changed.
    "cost_change_before": {
        "en": "{kind} {ref} of {service} took effect at {time} UTC, before the rise.",
        "ko": "{service}의 {kind} {ref} 적용 시각은 {time} UTC로, 비용 증가 전입니다.",
    },
    "cost_change_during": {
        "en": "{kind} {ref} of {service} took effect at {time} UTC, after the rise had begun or on its first day.",
        "ko": "{service}의 {kind} {ref} 적용 시각은 {time} UTC로, 비용이 증가한 첫날 또는 그 이후입니다.",
    },
    "cost_no_change": {
        "en": "None of {seen} changes since {days} days before is connected with it.",
        "ko": "{days}일 전부터의 변경 {seen}건 중 연관된 것은 없습니다.",
    },
    # What is missing.
    "cost_missing": {"en": "the store has no cost of it for that time", "ko": "해당 시간의 비용 데이터가 없음"},
    "cost_too_young": {
        "en": "fewer than {least} days before to tell what is usual",
        "ko": "이전 데이터가 {least}일 미만이어서 평소 수준을 알 수 없음",
    },
    "cost_no_rise": {
        "en": "what it cost is within the spread of the days before",
        "ko": "이전 날들의 변동 범위 안에 있음",
    },
    "cost_not_singled_out": {
        "en": "no part of the bill and no change stands out",
        "ko": "두드러진 청구 항목이나 변경이 없음",
    },
    "cost_not_enough": {
        "en": "what the bill shows is not enough for a known cause",
        "ko": "청구 내역만으로는 알려진 원인이라고 하기에 부족함",
    },
}
