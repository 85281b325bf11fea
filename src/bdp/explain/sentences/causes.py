"""Sentences about causes: what is named, what is missing, what speaks against it, how far to trust it."""

from __future__ import annotations

from typing import Final

from bdp.model.noun import Language

CAUSES: Final[dict[str, dict[Language, str]]] = {
    # The whole.
    "not_known_cause": {
        "en": "The cause of the trouble of {subject} is not known: {missing}.",
        "ko": "{subject}에서 발생한 문제의 원인은 아직 알 수 없습니다: {missing}.",
    },
    "seen_at": {"en": "It is seen at {place}.", "ko": "{place}에서 나타납니다."},
    "seen_at_by": {"en": "It is seen at {place}, by {ref}.", "ko": "{place}에서 나타나며 원인 변경은 {ref}입니다."},
    "confirmed": {"en": "Confirmed: {cause}.", "ko": "확정: {cause}."},
    "likely": {"en": "Likely: {cause}.", "ko": "유력: {cause}."},
    "summary": {"en": "{place}: {short}", "ko": "{place}: {short}"},
    "likely_summary": {"en": "{place}: likely {short}", "ko": "{place}: {short} (유력)"},
    "cited": {"en": "{text} [{evidence}]", "ko": "{text} [{evidence}]"},
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
    "came_first": {"en": "told before: {later}", "ko": "먼저 나타난 뒤 이어짐: {later}"},
    "follows_from": {
        "en": "It followed from what was told before it: {earlier}.",
        "ko": "먼저 나타난 원인의 결과입니다: {earlier}.",
    },
    "rose": {"en": "{metric} of {entity} rose", "ko": "{entity}의 {metric} 상승"},
    "fell": {"en": "{metric} of {entity} fell", "ko": "{entity}의 {metric} 하락"},
    "shows_nothing": {"en": "Nothing of it shows itself.", "ko": "이를 보여 주는 징후가 없습니다."},
    "no_words": {"en": "No message says so.", "ko": "이를 말하는 메시지가 없습니다."},
    "no_metric": {"en": "No metric that would show it moved.", "ko": "이를 보여 줄 지표가 움직이지 않았습니다."},
    "no_structure": {"en": "Traces do not show it.", "ko": "트레이스에 나타나지 않습니다."},
    "need_absent": {"en": "What it always comes with is not there.", "ko": "항상 함께 나타나는 징후가 없습니다."},
    "needs_change": {
        "en": "It takes a change to bring it about, and none is found that could.",
        "ko": "변경이 있어야 일어나는 일인데, 그럴 만한 변경이 없습니다.",
    },
    "less_clear": {
        "en": "It shows itself less clearly than another cause: {cause}.",
        "ko": "다른 원인이 더 뚜렷하게 나타납니다: {cause}.",
    },
    "few_show_it": {
        "en": "Only {events} of {total} abnormal events ({share}) show signs of it.",
        "ko": "비정상 이벤트 {total}건 중 {events}건({share})에만 그 징후가 있습니다.",
    },
    "none_shows_it": {"en": "No abnormal event shows a sign of it.", "ko": "그 징후가 있는 비정상 이벤트가 없습니다."},
    "fits_better": {
        "en": "What was found fits another cause better: {cause}.",
        "ko": "확인된 내용은 다른 원인에 더 잘 들어맞습니다: {cause}.",
    },
    "not_named_for": {"en": "It is not named: {missing}.", "ko": "원인으로 지목하지 않은 이유: {missing}."},
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
