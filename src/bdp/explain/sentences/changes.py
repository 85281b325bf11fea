"""Sentences about changes: when they took effect, what they do, and what speaks for and against each."""

from __future__ import annotations

from typing import Final

from bdp.model.noun import Language

CHANGES: Final[dict[str, dict[Language, str]]] = {
    "kind_deploy": {"en": "deploy", "ko": "배포"},
    "kind_commit": {"en": "commit", "ko": "커밋"},
    "kind_flag": {"en": "flag", "ko": "플래그"},
    "kind_config": {"en": "config", "ko": "설정"},
    "kind_maintenance": {"en": "maintenance", "ko": "점검"},
    "no_changes": {
        "en": "0 changes are recorded in the {minutes} min before the onset.",
        "ko": "장애 시작 전 {minutes}분 동안 기록된 변경은 0건입니다.",
    },
    "change": {
        "en": "{kind} {ref} of {service} {time} before the onset.",
        "ko": "{service}의 {kind} {ref}: 장애 시작 {time} 전.",
    },
    "took_effect_of": {
        "en": "{kind} {ref} of {service} took effect {time} before the onset.",
        "ko": "{service}의 {kind} {ref} 적용 시점은 장애 시작 {time} 전입니다.",
    },
    "maintenance_began": {
        "en": "Maintenance {ref} of {service} began {time} before the onset.",
        "ko": "{service}의 점검 {ref} 시작 시점은 장애 시작 {time} 전입니다.",
    },
    "took_effect_before": {
        "en": "{kind} {ref} took effect {time} before the failure began.",
        "ko": "{kind} {ref} 적용 시점은 장애 시작 {time} 전입니다.",
    },
    "took_effect_after": {
        "en": "{kind} {ref} took effect {time} after the failure began.",
        "ko": "{kind} {ref} 적용 시점은 장애 시작 {time} 후입니다.",
    },
    "tested_before": {
        "en": "{kind} {ref} ({summary}) took effect {time} before the failure began.",
        "ko": "{kind} {ref}({summary}) 적용 시점은 장애 시작 {time} 전입니다.",
    },
    "tested_after": {
        "en": "{kind} {ref} ({summary}) took effect {time} after the failure began.",
        "ko": "{kind} {ref}({summary}) 적용 시점은 장애 시작 {time} 후입니다.",
    },
    "alters": {
        "en": "It alters {setting} from {old} to {new}.",
        "ko": "이 변경으로 {setting} 값이 바뀌었습니다: {old} → {new}.",
    },
    "does": {"en": "It {effect}: {line}.", "ko": "이 변경은 {effect}: {line}."},
    "is_to_blame": {
        "en": "{kind} {ref} ({summary}) is to blame.",
        "ko": "원인 변경 가설: {kind} {ref}({summary}).",
    },
    # What speaks for a change.
    "brings_about": {
        "en": "It {effect} ({line}), which can bring about {fault}.",
        "ko": "이 변경은 {effect}({line}). 이는 {fault} 문제로 이어질 수 있습니다.",
    },
    "flag_switched": {"en": "The flag {ref} was switched {way}.", "ko": "플래그 {ref} 전환: {way}."},
    "since_flag": {
        "en": "It runs since the flag {flag} was switched.",
        "ko": "플래그 {flag} 전환 이후 실행됩니다.",
    },
    "diff_names": {
        "en": "Its diff names what the failure names.",
        "ko": "변경 내용(diff)에 장애에서 언급된 이름이 나옵니다.",
    },
    "failure_names": {
        "en": "The failure names what it changes.",
        "ko": "장애에서 이 변경이 고친 부분이 언급됩니다.",
    },
    "signal_stepped": {
        "en": "A signal stepped when it took effect.",
        "ko": "적용 시점에 지표가 급변했습니다.",
    },
    "metric_stepped": {
        "en": "A metric went from its old value to its new one.",
        "ko": "지표가 변경 전 값에서 변경 후 값으로 바뀌었습니다.",
    },
    "in_shared_code": {
        "en": "It is in code that services share.",
        "ko": "여러 서비스가 함께 쓰는 코드의 변경입니다.",
    },
    "runs_in_first": {
        "en": "It runs in {first}, which failed first.",
        "ko": "가장 먼저 실패한 {first}에서 실행됩니다.",
    },
    "may_run_in_first": {
        "en": "It may run in {first}, which failed first.",
        "ko": "가장 먼저 실패한 {first}에서 실행될 수 있습니다.",
    },
    "runs_in_caller": {
        "en": "It runs in {service}, which calls {first}.",
        "ko": "{first} 서비스를 호출하는 {service}에서 실행됩니다.",
    },
    "runs_in_callee": {
        "en": "It runs in {service}, which {first} calls.",
        "ko": "{first}에서 호출하는 {service}에서 실행됩니다.",
    },
    "runs_in_hit": {
        "en": "It runs in {service}, which failed as well.",
        "ko": "함께 실패한 {service}에서 실행됩니다.",
    },
    # What speaks against it.
    "too_late": {
        "en": "It took effect after the failure began.",
        "ko": "장애가 시작된 뒤에 적용되었습니다.",
    },
    "runs_elsewhere": {
        "en": "It runs where nothing failed.",
        "ko": "실패가 없었던 곳에서 실행됩니다.",
    },
    "cannot_cause": {
        "en": "Nothing that it does can bring this failure about.",
        "ko": "이 변경의 어떤 내용도 이 장애를 일으킬 수 없습니다.",
    },
    "not_known": {"en": "What it changes is not known.", "ko": "무엇을 바꾸는지 알 수 없습니다."},
    "after_first_sign": {
        "en": "It took effect after the first clear sign of the trouble.",
        "ko": "첫 뚜렷한 이상 징후가 나타난 뒤에 적용되었습니다.",
    },
    "hardly_fits": {
        "en": "What it does explains little of what shows itself.",
        "ko": "변경 내용으로는 나타난 증상을 거의 설명할 수 없습니다.",
    },
    "not_in_first": {
        "en": "It does not run in {first}, which failed first.",
        "ko": "가장 먼저 실패한 {first}에서 실행되지 않습니다.",
    },
    "ran_long": {
        "en": "It had run for {time} before the failure began.",
        "ko": "장애 시작까지 {time} 동안 문제없이 실행되었습니다.",
    },
    "no_step": {
        "en": "No signal stepped when it took effect.",
        "ko": "적용 시점에 급변한 지표가 없습니다.",
    },
    "nothing_names_it": {
        "en": "Nothing that failed names what it changes.",
        "ko": "장애에서 이 변경이 고친 부분이 언급되지 않습니다.",
    },
    "not_shipped": {
        "en": "No deploy is known that carried it.",
        "ko": "이 변경을 포함한 배포가 확인되지 않습니다.",
    },
    "explained_by": {
        "en": "{kind} {ref} explains the failure better.",
        "ko": "이 장애는 {kind} {ref} 쪽이 더 잘 설명합니다.",
    },
    "outer_explains": {
        "en": "Without a change there is a clearer cause: {fault}.",
        "ko": "변경과 무관한 더 뚜렷한 원인이 있습니다: {fault}.",
    },
    "not_clear_enough": {
        "en": "Not enough speaks for it to name it.",
        "ko": "원인으로 지목할 만큼 근거가 충분하지 않습니다.",
    },
    "no_code": {"en": "It changes no code that runs.", "ko": "실행되는 코드를 바꾸지 않습니다."},
    "alters_nothing": {
        "en": "Its diff alters no setting, bound, check, lock, query or call.",
        "ko": "변경 내용(diff)이 설정, 한도, 검사, 잠금, 쿼리, 호출을 바꾸지 않습니다.",
    },
}
