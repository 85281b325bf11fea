"""Hides secrets and personal data on the way to a model, and puts personal data back on the way back.

    text -> <EMAIL_1> instead of an address … -> model -> <EMAIL_1> -> the address again

The same value has the same stand-in within one conversation, numbered by first appearance, so a history that is sent
again is hidden the same way. Personal data (mail and IP addresses, phone numbers, identity and card numbers) is put
back where the model quotes its stand-in. Secrets (keys, tokens, passwords) are not: a person who may see one finds it
in the records, and no answer of a model ever holds one. Text that looks like a stand-in is itself hidden and put back,
so telemetry cannot make an answer quote what stands elsewhere.

What is hidden is in `private`. Memory: at most `MOST` values in one conversation; what comes after them
is hidden as `<HIDDEN>` and not put back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from bdp.llm.private import PATTERNS, REST, SECRET, STAND_IN, Pattern

MOST: Final = 10_000


class Disguise:
    """What was hidden in one conversation."""

    def __init__(self) -> None:
        self._stand_ins: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def hide(self, text: str) -> str:
        """Return the text with stand-ins.

        >>> Disguise().hide("login of kim@example.com from 10.0.0.7, password=hunter22")
        'login of <EMAIL_1> from <IP_1>, password=<SECRET_1>'
        """
        # What an earlier pattern has hidden is out of reach of a later one.
        parts: list[tuple[str, bool]] = [(text, False)]
        folded = text.casefold()
        for pattern in PATTERNS:
            if pattern.needs and not any(word in folded for word in pattern.needs):
                continue
            parts = [piece for part, done in parts for piece in ([(part, True)] if done else self._cut(pattern, part))]
        return "".join(part for part, _ in parts)

    def hidden(self, value: Any) -> Any:
        """Return a JSON-like value with stand-ins in all its texts."""
        return _mapped(value, self.hide)

    def restore(self, text: str) -> str:
        """Return the text with personal data instead of its stand-ins; secrets stay hidden."""
        return STAND_IN.sub(lambda match: self._values.get(match[0], match[0]), text) if self._values else text

    def restored(self, value: Any) -> Any:
        """Return a JSON-like value with personal data instead of stand-ins in all its texts."""
        return _mapped(value, self.restore)

    def _cut(self, pattern: Pattern, text: str) -> list[tuple[str, bool]]:
        pieces: list[tuple[str, bool]] = []
        at = 0
        for match in pattern.expression.finditer(text):
            group = "hidden" if "hidden" in pattern.expression.groupindex else 0
            if not pattern.holds(match[group]):
                continue
            start, end = match.span(group)
            pieces += [(text[at:start], False), (self._stand_in(pattern.kind, match[group]), True)]
            at = end
        return [*pieces, (text[at:], False)] if pieces else [(text, False)]

    def _stand_in(self, kind: str, value: str) -> str:
        known = self._stand_ins.get((kind, value))
        if known is not None:
            return known
        if len(self._stand_ins) >= MOST:
            return REST
        self._numbers[kind] = number = self._numbers.get(kind, 0) + 1
        stand_in = f"<{kind}_{number}>"
        self._stand_ins[kind, value] = stand_in
        if kind != SECRET:
            self._values[stand_in] = value
        return stand_in


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(key) if isinstance(key, str) else key: _mapped(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(one, change) for one in value]
    return value
