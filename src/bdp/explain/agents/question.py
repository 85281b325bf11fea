"""What a question is about, by its words, English or Korean: time, names that are known, topics, an incident."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from bdp.explain.agents.accounts import accounts_in, apart, is_by_account, unknown
from bdp.explain.agents.bench import Span
from bdp.explain.agents.coming import taken
from bdp.explain.agents.efficiency import EFFICIENCY
from bdp.explain.agents.lexicon import AHEAD, BROAD, BUDGET, PAST, TOPICS, WHY
from bdp.explain.agents.named import Said, formed, lowered, stored, strange, without
from bdp.explain.agents.security import SECURITY
from bdp.explain.agents.shortened import each, shortened
from bdp.explain.agents.sre import SRE
from bdp.explain.agents.when import Told, read
from bdp.explain.insight.examples import Language

LONGEST: Final = 2_000
"""Characters of a question."""
_HANGUL: Final = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_INCIDENT: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-HJKMNP-TV-Z]{26}(?![0-9A-Za-z])")
_SEVERAL: Final = 2
_TELLING: Final = tuple(
    word
    for words in (*TOPICS.values(), SRE.words, SECURITY.words, EFFICIENCY.words)
    for word in words
    if word not in BROAD
)


@dataclass(frozen=True)
class Question:
    """A question with what its words tell.

    Attributes:
        span: that it names; None where it names none.
        names: services, entities and what is billed, as they are stored; accounts: whose cost is asked, the same way.
        unread: what in it looks like a time and is none that was understood.
        missing: words that stand where names do and are none that is stored.
        doubtful: short names in it that may mean several things that are billed, with these; all are looked at.
        why: it asks what made something rise; `found_in`: ids of the incidents that answer that, the first most.
        ahead: it asks what a cost will be, `coming`: in which months ahead, by their first days.
        budget: it asks whether budgets hold.
        words: its text in lower case without names and times; by them it is routed.
        clear: its words say what it asks; a question about an incident is clear too.
    """

    text: str
    language: Language
    span: Span | None
    names: tuple[str, ...]
    topics: tuple[str, ...]
    incident_id: str
    unread: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    doubtful: tuple[tuple[str, tuple[str, ...]], ...] = ()
    why: bool = False
    found_in: tuple[str, ...] = ()
    ahead: bool = False
    budget: bool = False
    accounts: tuple[str, ...] = ()
    coming: tuple[date, ...] = ()
    words: str = ""
    clear: bool = True


def understood(
    text: str, now: datetime, known: Iterable[str] = (), billed: Iterable[str] = (), accounts: Iterable[str] = ()
) -> Question:
    """Return what a question is about.

    Args:
        known: names of services, entities and what is billed that are stored.
        billed: of these, what is billed: in a question about cost a short name may stand for it.
        accounts: names and ids of accounts that are stored.
    """
    cut = formed(text[:LONGEST])[:LONGEST]
    plain = lowered(cut)
    incident = _INCIDENT.search(cut)
    said, owners = _said(plain, known, billed, accounts)
    rest = without(plain, [*said, *owners])
    looks_ahead = bool(hits(rest, AHEAD)) and not hits(rest, PAST)
    coming, rest = taken(rest, now, ahead=looks_ahead) if "cost" in _topics(rest) or owners else ((), rest)
    told = read(rest, now)
    # A service may be named as what it does: "are logins slow", of one that is called `logins`.
    topics = _topics(told.left) or _topics(plain) or (("cost",) if owners else ())
    telling = bool(topics or hits(told.left, _TELLING))
    short = shortened(told.left, cut, billed) if "cost" in topics else {}
    said += [Said(one, *place) for place, meant in short.items() for one in meant]
    left = without(told.left, said)
    odd = [] if incident else strange(left, cut, _means)
    broad = bool(hits(told.left, BROAD))
    korean = _HANGUL.search(cut) is not None
    # In a Korean question about cost, what is written in Latin letters is what somebody calls what is billed.
    foreign = {one.word for one in odd if korean and "cost" in topics and one.word.isascii()}
    about = [one for one in odd if one.placed or one.word in foreign] if telling else odd if broad else []
    nobody = unknown(left, _means) if "cost" in topics and not owners else []
    missing = [one.word for one in odd if one.sure or (one in about and not (said or owners))]
    missing += [word for word in nobody if word not in map(lowered, missing)]
    why = bool(hits(told.left, WHY))
    names = tuple(dict.fromkeys(one.name for one in said))
    return Question(
        text=text[:LONGEST],
        language="ko" if korean else "en",
        span=told.span,
        names=names,
        topics=topics,
        incident_id=incident[0] if incident else "",
        unread=told.unread,
        missing=tuple(missing),
        doubtful=tuple((word, meant) for word, meant in each(short, cut) if len(meant) > 1),
        why=why,
        ahead="cost" in topics
        and (bool(coming) or (not why and bool(hits(told.left, AHEAD)) and not _is_over(told, now))),
        coming=coming,
        budget="cost" in topics and bool(hits(told.left, BUDGET)),
        accounts=tuple(dict.fromkeys(one.name for one in owners)),
        words=told.left if telling else "cost" if owners else plain,
        clear=telling or bool(names or owners or incident) or (broad and not odd),
    )


def _said(
    plain: str, known: Iterable[str], billed: Iterable[str], accounts: Iterable[str]
) -> tuple[list[Said], list[Said]]:
    """Return the names in a text, and the accounts; these only where it is about money, or says that they are such."""
    said = stored(plain, known)
    owners = accounts_in(plain, accounts, _means)
    topics = _topics(without(plain, [*said, *owners])) or _topics(plain)
    if "cost" not in topics and (topics or not is_by_account(plain, owners)):
        return said, []
    others, owners = apart(said, owners, () if is_by_account(plain, owners) else billed)
    # Beside another topic a word may be both: the service that fails, and the account that pays.
    return (others if len(topics) < _SEVERAL else [*others, *(one for one in said if one not in others)]), owners


def hits(text: str, words: Iterable[str]) -> int:
    """Return how many of the words a text has; a word counts where it begins one.

    >>> hits("Why do logins fail?", ["login", "ail", "why"])
    2
    """
    lower = text.lower()
    return sum(1 for word in words if _begins(lower, word))


def _is_over(told: Told, now: datetime) -> bool:
    """Return whether the time that is named ends before this month."""
    return told.span is not None and told.span.end.date() <= now.date().replace(day=1)


def _topics(text: str) -> tuple[str, ...]:
    return tuple(topic for topic, words in TOPICS.items() if hits(text, words))


def _means(word: str) -> bool:
    return bool(hits(word, _TELLING) or hits(word, BROAD))


def _begins(text: str, word: str) -> bool:
    at = text.find(word)
    while at >= 0:
        if not (word[0].isascii() and text[at - 1 : at].isascii() and text[at - 1 : at].isalnum()):
            return True
        at = text.find(word, at + 1)
    return False
