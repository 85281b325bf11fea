"""Every fixed sentence of a briefing, in English and Korean. Text that telemetry brought is never translated."""

from __future__ import annotations

from bdp.model.noun import Language

SENTENCES: dict[str, dict[Language, str]] = {
    "title_day": {"en": "Daily briefing, {day}", "ko": "일일 브리핑, {day}"},
    "title_stretch": {"en": "Briefing, {start} to {end} UTC", "ko": "브리핑, {start} ~ {end} UTC"},
    "lead": {
        "en": "{abnormal} of {events} events were abnormal; {incidents}.",
        "ko": "이벤트 {events}건 중 {abnormal}건이 비정상이었고, {incidents}.",
    },
    "incidents_none": {"en": "there was no incident", "ko": "인시던트는 없었습니다"},
    "incidents_one": {"en": "there was 1 incident ({statuses})", "ko": "인시던트가 1건 있었습니다 ({statuses})"},
    "incidents_many": {
        "en": "there were {count} incidents ({statuses})",
        "ko": "인시던트가 {count}건 있었습니다 ({statuses})",
    },
    "lead_waiting_one": {"en": "1 question waits for you.", "ko": "답변을 기다리는 승인 요청이 1건 있습니다."},
    "lead_waiting_many": {
        "en": "{count} questions wait for you.",
        "ko": "답변을 기다리는 승인 요청이 {count}건 있습니다.",
    },
    "empty": {
        "en": "No events on {day}; send some:",
        "ko": "{day}에는 이벤트가 없습니다. 다음과 같이 보내 보세요.",
    },
    "empty_ingest": {"en": "read log files", "ko": "로그 파일 읽기"},
    "empty_http": {"en": "take events over HTTP", "ko": "HTTP로 이벤트 받기"},
    "empty_demo": {"en": "see a made-up day first", "ko": "먼저 가상의 하루를 살펴보기"},
    "top": {"en": "Top issues", "ko": "주요 이슈"},
    "top_none": {
        "en": "No incident.",
        "ko": "인시던트가 없습니다.",
    },
    "when": {"en": "{start} to {end} UTC, {events} events", "ko": "{start} ~ {end} UTC, 이벤트 {events}건"},
    "not_analysed": {"en": "Not analysed yet.", "ko": "아직 분석되지 않았습니다."},
    "trust": {
        "en": "Confidence {confidence}, grounding {grounding} ({supported} of {checkable} checked claims hold)",
        "ko": "신뢰도 {confidence}, 근거율 {grounding} (검증한 주장 {checkable}건 중 {supported}건이 사실)",
    },
    "trust_none": {
        "en": "Confidence {confidence}; no claim could be checked",
        "ko": "신뢰도 {confidence}, 검증할 수 있는 주장 없음",
    },
    "struck": {"en": "{count} struck out as contradicted", "ko": "{count}건은 증거와 모순되어 제외"},
    "more": {
        "en": "{count} more: {command}.",
        "ko": "그 밖에 {count}건: {command}",
    },
    "trends": {"en": "Abnormal events by service", "ko": "서비스별 비정상 이벤트"},
    "trends_none": {"en": "No abnormal event.", "ko": "비정상 이벤트가 없습니다."},
    "trends_no_before": {
        "en": "There are no events of the stretch before to compare with.",
        "ko": "비교할 이전 기간의 이벤트가 없습니다.",
    },
    "service": {"en": "Service", "ko": "서비스"},
    "now": {"en": "Now", "ko": "이번"},
    "before": {"en": "Before", "ko": "이전"},
    "change": {"en": "Change", "ko": "변화"},
    "new": {"en": "new", "ko": "신규"},
    "advice": {"en": "What could cost less", "ko": "자원 효율 제안"},
    "advice_none": {"en": "Nothing stands out.", "ko": "눈에 띄는 항목이 없습니다."},
    "slow": {
        "en": "{route}: one call in twenty takes longer than {seconds} s (P95). See what it waits for.",
        "ko": "{route}: P95 응답 시간이 {seconds}초입니다. 어디에서 기다리는지 확인해 보세요.",
    },
    "chatty": {
        "en": "{service} wrote {lines} DEBUG lines, {percent} % of all events. Raise its log level or sample them.",
        "ko": "{service}: DEBUG 로그 {lines}줄로 전체 이벤트의 {percent} %입니다. 로그 레벨을 올리거나 샘플링하세요.",
    },
    "rising": {
        "en": "{service} cost {now} {currency}, {percent} % above its usual {usual}. See what began to use it.",
        "ko": "{service}: 비용이 {now} {currency}로, 평소 {usual}보다 {percent} % 높습니다. 사용량을 확인하세요.",
    },
    "done": {"en": "What was done", "ko": "수행한 작업"},
    "done_none": {"en": "Nothing was run.", "ko": "실행한 작업이 없습니다."},
    "who": {"en": "By", "ko": "주체"},
    "action": {"en": "What", "ko": "작업"},
    "outcome": {"en": "Outcome", "ko": "결과"},
    "runs": {"en": "Runs", "ko": "횟수"},
    "waiting": {"en": "Waiting for you", "ko": "승인 대기"},
    "waiting_none": {"en": "Nothing waits for an answer.", "ko": "대기 중인 승인 요청이 없습니다."},
    "waiting_until": {"en": "until {until} UTC", "ko": "기한 {until} UTC"},
    "answer": {"en": "answer with {yes} or {no}", "ko": "{yes} 또는 {no}로 답하세요"},
    "cost": {"en": "Cloud cost", "ko": "클라우드 비용"},
    "cost_none": {"en": "No charges for this stretch.", "ko": "이 기간의 청구 내역이 없습니다."},
    "cost_total": {"en": "{total} {currency}.", "ko": "{total} {currency}."},
    "cost_compared": {
        "en": "{total} {currency}, {change} against {before} before.",
        "ko": "{total} {currency}, 이전 기간({before}) 대비 {change}.",
    },
    "billed": {"en": "Billed service", "ko": "청구 서비스"},
    "usual": {"en": "Usual", "ko": "평소"},
    "pipeline": {"en": "Pipeline", "ko": "파이프라인"},
    "ledger": {
        "en": "{accepted} records accepted so far: {stored} stored, {dead_lettered} dead-lettered, {dropped} dropped, "
        "{in_flight} in flight.",
        "ko": "접수 {accepted}건: 저장 {stored}건, 데드 레터 {dead_lettered}건, 폐기 {dropped}건, 진행 {in_flight}건.",
    },
    "ledger_dead": {"en": "See what was refused: {command}.", "ko": "거부된 레코드 확인: {command}"},
    "ledger_off": {"en": "The ledger does not balance.", "ko": "원장의 합계가 맞지 않습니다."},
    "model_cost": {
        "en": "Models used {tokens} tokens for {money} USD.",
        "ko": "모델 사용량은 {tokens} 토큰, {money} USD입니다.",
    },
    "model_none": {
        "en": "No language model was used: 0 tokens, 0.00 USD.",
        "ko": "언어 모델을 사용하지 않았습니다: 0 토큰, 0.00 USD.",
    },
}

WORDS: dict[Language, dict[str, str]] = {
    "en": {"awaiting_approval": "awaiting approval", "dry_run": "dry run", "timed_out": "timed out"},
    "ko": {
        "open": "열림",
        "analysing": "분석 중",
        "awaiting_approval": "승인 대기",
        "acting": "조치 중",
        "verifying": "확인 중",
        "resolved": "해결됨",
        "escalated": "담당자 이관",
        "critical": "심각",
        "high": "높음",
        "medium": "보통",
        "low": "낮음",
        "CONFIRMED": "확정",
        "LIKELY": "유력",
        "INCONCLUSIVE": "판단 보류",
        "success": "성공",
        "failure": "실패",
        "dry_run": "모의 실행",
        "rejected": "거절됨",
        "timed_out": "시간 초과",
    },
}
"""Words for values of our own enumerations; a value without a word is shown as it is."""
