"""What people read of incidents: that one began, a question, an event, a reminder, many at once; English and Korean.

What telemetry and models wrote is escaped as markdown in a body and plain in a title. Each message of one incident has
its id, so that a channel that knows threads keeps them together.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from bdp.brief.escape import code, escape, plain, prose
from bdp.brief.sentences import WORDS
from bdp.ids import derived
from bdp.model.action import DueReminder, Link, Message, MessageForm, Posted, WorkflowEvent
from bdp.model.analysis import IncidentReport, Verdict
from bdp.model.anomaly import Severity
from bdp.model.decision import Approval
from bdp.model.incident import Incident
from bdp.model.noun import Language

SHOWN = 10
"""Messages told one by one in a message about many."""
_LONGEST = 500
_MOST_FACTS = 5
_PIECE = 200
_TITLE = 200

SEVERITY_KO: Final = {severity.value: WORDS["ko"][severity] for severity in Severity}
EVENTS: Final[dict[WorkflowEvent, tuple[str, str]]] = {
    WorkflowEvent.ESCALATION_REQUIRED: ("It is handed over to a person.", "담당자에게 넘겼습니다. 확인이 필요합니다."),
    WorkflowEvent.REMEDIATION_SUCCESS: ("It is mended.", "조치에 성공했습니다."),
    WorkflowEvent.REMEDIATION_ERROR: ("What was done did not help.", "조치가 도움이 되지 않았습니다."),
    WorkflowEvent.APPROVAL_TIMEOUT: ("Nobody answered in time.", "제한 시간 안에 응답이 없었습니다."),
    WorkflowEvent.WORKFLOW_ERROR: ("Working on it failed.", "처리 중에 오류가 발생했습니다."),
}


def opened_key(incident_id: str) -> str:
    """Return the key of the message that an incident began."""
    return f"incident:{incident_id}:opened"


def opened_message(incident: Incident, report: IncidentReport | None = None, links: Sequence[Link] = ()) -> Message:
    """Return the message that an incident began: how bad, since when, where, what is seen, the cause if it is known."""
    return Message(
        key=opened_key(incident.incident_id),
        title=plain(incident.title, _TITLE),
        title_ko=plain(incident.title_ko, _TITLE),
        body=_lines(_opened(incident, report, "en")),
        body_ko=_lines(_opened(incident, report, "ko")),
        severity=incident.severity,
        event="INCIDENT_OPENED",
        incident_id=incident.incident_id,
        about=f"incident:{incident.signature}",
        links=tuple(links),
    )


def question_message(approval: Approval, incident: Incident, links: Sequence[Link] = ()) -> Message:
    """Return the question whether an action may run: what it does exactly, why, the undo, until when, how to answer."""
    described = approval.action
    return Message(
        key=f"{approval.approval_id}:asked",
        title=f"Approval wanted: {plain(described.description, _TITLE)}",
        title_ko=f"승인 요청: {plain(described.worded('description', 'ko'), _TITLE)}",
        body=_lines(_question(approval, incident, "en")),
        body_ko=_lines(_question(approval, incident, "ko")),
        severity=incident.severity,
        event="APPROVAL_REQUESTED",
        incident_id=incident.incident_id,
        workflow_id=approval.workflow_id,
        approval_id=approval.approval_id,
        links=tuple(links),
    )


def event_message(
    event: WorkflowEvent, text: str, text_ko: str, incident: Incident, workflow_id: str, tried: Sequence[str] = ()
) -> Message:
    """Return the message of a workflow's event.

    Args:
        text: what happened, in words; may have several lines.
        tried: what was done about it, a line each.
    """
    return Message(
        key=f"{workflow_id}:{event}",
        title=f"{event}: {plain(incident.title, _TITLE)}",
        title_ko=f"{event}: {plain(incident.title_ko or incident.title, _TITLE)}",
        body=_lines(_event(event, text, incident, tried, "en")),
        body_ko=_lines(_event(event, text_ko or text, incident, tried, "ko")),
        severity=incident.severity,
        event=event,
        incident_id=incident.incident_id,
        workflow_id=workflow_id,
    )


def reminder_message(due: DueReminder, minutes: int, channels: Sequence[str]) -> Message:
    """Return the message that nobody has taken on an incident, or answered a question, for so many minutes."""
    told, asked = due.message, due.form is MessageForm.QUESTION
    silence = f"Nobody has {'answered' if asked else 'acknowledged it'} for {minutes:,} minutes."
    silence_ko = f"{minutes:,}분 동안 {'응답' if asked else '확인'}한 사람이 없습니다."
    return told.model_copy(
        update={
            "key": f"{told.key}:reminder:{due.step}",
            "title": f"Still waiting: {told.title}",
            "title_ko": f"대기 중: {told.worded('title', 'ko')}",
            "body": _lines((silence, *_taking_on(told.incident_id, "en"), told.body)),
            "body_ko": _lines((silence_ko, *_taking_on(told.incident_id, "ko"), told.worded("body", "ko"))),
            "about": "",
            "channels": tuple(channels),
        }
    )


def reminders_message(due: Sequence[DueReminder], minutes: int, channels: Sequence[str], now: datetime) -> Message:
    """Return one message for many that nobody has acknowledged or answered."""
    messages = [one.message for one in due]
    return Message(
        key=f"reminders:{derived(now, 'reminders', *sorted(f'{one.message.key}:{one.step}' for one in due))}",
        title=f"Still waiting: {len(due):,} that nobody acknowledged or answered for {minutes:,} minutes",
        title_ko=f"대기 중: {minutes:,}분 동안 확인하거나 응답한 사람이 없는 알림 {len(due):,}건",
        body=_lines((*_listed(messages, "en"), f"All: {code('bdp incidents')}, {code('bdp approvals')}")),
        body_ko=_lines((*_listed(messages, "ko"), f"전체: {code('bdp incidents')}, {code('bdp approvals')}")),
        severity=_worst(message.severity for message in messages),
        event="REMINDER",
        channels=tuple(channels),
    )


def gathered_message(form: MessageForm, posted: Sequence[Posted], worst: Sequence[Message], now: datetime) -> Message:
    """Return one message for many incidents or events.

    Args:
        posted: all of them.
        worst: those to show one by one, worst first.
    """
    incidents, opened = len({one.incident_id for one in posted}), form is MessageForm.OPENED
    what = f"{incidents:,} incidents began" if opened else f"{len(posted):,} events of {incidents:,} incidents"
    what_ko = f"인시던트 {incidents:,}건 발생" if opened else f"인시던트 {incidents:,}건의 이벤트 {len(posted):,}건"
    severity = _worst(one.severity for one in posted)
    counts = {name: sum(one.severity == name for one in posted) for name in SEVERITY_KO}
    by = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    by_ko = ", ".join(f"{SEVERITY_KO[name]} {count:,}" for name, count in counts.items() if count)
    return Message(
        key=f"many:{form}:{derived(now, *sorted(one.key for one in posted))}",
        title=f"{what} within a short time",
        title_ko=f"짧은 시간에 {what_ko}",
        body=_lines((f"By severity: {by}", "The worst:", *_listed(worst, "en"), f"All: {code('bdp incidents')}")),
        body_ko=_lines(
            (f"심각도별: {by_ko}", "가장 심각한 것:", *_listed(worst, "ko"), f"전체: {code('bdp incidents')}")
        ),
        severity=severity,
        event="INCIDENTS_OPENED" if opened else "INCIDENT_EVENTS",
    )


def listed(message: Message, language: Language) -> str:
    """Return a message in one line."""
    severity = SEVERITY_KO.get(message.severity, "") if language == "ko" else message.severity
    where = f" ({code(message.incident_id)})" if message.incident_id else ""
    return f"- {severity}: {escape(message.worded('title', language), 160)}{where}"


def _opened(incident: Incident, report: IncidentReport | None, language: Language) -> Iterable[str]:
    analysis = report.analysis if report else None
    services = dict.fromkeys([incident.subject.service, *(analysis.blast_radius if analysis else ())])
    places = ", ".join(code(name) for name in list(services)[:SHOWN] if name)
    seen = _seen(incident, language)
    cause = ""
    if analysis and analysis.verdict is not Verdict.INCONCLUSIVE:
        cause = prose(analysis.worded("root_cause", language), _LONGEST)
    if language == "ko":
        yield f"심각도: {SEVERITY_KO[incident.severity]}, {_when(incident.start_time)} UTC부터"
        yield f"서비스: {places}" if places else ""
        yield f"관측: {seen}"
        yield f"원인: {cause}" if cause else ""
        yield f"자세히: {command('bdp incident', incident.incident_id)}"
    else:
        yield f"Severity: {incident.severity.value}, since {_when(incident.start_time)} UTC"
        yield f"Services: {places}" if places else ""
        yield f"Seen: {seen}"
        yield f"Cause: {cause}" if cause else ""
        yield f"More: {command('bdp incident', incident.incident_id)}"
    yield from _taking_on(incident.incident_id, language)


def _seen(incident: Incident, language: Language) -> str:
    parts = [code(part) for part in (incident.subject.route, incident.subject.error_code) if part]
    where = f" ({', '.join(parts)})" if parts else ""
    if language == "ko":
        return f"비정상 이벤트 {incident.events:,.0f}건{where}"
    return f"{incident.events:,.0f} abnormal events{where}"


def _question(approval: Approval, incident: Incident, language: Language) -> Iterable[str]:
    def exactly(field: str) -> str:
        return _exactly(approval.worded(field, language))

    why = prose(approval.worded("why", language), _LONGEST)
    facts = (approval.evidence_ko if language == "ko" else ()) or approval.evidence
    shown = [f"- {prose(fact, _LONGEST)}" for fact in facts[:_MOST_FACTS]]
    yes = command("bdp approve", approval.approval_id)
    no = command("bdp reject", approval.approval_id)
    title = escape(incident.worded("title", language), _TITLE)
    if language == "ko":
        needed = f" (승인자 {approval.needed}명 필요)" if approval.needed > 1 else ""
        yield f"인시던트: {title} ({code(incident.incident_id)})"
        yield f"실행 내용: {exactly('plan')}"
        yield f"이유: {why}" if approval.why else ""
        yield from ("근거:", *shown) if shown else ()
        yield f"되돌리기: {exactly('undo') or '되돌릴 것이 없습니다.'}"
        yield f"기한: {_when(approval.expires_at)} UTC. 지나면 담당자에게 넘깁니다."
        yield f"응답: {yes} 또는 {no}{needed}"
        return
    needed = f" ({approval.needed} approvers are needed)" if approval.needed > 1 else ""
    yield f"Incident: {title} ({code(incident.incident_id)})"
    yield f"Does: {exactly('plan')}"
    yield f"Why: {why}" if approval.why else ""
    yield from ("Evidence:", *shown) if shown else ()
    yield f"Undo: {exactly('undo') or 'nothing to take back'}"
    yield f"Until: {_when(approval.expires_at)} UTC, then it goes to a person."
    yield f"Answer: {yes} or {no}{needed}"


def _exactly(text: str) -> str:
    """Return every character of a plan as code, in pieces: who approves sees the whole of it."""
    lines = [plain(line, len(line)) for line in text.splitlines()]
    pieces = [line[at : at + _PIECE] for line in lines for at in range(0, len(line), _PIECE)]
    return "\n".join(code(piece) for piece in pieces)


def _event(
    event: WorkflowEvent, text: str, incident: Incident, tried: Sequence[str], language: Language
) -> Iterable[str]:
    yield EVENTS[event][language == "ko"]
    yield from (prose(line, _LONGEST) for line in text.splitlines() if line.strip())
    if tried:
        yield "시도한 조치:" if language == "ko" else "Tried:"
        yield from (f"- {prose(line, _LONGEST)}" for line in tried[:SHOWN])
    yield f"{'자세히' if language == 'ko' else 'More'}: {command('bdp incident', incident.incident_id)}"
    if event is WorkflowEvent.ESCALATION_REQUIRED:
        yield from _taking_on(incident.incident_id, language)


def _taking_on(incident_id: str, language: Language) -> Iterable[str]:
    if incident_id:
        yield f"{'확인 처리' if language == 'ko' else 'Take it on'}: {command('bdp ack', incident_id)}"


def _listed(messages: Sequence[Message], language: Language) -> list[str]:
    return [listed(message, language) for message in messages[:SHOWN]]


def _worst(severities: Iterable[str]) -> str:
    found = set(severities)
    return next((severity.value for severity in Severity if severity in found), "")


def command(verb: str, name: str) -> str:
    """Return a command to copy, as markdown."""
    return code(f"{verb} {shlex.quote(plain(name, 200))}")


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(line for line in lines if line)
