"""What the latest messages of a key look like, in bounded memory."""

from __future__ import annotations

import msgspec

from bdp.detect.signature import mask

TEMPLATES = 32
TRACES = 20
PER_SECOND = 20
_TRACE_CHARS = 64


class Samples(msgspec.Struct, array_like=True):
    """Masked messages with counts, and trace ids, of the key's recent past.

    At most 32 templates by space-saving counts (Metwally, Agrawal, El Abbadi, ICDT 2005): a new template takes the
    place and the count of the rarest, so counts are upper bounds. A gap of one window empties them; each new window
    halves the counts, so that they speak of now. At most 20 trace ids, the latest. Of one second the first 20 events
    are looked at, which bounds the cost of a storm and does not depend on how the stream is cut.
    """

    templates: dict[str, float] = {}
    traces: dict[str, None] = {}
    last: int = 0
    taken: int = 0

    def add(self, second: int, message: str, trace_id: str, weight: float, window: int) -> None:
        """Take in one event; `window` is the length of a window in seconds."""
        if second == self.last and self.taken >= PER_SECOND:
            return
        self._age(second, window)
        self.taken += 1
        template = mask(message)
        if template:
            self._count(template, weight)
        if trace_id:
            self._note_trace(trace_id[:_TRACE_CHARS])

    def top(self, count: int) -> tuple[str, ...]:
        """Return the most frequent templates, the most frequent first; ties in alphabetical order."""
        ordered = sorted(self.templates.items(), key=lambda item: (-item[1], item[0]))
        return tuple(template for template, _ in ordered[:count])

    def _age(self, second: int, window: int) -> None:
        if second <= self.last:
            return
        self.taken = 0
        if second - self.last > window:
            self.templates, self.traces = {}, {}
        elif second // window != self.last // window:
            self.templates = {t: n / 2 for t, n in self.templates.items() if n >= 1}
        self.last = second

    def _count(self, template: str, weight: float) -> None:
        if template in self.templates or len(self.templates) < TEMPLATES:
            self.templates[template] = self.templates.get(template, 0.0) + weight
            return
        rarest = min(self.templates, key=lambda t: self.templates[t])
        self.templates[template] = self.templates.pop(rarest) + weight

    def _note_trace(self, trace_id: str) -> None:
        self.traces.pop(trace_id, None)
        self.traces[trace_id] = None
        if len(self.traces) > TRACES:
            del self.traces[next(iter(self.traces))]
