"""Names, codes, addresses and quoted fragments in a claim, and whether the evidence has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bdp.explain.grounding.unit import WRITTEN
from bdp.explain.grounding.vocabulary import CONCEPT
from bdp.explain.wording import clean

_QUOTED: Final = re.compile(
    r"`([^`\n]+)`|\"([^\"\n]+)\"|“([^”\n]+)”|「([^」\n]+)」|‘([^’\n]+)’|(?<![A-Za-z0-9_'])'([^'\n]+)'(?![A-Za-z0-9_])"
)
_REFERENCE: Final = re.compile(r"\[?\bE\d+(?:\s?,\s?E\d+)*(?![A-Za-z0-9_])\]?")
_ADDRESS: Final = re.compile(
    r"(?<![\w.])\d{1,9}(?:\.\d{1,9}){2,}(?::\d{1,5}|/\d{1,2})?(?![A-Za-z0-9_])"
    r"|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?![A-Za-z0-9_:])"
)
_HEX: Final = re.compile(r"(?<![A-Za-z0-9_.])(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{7,64}(?![A-Za-z0-9_])(?!(?<=e)[+-]\d)")
_VERSION: Final = re.compile(
    r"(?<![A-Za-z0-9_.])v?\d+\.\d+\.\d+(?:[-+.][A-Za-z0-9.-]+)?(?![A-Za-z0-9_])|"
    r"(?<![A-Za-z0-9_])v\d+(?:\.\d+)*(?![A-Za-z0-9_])"
)
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9_])/?[A-Za-z_][A-Za-z0-9_.$@/:-]*")
_ENDING: Final = r"(?:service|svc|api|db|database|gateway|worker|broker|server|proxy|cache|queue|frontend|backend)"
_SERVICE: Final = re.compile(
    rf"-(?:{_ENDING}|\d+)$|^[a-z]{{3,}}(?:service|svc|db|server|gateway|worker)$", re.IGNORECASE
)
_COMMON: Final = frozenset({"microservice", "webserver", "observer", "coworker"})
_HUMP: Final = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]{2}")
_PLURAL: Final = re.compile(r"[A-Z]{2,}s")
_PLAIN: Final = frozenset(
    {"e.g", "i.e", "p50", "p90", "p95", "p99", "ipv4", "ipv6", "utf8", "and/or", "vs.", "n/a", "http2"}
)
_VERB = (
    "had|has|have|logged|logs|saw|sees|produced|produces|showed|shows|failed|fails|recorded|records|reported|"
    "reports|emitted|broke|breaks|"
    "crashed|threw|throws|is|received|took|averaged|stood|carries|carried|responded|served|handled|runs|ran|sits|"
    "peaked|rose|fell|dropped|climbed|jumped|"
    "increased|decreased|failing|going|goes|started|began|stopped|hit|exceeded|reached|normally|now|itself|also|alone|"
    "suffered|experienced|was|went|got"
)
_SUBJECT: Final = re.compile(
    rf"(?:^|[.;:,]\s|\x00,?\s|\btotal,? |\bshows? |\b(?:traces|errors|events|failures|cases|requests)\s|\bwhile |"
    rf"\bwhen |\bthat |\bafter |\bbefore |\bsince |\bonce |\bbecause |\bamong them "
    rf")([A-Za-z][A-Za-z0-9_.-]{{2,80}})(?=(?:'s\b)|:\s|\s(?:{_VERB})\b)"
)
_OBJECT: Final = re.compile(
    r"\b(?:of|from|by|[Ii]n|[Oo]n|[Aa]t|(?:deployed|shipped|pushed|out|released|routed|reached|rollout of \S{1,64}|\x00) "  # noqa: E501
    r"to|reached|hit|for|affected|among them|including|notably|namely|especially|service|host|node|server|broker|"
    r"entity|instance|pod|database)\s([a-z][A-Za-z0-9_-]{2,80})"
    r"(?=\s*(?:[.,;:()]|$|(?:rose|fell|jumped|dropped|climbed|went|was|is|were|are|had|has|did|with|between|and|"
    r"reached|hit|stayed|during|by|from|"
    r"ranged|moved|showed?|failing|failed|fails|fell|at|in|on|went|peaked|never|bottomed|increased|decreased|"
    r"grew|shrank|got|service|began|preceded|followed|averaged|came|happened|took|landed|stood|varied|started|"
    r"stopped|crashed|broke|threw|logged|saw|recorded|reported|while|when|because|which|exceeded|spiked|received)\b))"
)
_BEFORE_KOREAN: Final = re.compile(
    r"(?<![A-Za-z0-9_])([A-Za-z][A-Za-z0-9_.-]{2,80})(?=(?:에서|에게|에는|에도|에|의|은|는|이|가|을|를|도|와|과|로|부터|까지)|\s(?:서비스|"
    r"호스트|노드|서버|브로커|장애|오류|에러|실패|배포|로그|변경|릴리스|커밋))"
)
_AT: Final = re.compile(
    r"(?:(?<![A-Za-z0-9_])@\s?|\b(?:on|at|of|for|from|hit)\s)([a-z][A-Za-z0-9_-]{2,80})(?=\s(?:\d|\x00|exceed))|"
    r"\b[Ii]t (?:is|was) ([a-z][A-Za-z0-9_-]{2,80}) that\b|"
    r"(?<![A-Za-z0-9_])@([a-z][A-Za-z0-9_-]{2,80})"
)
_LATIN: Final = re.compile(r"(?<![A-Za-z0-9_@.\x00-])([a-z][a-z0-9_.-]{2,80})(?![A-Za-z0-9_/(-])")
"""Between Korean words a foreign word is mostly a name."""
_HANGUL: Final = re.compile(r"[가-힣]")
_ORDINARY: Final = frozenset(_VERB.split("|")) | frozenset(
    (  # noqa: SIM905
        "never are were be been being is alone will would could should can may might must do does did done the "
        "and this that these those there they them then than with from into onto over under about after before "
        "between during while when what which who whom whose where why how all any some most many much more less "
        "few fewer several each every both either neither none not now new old same other another such only own "
        "once one two three first last next previous prior latest here its his her our your total average median "
        "normal usual baseline peak maximum minimum max min general particular fact full least half part parts "
        "rest whole incident outage trouble failure failures error errors event events warning warnings issue "
        "issues problem problems cause onset start end begin beginning stretch window period hour hours minute "
        "minutes second seconds day days time times date week month morning night today log logs message "
        "messages line lines text trace traces request requests call calls traffic load usage use user users "
        "account accounts client clients address addresses source sources host hosts node nodes server servers "
        "service services database broker brokers pod pods cluster region zone network disk memory cpu latency "
        "throughput rate ratio share level value values number count point points sample samples metric metrics "
        "measure change changes deploy deploys deployment deployments release releases rollout commit version "
        "config everything nothing anything something everybody nobody somebody people production staging place "
        "places way ways case cases order rise fall increase decrease drop jump spike surge trend pattern "
        "patterns template templates sign signs kind kinds type types timeout timeouts connection connections "
        "pool retry retries queue cache thread threads health status code codes field fields name names percent "
        "percentage least most parallel advance addition contrast detail practice play effect line sight store "
        "system machine which root live up down off out back away along together overall again still already yet "
        "soon later earlier too also even just abnormal bad failing failed successful success different distinct "
        "single multiple various further half almost nearly roughly attack attackers attempts attempt login "
        "logins password passwords evidence data analysis investigation review example fail fails failing show "
        "shows happen happens respond affect begin say says see get gets take takes work works run runs go goes "
        "come comes things thing stuff matters life hell it's he's him her she you we it he us me noon midnight "
        "utc kst gmt january february march april may june july august september october november december "
        "monday tuesday wednesday thursday friday saturday sunday http https tcp udp dns tls ssl sql api url cpu "
        "ram gc jvm ip ips sha id ids above below within without until till against across beyond around near "
        "behind beside along past per via since extreme extremes sequence sequences edge edges limit limits "
        "threshold thresholds bound bounds ceiling floor trough high highs low lows mean sum tally window "
        "windows span spans interval intervals slot slots segment sample past hosts result results outcome "
        "outcomes report reports record records entry entries item items row rows table scale scales step steps "
        "stage stages phase phases side sides front back top bottom middle centre center head tail growth "
        "decline slump dip surge increase decreases rises falls drops jumps difference differences gap gaps "
        "distance shift shifts move moves movement direction reference norm standard custom measurement "
        "measurements reading readings observation observations figure figures quantity quantities portion "
        "portions majority minority bulk lot lots plenty couple dozen dozens hundred hundreds thousand thousands "
        "million millions origin origins symptom symptoms signature signatures sort sorts class classes category "
        "categories group groups set sets list chain chains path paths route routes link links reason reasons "
        "source sources factor factors context question answer summary overview note notes view review look "
        "glance check checks search history timeline schedule customer customers people person human humans "
        "operator operators team teams company business product products true false good better best worse worst "
        "big bigger large larger small smaller long longer short shorter few early earlier late later quick fast "
        "slow sudden sharp steep steady constant stable flat mild severe minor major about approximately exactly "
        "precisely least nearly close far wide broad narrow deep whole entire complete like unlike despite "
        "although though unless whether whereas yet hence thus therefore however moreover besides abrupt gradual "
        "ongoing recent current former initial final original eventual subsequent consecutive respective tracing "
        "collateral damage blast radius impact scope behaviour behavior performance capacity demand volume size "
        "amount money cost costs"
    ).split()
)
"""Words that are no names where a name could stand."""


@dataclass(frozen=True)
class Name:
    """A name, a code, an address or a quoted fragment.

    Attributes:
        sure: its form says that it is one; else only its place in the sentence does.
    """

    text: str
    start: int
    sure: bool = True


def names(text: str) -> tuple[list[Name], str]:
    """Return quoted names and those that their form gives away, and the text with them blanked out."""
    found: list[Name] = []
    rest = _take(_QUOTED, text, lambda m: found.append(Name(next(g for g in m.groups() if g), m.start())))
    return found, _take(_REFERENCE, rest, lambda m: None)


def codes(text: str) -> tuple[list[Name], str]:
    """Return names that their form gives away, and the text with them blanked out; times must be out of it already."""
    found: list[Name] = []
    rest = text
    for pattern in (_ADDRESS, _VERSION, _HEX):
        rest = _take(pattern, rest, lambda m: found.append(Name(m[0], m.start())))
    kept = list(rest)
    for match in _TOKEN.finditer(rest):
        token = _bare(match[0])
        if _code_like(token):
            found.append(Name(token, match.start()))
            kept[match.start() : match.start() + len(token)] = "\x00" * len(token)
    return found, "".join(kept)


def placed(text: str) -> list[Name]:
    """Return words that stand where a service's name would: `checkout had 5 errors`, `checkout에서`."""
    found = {}
    patterns = (_SUBJECT, _OBJECT, _AT, _BEFORE_KOREAN, *((_LATIN,) if _HANGUL.search(text) else ()))
    for pattern in patterns:
        for match in pattern.finditer(text):
            at = match.start(match.lastindex or 1)
            word = match[match.lastindex or 1].rstrip(".-")
            before = text[max(0, at - 5) : at]
            if ("\x00" in before[-2:] or before == "that ") and word.endswith(("s", "ed")):
                continue  # a verb behind a name
            if word[0].isupper() and word.endswith(("ing", "ed", "ion", "ment", "ness", "ity", "ance", "ence", "oms")):
                continue  # a heading: `Co-failing: …`
            if word[0].isupper() and word.endswith("s") and text.startswith(":", at + len(word)):
                continue
            if word.endswith(("ly", "wards", "while")):
                continue  # an adverb
            if word.lower() not in _ORDINARY | _PLAIN and word.lower() not in CONCEPT and word.lower() not in WRITTEN:
                found[at] = Name(word, at, sure=False)
    return list(found.values())


