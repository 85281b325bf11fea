"""Signatures: one short name for one trouble, and the masking that makes messages comparable.

Masking follows the usual first step of log parsers (He et al., "Drain", ICWS 2017): a token that holds a digit is a
variable. All patterns look at one token at a time and start only where a token starts, so their time is linear in the
message, which is cut first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from bdp.model.anomaly import AnomalyKind, Subject

MESSAGE_CHARS = 512
TEMPLATE_CHARS = 200
_SIGNATURE_DIGITS = 16

_END = r"\s,;:=()\[\]{}<>|/\"'"
_QUOTED = re.compile(r"\"[^\"]{1,200}\"|(?<!\w)'[^']{1,200}'(?!\w)")
_VARIABLE = re.compile(rf"(?<![^{_END}])[^{_END}]*[\d@][^{_END}]*|\b[0-9a-fA-F]{{16,}}\b")
_RUN = re.compile(r"<\*>(?:[\s,:;./]{1,2}<\*>)+")


def mask(message: str) -> str:
    """Return the message with its variable parts as `<*>`; at most 200 characters.

    Numbers, hexadecimal, UUIDs, addresses, host names with digits, e-mail addresses, ids in paths and quoted values all
    become `<*>`; a list of such values becomes one. Only the first 512 characters are looked at.

    >>> mask("Failed password for root from 10.0.0.7 port 4242 ssh2")
    'Failed password for root from <*> port <*>'
    >>> mask("GET /orders/81723/items took 30 ms")
    'GET /orders/<*>/items took <*> ms'
    """
    text = message[:MESSAGE_CHARS]
    if '"' in text or "'" in text:
        text = _QUOTED.sub("<*>", text)
    text = _RUN.sub("<*>", _VARIABLE.sub("<*>", text))
    return " ".join(text.split())[:TEMPLATE_CHARS]


def telling(subject: Subject, counts: Mapping[str, float]) -> tuple[str, ...]:
    """Return the templates that enter a signature: the one that holds two thirds of the messages, or none.

    With an error code the code names the trouble, so no template enters. Without one, measured on real logs at every
    crossing (more than 10 in 5 minutes): one SSH brute force crosses seven times in four hours, and its most frequent
    template is another one nearly every time, with a share of 18 to 55 %; taking the most frequent would make five
    troubles of one. Kafka brokers behave the other way: where messages share one key, each trouble is led by its own
    template with a share of 82 to 100 %, and mixed crossings stay below 55 %. Two thirds lies in the gap between both.

    Args:
        counts: how often each masked message occurred in the window.
    """
    if subject.error_code or not counts:
        return ()
    top = max(counts, key=lambda template: counts[template])
    return (top,) if counts[top] * 3 >= sum(counts.values()) * 2 else ()


def signature(kind: AnomalyKind, subject: Subject, templates: Sequence[str]) -> str:
    """Return the first 16 hex digits of SHA-256 over kind, subject and templates.

    Args:
        templates: what `telling` chose; not every template seen, or repeats of one trouble would differ.
    """
    of = (subject.account,) if subject.account else ()  # only costs have one
    parts = (kind.value, subject.service, subject.route, subject.error_code, *of, *templates)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:_SIGNATURE_DIGITS]
