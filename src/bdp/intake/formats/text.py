"""Any text log, by a regular expression that the user gives.

The lines are hostile, the pattern is not; still, a pattern that is slow on some lines would let one line stop the
reading. So patterns with a repeat inside a repeat, or with many repeats that overlap, are refused, and a line is
matched on its first 8 KiB only, or fewer if the pattern needs it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from bdp.errors import BadSetting
from bdp.intake.event import EventRecord
from bdp.intake.formats.effort import longest_line
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.formats.stamp import latest_year
from bdp.intake.refusal import RefusedRecord, shown
from bdp.intake.tolerance import event_of

MAX_PATTERN = 1000


class TextReader(LineReader):
    """Reads lines by a pattern: its named groups become fields by an event's names and aliases, else attributes."""

    def __init__(self, context: LineContext) -> None:
        self._context = context
        self._pattern = compile_pattern(context.pattern)
        self._longest = longest_line(self._pattern.pattern, self._pattern.flags)

    def start(self, line: str) -> EventRecord | None:
        match = self._pattern.match(line[: self._longest])
        if match is None:
            return None
        fields: dict[str, Any] = {name: value for name, value in match.groupdict().items() if value is not None}
        if self._context.time_format and "ts" in fields:
            fields["ts"] = self._time(fields["ts"])
        if "message" not in fields:
            fields["message"] = line
        elif match.end() == self._longest:
            fields["message"] += line[self._longest :]
        event = event_of(fields, self._context.edge)
        event.service = self._context.named(event.service)
        return event

    def _time(self, text: str) -> str:
        """Read by the user's format; where it has no year, the latest one that is not ahead."""
        layout = self._context.time_format
        dated = any(directive in layout for directive in ("%Y", "%y", "%c", "%x", "%G"))
        year = "" if dated else "2000 "  # a leap year takes 29 February
        try:
            found = datetime.strptime(year + text, layout if dated else "%Y " + layout)  # noqa: DTZ007 - see below
        except ValueError:
            raise RefusedRecord(f"ts: {shown(text)} does not fit the time format {layout!r}") from None
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        if not dated:
            clock = found.astimezone(UTC).strftime("%H:%M:%S.%f")
            found = latest_year(self._context.now, found.month, found.day, clock) or found
        return found.isoformat()


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern.

    Raises:
        BadSetting: it is missing, too long, not a regular expression, without a named group, or slow on some lines.
    """
    if not pattern:
        raise BadSetting("The format text needs a pattern.", "Give one with --pattern.")
    if len(pattern) > MAX_PATTERN:
        raise BadSetting(f"The pattern has more than {MAX_PATTERN} characters.", "Shorten it.")
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadSetting(f"The pattern is not a regular expression: {error}.", "Correct it.") from None
    if not compiled.groupindex:
        raise BadSetting("The pattern has no named group.", "Name at least one, such as (?P<message>.*).")
    if not longest_line(pattern, compiled.flags):
        text = "The pattern would be very slow on some lines."
        advice = r"End repeats by a character that they cannot match, as \S+ does before a blank."
        raise BadSetting(text, f"Avoid a repeat or a choice inside a repeat. {advice}")
    return compiled
