"""After silence: what nobody acknowledged or answered is told again, to further people, step by step.

It costs one look at an index, however many incidents and questions wait. When more are due at once than people can
read, they come in one message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bdp.errors import NotFound
from bdp.flow.tell.incident_notice import reminder_message, reminders_message
from bdp.flow.tell.sorting import severe
from bdp.model.action import DueReminder, MessageForm, Posted
from bdp.model.decision import ApprovalStatus
from bdp.notify.channels import EscalationSettings, EscalationStep
from bdp.ports import Alerts, Approvals, PostDesk
from bdp.telemetry import REMINDERS

MOST_DUE = 500
_WATCHED = frozenset({MessageForm.OPENED, MessageForm.QUESTION})


class Escalation:
    """Tells again.

    Args:
        is_open: says whether a question still waits for its answer.
        many: more reminders at once come in one message.
    """

    def __init__(self, settings: EscalationSettings, is_open: Callable[[str], bool], many: int) -> None:
        self._settings = settings
        self._is_open = is_open
        self._many = many

    def watch(self, desk: PostDesk, told: Sequence[Posted], now: datetime) -> None:
        """Have these told again after silence: questions, and incidents that are severe enough."""
        if not self._settings.steps:
            return
        least = self._settings.least_severity
        keys = [
            one.key
            for one in told
            if one.form is MessageForm.QUESTION or (one.form in _WATCHED and severe(one.severity, least))
        ]
        desk.watch(keys, now, now + _minutes(self._settings.steps[0]))

    def step(self, alerts: Alerts, due: Sequence[DueReminder], now: datetime) -> int:
        """Write the reminders of what a desk found due; return how many incidents and questions they tell.

        Whether a question still waits is asked between two desks: transactions do not nest.
        """
        waits = {_place(one): self._waits(one) for one in due}
        with alerts.desk() as desk:  # another process may have told of them meanwhile
            known = [one for one in desk.unanswered(now, MOST_DUE) if _place(one) in waits]
            waiting = [one for one in known if waits[_place(one)]]
            desk.remind_no_more([one.message.key for one in known if not waits[_place(one)]], now)
            for number in sorted({one.step for one in waiting}):
                self._remind(desk, [one for one in waiting if one.step == number], number, now)
        REMINDERS.inc(len(waiting))
        return len(waiting)

    def _remind(self, desk: PostDesk, due: Sequence[DueReminder], number: int, now: datetime) -> None:
        steps = self._settings.steps
        step, keys = steps[number], [one.message.key for one in due]
        minutes = round(step.after_minutes)
        if len(due) > self._many:
            message = reminders_message(due, minutes, step.channels, now)
            desk.gather(MessageForm.REMINDER, message, (), min(one.told_at for one in due), now)
        else:
            for one in due:
                message = reminder_message(one, minutes, step.channels)
                desk.gather(MessageForm.REMINDER, message, (), one.told_at, now)
        if number + 1 == len(steps):
            desk.remind_no_more(keys, now)
            return
        # From now, should the process have been away: the steps keep their distance.
        desk.remind_again(keys, number + 1, now + _minutes(steps[number + 1]) - _minutes(step))

    def _waits(self, due: DueReminder) -> bool:
        if not due.live or due.step >= len(self._settings.steps):
            return False
        return not due.message.approval_id or self._is_open(due.message.approval_id)


def waits_in(approvals: Approvals) -> Callable[[str], bool]:
    """Return what says whether a question still waits for its answer."""

    def is_open(approval_id: str) -> bool:
        try:
            return approvals.get(approval_id).status is ApprovalStatus.WAITING
        except NotFound:
            return False

    return is_open


def _place(due: DueReminder) -> tuple[str, int]:
    return due.message.key, due.step


def _minutes(step: EscalationStep) -> timedelta:
    return timedelta(minutes=step.after_minutes)
