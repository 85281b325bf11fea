"""Templates of messages: Drain (He et al., 2017, as in drain3) over masked messages, and the pattern that counts one.

The store masks every word part with a digit, groups, and counts; Drain learns from the groups, so it sees all events,
not a sample. A template is counted by a pattern of its own, so its count holds whatever Drain has merged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from drain3.drain import Drain

from bdp.sql import literal

MASKED = r"[\w.:%]*\d[\w.:%]*"
"""RE2: a word part with a digit, such as a number, an address, a time, an id."""

HEAD = "substringUTF8(message, 1, 1000)"
"""The part of a message that templates look at."""

SHAPE = f"replaceRegexpAll({HEAD}, {literal(MASKED)}, '<#>')"
_ANY = "<*>"
_MASK = "<#>"
_ODD_SPACE = re.compile(r"[^\S \t\n\f\r]")
"""What separates words here and is no space (`\\s`) for RE2."""
_USUAL = (r"\s", r"\S")
_WIDE = (r"[\s\x0b\x1c-\x1f\x{85}\pZ]", r"[^\s\x0b\x1c-\x1f\x{85}\pZ]")
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")


@dataclass
class Template:
    """One template.

    Attributes:
        text: words, with `<*>` for a part that varies.
        learned: events whose masked message went into it.
        samples: raw messages, those of the most frequent masked messages first, at most 3.
        spaces: RE2 for one space and for anything else, among these messages.
    """

    text: str
    learned: float = 0.0
    samples: list[str] = field(default_factory=list)
    spaces: tuple[str, str] = _USUAL

    @property
    def pattern(self) -> str:
        """RE2 pattern that matches the head of every message of this form."""
        space, other = self.spaces
        words = (f"{other}+" if word == _ANY else _word(word) for word in self.text.split())
        return f"^{space}*{f'{space}+'.join(words)}{space}*$"

    @property
    def shown(self) -> str:
        """The text with one mark for every part that varies."""
        return self.text.replace(_MASK, _ANY)


def learn(shapes: Iterable[tuple[str, float, str]]) -> list[Template]:
    """Return templates of masked messages, the most frequent first.

    Args:
        shapes: masked message, events with it, one raw message; the most frequent first; their
            number bounds the memory.
    """
    drain = Drain(depth=4, sim_th=0.5, max_children=50, param_str=_ANY, parametrize_numeric_tokens=False)
    members: dict[int, Template] = {}
    shapes = list(shapes)
    # The plain class wherever it says the same: a person reads the query.
    spaces = _WIDE if any(_ODD_SPACE.search(shape) for shape, *_ in shapes) else _USUAL
    for shape, events, raw in shapes:
        cluster, _ = drain.add_log_message(shape)
        template = members.setdefault(cluster.cluster_id, Template("", spaces=spaces))
        template.text = cluster.get_template()
        template.learned += events
        if len(template.samples) < 3:
            template.samples.append(raw)
    return sorted(members.values(), key=lambda template: (-template.learned, template.text))


def _word(word: str) -> str:
    return MASKED.join(_META.sub(r"\\\g<0>", part) for part in word.split(_MASK))