def _bare(token: str) -> str:
    token = token.rstrip(".-/@$:")
    return token[:-2] if token.endswith("'s") else token


def _take(pattern: re.Pattern[str], text: str, keep: Callable[[re.Match[str]], object]) -> str:
    """Hand every match to `keep` and blank it out, so that its digits are not read again as numbers."""

    def blank(match: re.Match[str]) -> str:
        keep(match)
        return "\x00" * len(match[0])

    return pattern.sub(blank, text)


def _code_like(token: str) -> bool:
    lowered = token.lower()
    if re.fullmatch(r"x\d+", lowered):
        return False  # x3: a multiple
    if lowered in _PLAIN or len(token) < 3 or lowered in _COMMON or _PLURAL.fullmatch(token):
        return False
    inner = (
        "_" in token
        or "@" in token
        or "$" in token
        or "::" in token
        or re.search(r"[A-Za-z]{2}\.\w", token) is not None
    )
    inner = inner or re.search(r"\w:\d", token) is not None
    mixed = any(c.isdigit() for c in token) and "-" not in token and lowered not in WRITTEN
    parts = lowered.split("-")
    dashed = len(parts) > 1 and any(any(c.isdigit() for c in part) for part in parts)
    return (
        inner or mixed or dashed or token.startswith("/") or bool(_HUMP.search(token)) or bool(_SERVICE.search(token))
    )


