"""Templates of messages: Drain (He et al., 2017, as in drain3) over masked messages, and the pattern that counts one.

The store masks every word part with a digit, groups, and counts; Drain learns from the groups, so it sees all events,
not a sample. A template is counted by a pattern of its own, so its count holds whatever Drain has merged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from drain3.drain import Drain

MASKED = "[A-Za-z0-9_.:%]*[0-9][A-Za-z0-9_.:%]*"
"""RE2: a word part with a digit, such as a number, an address, a time, an id."""

HEAD = "substringUTF8(message, 1, 1000)"
"""The part of a message that templates look at."""

SHAPE = f"replaceRegexpAll({HEAD}, '{MASKED}', '<#>')"
_ANY = "<*>"
_MASK = "<#>"
_SPACES = r"[\s\x0b\x1c-\x1f\x{85}\p{Z}]"
_NO_SPACES = r"[^\s\x0b\x1c-\x1f\x{85}\p{Z}]"


@dataclass
class Template:
    """One template.

    Attributes:
        text: words, with `<*>` for a part that varies.
        learned: events whose masked message went into it.
        samples: raw messages, those of the most frequent masked messages first, at most 3.
    """

    text: str
    learned: float = 0.0
    samples: list[str] = field(default_factory=list)

    @property
    def pattern(self) -> str:
        """RE2 pattern that matches the head of every message of this form."""
        return f"(?s)^{_SPACES}*{f'{_SPACES}+'.join(_word(word) for word in self.text.split())}{_SPACES}*$"

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
    for shape, events, raw in shapes:
        cluster, _ = drain.add_log_message(shape)
        template = members.setdefault(cluster.cluster_id, Template(""))
        template.text = cluster.get_template()
        template.learned += events
        if len(template.samples) < 3:
            template.samples.append(raw)
    return sorted(members.values(), key=lambda template: (-template.learned, template.text))


def _word(word: str) -> str:
    if word == _ANY:
        return f"{_NO_SPACES}+"
    return MASKED.join(re.escape(part) for part in word.split(_MASK))
