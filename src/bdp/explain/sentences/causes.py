"""Sentences about causes: what is named, what is missing, what speaks against it, how far to trust it."""

from __future__ import annotations

from typing import Final

from bdp.model.noun import Language

CAUSES: Final[dict[str, dict[Language, str]]] = {
    # The whole.
    "not_known_cause": {
        "en": "The cause of the trouble of {subject} is not known: {missing}. Known so far: {known}",
        "ko": "{subject}에서 발생한 문제의 원인은 아직 알 수 없습니다: {missing}. 지금까지 확인된 내용: {known}",
    },
    "nothing_checked": {"en": "nothing that could be checked.", "ko": "확인할 수 있는 내용 없음."},
    "confirmed": {"en": "Confirmed: {cause}. {facts}", "ko": "확정: {cause}. {facts}"},
    "likely": {"en": "Likely: {cause}. {facts}", "ko": "유력: {cause}. {facts}"},
    "summary": {"en": "{place}: {short}", "ko": "{place}: {short}"},
    "likely_summary": {"en": "{place}: likely {short}", "ko": "{place}: {short} (유력)"},
    "cited": {"en": "{text} [{evidence}].", "ko": "{text} [{evidence}]."},
    # What playbooks say.
    "named": {"en": "{title} at {subject}: {mechanism}", "ko": "{subject}에서 나타난 {title}: {mechanism}"},
    "titled": {"en": "{title}: {mechanism}", "ko": "{title}: {mechanism}"},
    "short": {"en": "{title}, {much}", "ko": "{title}, {much}"},
    "short_not_known": {"en": "{much}, cause not known", "ko": "{much}, 원인 미상"},
    "short_by": {"en": "{short}, by {ref}", "ko": "{short}, 원인 변경 {ref}"},
    "brought_about": {"en": "{cause}, brought about by {ref}", "ko": "{cause}, 원인 변경 {ref}"},
    "carrier_does_not_hold": {
        "en": "the claim that carries the cause does not hold",
        "ko": "원인을 뒷받침하는 주장이 성립하지 않음",
    },
    "no_points": {
        "en": "the store has no point of its metrics and no abnormal event for that time",
        "ko": "해당 시간의 지표 측정값과 비정상 이벤트가 없음",
    },
    "few_events": {"en": "fewer than {least} abnormal events", "ko": "비정상 이벤트가 {least}건 미만"},
    "no_sign": {
        "en": "no known sign of a cause in messages and error codes",
        "ko": "메시지와 오류 코드에 알려진 원인의 징후가 없음",
    },
    "none_fits": {
        "en": "no known cause fits enough of the events",
        "ko": "이벤트를 충분히 설명하는 알려진 원인이 없음",
    },
    "few_points": {
        "en": "fewer than {least} points before the onset to tell what is usual",
        "ko": "시작 전 측정값이 {least}개 미만이어서 평소 수준을 알 수 없음",
    },
    "no_metric_moved": {
        "en": "no metric of it went clearly beyond its usual range",
        "ko": "평소 범위를 뚜렷이 벗어난 지표가 없음",
    },
    "metrics_tell_nothing": {
        "en": "its metrics moved in no way that tells a known cause",
        "ko": "지표의 움직임이 알려진 원인과 맞지 않음",
    },
    "metrics_not_enough": {
        "en": "what its metrics show is not enough for a known cause",
        "ko": "지표만으로는 알려진 원인이라고 하기에 부족함",
    },
    "tie": {
        "en": "{one} and {other} fit about equally well",
        "ko": "{one}, {other} 가설의 적합도가 비슷함",
    },
    "not_shown": {"en": "the evidence does not show it", "ko": "근거가 보여 주지 않음"},
    "more_specific": {
        "en": "The more specific {other} fits the same events.",
        "ko": "더 구체적인 {other} 가설이 같은 이벤트에 들어맞습니다.",
    },
    # What the inquest says.
    "unknown_fault": {"en": "a failure of no known kind", "ko": "알려지지 않은 종류의 장애"},
    "first_only": {
        "en": "cause not known, first failing {first}",
        "ko": "원인 미상, 최초 실패 서비스 {first}",
    },
    "fault_by_change": {
        "en": "{fault} at {first}, brought about by {kind} {ref}",
        "ko": "{first}에서 나타난 {fault}, 원인 변경은 {kind} {ref}",
    },
    "fault_alone": {
        "en": "{fault}, seen first at {first}; no change is to blame",
        "ko": "{first}에서 처음 나타난 {fault}; 원인이 된 변경 없음",
    },
    "fault_unexplained": {
        "en": "{fault}, seen first at {first}; no change and no outer cause explains what brought it about",
        "ko": "{first}에서 처음 나타난 {fault}; 이를 설명하는 변경이나 외부 원인 없음",
    },
    "short_by_change": {"en": "{fault}, by {kind} {ref}", "ko": "{fault}, 원인 변경 {kind} {ref}"},
    "short_alone": {"en": "{fault}, no change is to blame", "ko": "{fault}, 원인이 된 변경 없음"},
    "short_unexplained": {"en": "{fault}, no change explains it", "ko": "{fault}, 이를 설명하는 변경 없음"},
    "unexplained": {
        "en": "no change and no outer cause explains it well enough",
        "ko": "충분히 설명하는 변경이나 외부 원인이 없음",
    },
    "looks_like": {
        "en": "it looks like {fault}, but no change and no outer cause explains it well enough",
        "ko": "양상은 {fault}에 가까우나, 충분히 설명하는 변경이나 외부 원인이 없음",
    },
    "fault": {"en": "{fault}. {reasons}", "ko": "{fault}. {reasons}"},
    "says": {"en": "{service} says: {text}", "ko": "{service}의 메시지: {text}"},
    "alert_says": {"en": "the alert says so", "ko": "경보 내용에 나타남"},
    "title_says": {"en": "the incident's title says so", "ko": "인시던트 제목에 나타남"},
    "spans_say": {"en": "failing spans say so", "ko": "실패한 스팬에 나타남"},
    "rose": {"en": "{metric} of {entity} rose", "ko": "{entity}의 {metric} 상승"},
    "fell": {"en": "{metric} of {entity} fell", "ko": "{entity}의 {metric} 하락"},
    "shows_nothing": {"en": "Nothing of it shows itself.", "ko": "이를 보여 주는 징후가 없습니다."},
    "change_explains": {
        "en": "A change explains the failure better.",
        "ko": "변경이 이 장애를 더 잘 설명합니다.",
    },
    # How far to trust it.
    "reasoning": {
        "en": "Evidence {strength}, match {match}, risk {risk}; weighed {raw}{limit}: {score}.",
        "ko": "근거 {strength}, 일치도 {match}, 위험 {risk}; 가중 점수 {raw}{limit}: {score}.",
    },
    "capped": {"en": ", capped by {caps}", "ko": ", 상한 {caps}"},
    "cap": {"en": "{why} ({cap})", "ko": "{why} ({cap})"},
    "caps": {"en": "{one} and {other}", "ko": "{one} 및 {other}"},
    "cap_grounding": {"en": "grounding", "ko": "근거율"},
    "cap_verdict": {"en": "verdict {verdict}", "ko": "판정 {verdict}"},
    "cap_repeated": {"en": "repeats a tried action", "ko": "이미 시도한 조치의 반복"},
    "strong": {"en": "strong", "ko": "강함"},
    "moderate": {"en": "moderate", "ko": "보통"},
    "weak": {"en": "weak", "ko": "약함"},
    "CONFIRMED": {"en": "CONFIRMED", "ko": "확정"},
    "LIKELY": {"en": "LIKELY", "ko": "유력"},
    "INCONCLUSIVE": {"en": "INCONCLUSIVE", "ko": "판단 보류"},
    "match_CONFIRMED": {"en": "exact", "ko": "정확"},
    "match_LIKELY": {"en": "partial", "ko": "부분"},
    "match_INCONCLUSIVE": {"en": "inferred", "ko": "추정"},
    "risk_medium": {"en": "medium", "ko": "보통"},
    "risk_low": {"en": "low", "ko": "낮음"},
    "more_evidence": {
        "en": "Gather more evidence: fewer than three facts carry the claims.",
        "ko": "근거를 더 모으세요: 주장을 뒷받침하는 근거가 세 개 미만입니다.",
    },
    "look_at_rivals": {
        "en": "Look again at rival causes: the lead is small or something speaks against it.",
        "ko": "다른 원인을 다시 살펴보세요: 차이가 작거나 반대 근거가 있습니다.",
    },
    "name_actions": {
        "en": "Name concrete actions with their parameters.",
        "ko": "매개변수를 포함한 구체적인 조치를 제시하세요.",
    },
    "propose_other": {
        "en": "Propose something other than what was tried.",
        "ko": "이미 시도한 것과 다른 조치를 제시하세요.",
    },
    "mend_claims": {
        "en": "Strike or mend claims that their evidence does not carry.",
        "ko": "근거가 뒷받침하지 않는 주장을 삭제하거나 고치세요.",
    },
}
