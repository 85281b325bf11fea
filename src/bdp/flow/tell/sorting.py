"""Which messages about incidents are told at once, which together, and which not: a decision without any effect.

Four rules, in this order. A question and a reminder are always told at once, alone: somebody is waited for.

below       less severe than the setting says: the digest tells it.
duplicate   people heard the same (`about`) in the same form minutes ago, or are about to.
held        messages reach nobody, and enough of them wait already.
flood       more incidents begin (or more events come) within a minute than people can read: one message instead. A
            burst is told at once; what trickles in, or follows such a message, is held for `summary_seconds` and then
            told together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bdp.flow.tell.triage import FLOOD_WINDOW, AlertingSettings
from bdp.model.action import MessageForm, Posted
from bdp.model.anomaly import SEVERITIES, Severity
from bdp.model.insight import AlertState

_RANKS: dict[str, int] = {severity.value: rank for rank, severity in enumerate(SEVERITIES)}
ALWAYS = frozenset({MessageForm.QUESTION, MessageForm.REMINDER})
MANY = frozenset({MessageForm.OPENED, MessageForm.EVENT})
"""Forms that come in floods."""
WINDOW = FLOOD_WINDOW


@dataclass(frozen=True)
class Lately:
    """What was told of one form within the flood window.

    Attributes:
        alone: messages about one incident each.
        gathered: when the latest message about many was written.
    """

    alone: int = 0
    gathered: datetime | None = None


@dataclass(frozen=True)
class Heard:
    """What people have heard.

    Attributes:
        about: form and `about` of what they heard lately, or are about to.
        lately: by form.
        untold: messages that were tried and have reached nobody.
    """

    about: Set[tuple[MessageForm, str]] = frozenset()
    lately: Mapping[MessageForm, Lately] = field(default_factory=dict)
    untold: int = 0


@dataclass
class Sorted:
    """What is to be done with each posted message; what is held is in none of these."""

    alone: list[Posted] = field(default_factory=list)
    together: dict[MessageForm, list[Posted]] = field(default_factory=dict)
    quiet: dict[AlertState, list[Posted]] = field(default_factory=dict)


def rank(severity: str) -> int:
    """Return the place of a severity, 0 for the worst; what nobody knows comes last."""
    return _RANKS.get(severity, len(_RANKS))


def severe(severity: str, least: Severity) -> bool:
    """Return whether it is at least so severe; a message without a severity passes."""
    return severity not in _RANKS or rank(severity) <= rank(least)


def sort(posted: Sequence[Posted], heard: Heard, now: datetime, settings: AlertingSettings) -> Sorted:
    """Return what is to be done with each."""
    done, about, many = Sorted(), set(heard.about), {form: list[Posted]() for form in MANY}
    for one in sorted(posted, key=lambda one: rank(one.severity)):  # of several, people hear the worst
        if one.form in ALWAYS:
            done.alone.append(one)
        elif not severe(one.severity, settings.least_severity):
            done.quiet.setdefault(AlertState.BELOW, []).append(one)
        elif one.about and (one.form, one.about) in about:
            done.quiet.setdefault(AlertState.DUPLICATE, []).append(one)
        else:
            if one.about:
                about.add((one.form, one.about))
            many.get(one.form, done.alone).append(one)
    for form, fresh in many.items():
        _place(done, form, fresh, heard, now, settings)
    return done


def _place(
    done: Sorted, form: MessageForm, fresh: list[Posted], heard: Heard, now: datetime, settings: AlertingSettings
) -> None:
    """Put what is to be told alone or together; the rest is held."""
    if not fresh or heard.untold >= settings.flood_incidents:
        return
    lately = heard.lately.get(form, Lately())
    gathered = _since(lately.gathered, now)
    in_flood = len(fresh) + lately.alone > settings.flood_incidents or gathered < WINDOW
    if not in_flood:
        done.alone += fresh
        return
    pause = timedelta(seconds=settings.summary_seconds)
    burst = len(fresh) > settings.flood_incidents and gathered >= pause
    if burst or now - min(one.detected_at for one in fresh) >= pause:
        if len(fresh) == 1:
            done.alone += fresh
        else:
            done.together[form] = fresh


def _since(at: datetime | None, now: datetime) -> timedelta:
    # A clock that was set back must not hold messages for ever.
    return now - at if at is not None and now >= at else timedelta.max