def plain(text: str) -> str:
    """Return a name as it is compared: on one line, lower case."""
    return clean(text).lower()


def contains(text: str, wanted: str) -> bool:
    """Find a name that is not a part of a longer word, number or address; a commit may be cut to seven digits."""
    at = text.find(wanted)
    cut = len(wanted) >= 7 and re.fullmatch(r"[0-9a-f]+", wanted) is not None
    while at >= 0:
        before, after = text[at - 1 : at] if at else "", text[at + len(wanted) : at + len(wanted) + 2]
        inside = (_joins(before, wanted[0])) or (_joins(wanted[-1], after[:1]) and not cut)
        if not inside and not (after[:1] == "." and after[1:].isdigit() and wanted[-1].isdigit()):
            return True
        at = text.find(wanted, at + 1)
    return False


def _joins(left: str, right: str) -> bool:
    """Return whether two characters are of one word; Korean particles follow a name without a space."""
    return left.isalnum() and right.isalnum() and left.isascii() == right.isascii()


def holds(text: str, wanted: str) -> bool:
    """Return whether a text of the evidence has a name; `…` stands for the rest of a long one.

    A name of nothing that can be seen is in no text: an empty string would be in each.
    """
    if not wanted.strip("…"):
        return False
    if wanted.endswith("…"):
        return text.startswith(wanted[:-1])
    return contains(text, wanted)
