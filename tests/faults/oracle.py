"""Says whether a run kept the promise: it knows everything that was sent and what was answered.

- Every acknowledged line is in the store exactly once with its content intact, or among the dead letters, or within the
  counted drops of its class.
- Every other line is there at most once.
- A disk that takes nothing cannot keep an id: a request that was let go, and is sent again, may be counted again.
- accepted = stored + dead-lettered + dropped, nothing in flight; each count is what is really there.
- No answer outside the protocol, no incident twice for one burst, and a fresh event goes through in time.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.events import FIELDS, Line, Outcome, Request, digest

REST_SECONDS = 45.0
PROBE_SECONDS = 20.0
_PAGE = 50_000
_ID = re.compile(r'"event_id":\s*"([^"]+)"')


@dataclass
class Verdict:
    """What the oracle found."""

    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def claim(self, holds: bool, problem: str) -> None:
        """Note a problem unless something holds."""
        if not holds:
            self.problems.append(problem)


@dataclass
class Found:
    """Where the lines are at the end."""

    stored: dict[str, list[bytes]]
    letters: Counter[str]
    letter_count: int
    dropped: Counter[str]
    total: dict[str, int]


def check(client: httpx.Client, requests: Sequence[Request], probe: Request) -> Verdict:
    """Wait for rest, look at everything and judge.

    Args:
        probe: a request not sent yet.
    """
    verdict = Verdict()
    _probe(client, probe, verdict)
    rest = _wait_for_rest(client, verdict)
    everything = [*requests, probe]
    judge(everything, _look(client, rest), verdict)
    _judge_incidents(client, everything, verdict)
    return verdict


def judge(requests: Sequence[Request], found: Found, verdict: Verdict) -> Verdict:
    """Compare what was sent and answered with where it is, and add to the verdict."""
    _judge_lines(requests, found, verdict)
    _judge_ledger(requests, found, verdict)
    return verdict


def _probe(client: httpx.Client, probe: Request, verdict: Verdict) -> None:
    began = time.monotonic()
    while time.monotonic() < began + PROBE_SECONDS:
        try:
            answer = client.post("/v1/events", content=probe.body, headers={"Idempotency-Key": probe.key})
            if answer.status_code == httpx.codes.OK:
                probe.outcome = Outcome.ACKNOWLEDGED
            if probe.outcome is Outcome.ACKNOWLEDGED and _has(client, probe.lines[0].event_id):
                verdict.figures["probe_s"] = round(time.monotonic() - began, 2)
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    verdict.problems.append(f"not live: a fresh event is not in the store after {PROBE_SECONDS:.0f} s")


def _has(client: httpx.Client, event_id: str) -> bool:
    rows = client.post("/v1/query", json={"sql": f"SELECT count() AS n FROM events WHERE event_id = '{event_id}'"})
    return rows.status_code == httpx.codes.OK and rows.json()[0]["n"] > 0


def _wait_for_rest(client: httpx.Client, verdict: Verdict) -> dict[str, Any]:
    """Wait until nothing is in flight; the same twice, a moment apart."""
    limit, last = time.monotonic() + REST_SECONDS, None
    found: dict[str, Any] = {}
    while time.monotonic() < limit:
        try:
            answer = client.get("/v1/ledger")
            if answer.status_code == httpx.codes.OK:
                found = answer.json()
                if found["total"]["in_flight"] == 0 and found["total"] == last:
                    return found
                last = found["total"]
        except httpx.HTTPError:
            pass
        time.sleep(0.15)
    verdict.problems.append(f"not at rest after {REST_SECONDS:.0f} s: {found.get('total')}, {found.get('sinks')}")
    return found


def _look(client: httpx.Client, rest: dict[str, Any]) -> Found:
    letters, count = _letters(client)
    return Found(
        stored=_stored(client),
        letters=letters,
        letter_count=count,
        dropped=_dropped(rest),
        total=dict(rest.get("total", {})),
    )


def _stored(client: httpx.Client) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    start = 0
    while True:
        sql = f"SELECT event_id, {', '.join(FIELDS)} FROM events ORDER BY event_id LIMIT {_PAGE} OFFSET {start}"
        rows = client.post("/v1/query", json={"sql": sql}).raise_for_status().json()
        for row in rows:
            found.setdefault(row["event_id"], []).append(digest(row))
        start += len(rows)
        if len(rows) < _PAGE:
            return found


def _letters(client: httpx.Client) -> tuple[Counter[str], int]:
    found: Counter[str] = Counter()
    count, before = 0, ""
    while True:
        parameters: dict[str, str | int] = {"limit": 1000} | ({"before": before} if before else {})
        page = client.get("/v1/dead-letters", params=parameters).raise_for_status().json()
        page = page["letters"] if isinstance(page, dict) else page
        for letter in page:
            known = _ID.search(letter["payload"])
            found[known[1] if known else f"? {letter['payload'][:80]}"] += 1
        count += len(page)
        before = page[-1].get("letter_id", "") if page else ""
        if len(page) < 1000 or not before:
            return found, count


def _dropped(rest: dict[str, Any]) -> Counter[str]:
    """Return drops by class."""
    counts: Counter[str] = Counter()
    for drop in rest.get("drops", ()):
        counts[drop["priority"]] += drop["count"]
    return counts


def _judge_lines(requests: Sequence[Request], found: Found, verdict: Verdict) -> None:
    missing: Counter[str] = Counter()
    loose: Counter[str] = Counter()
    again: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    known: set[str] = set()
    for request in requests:
        answered = request.outcome is Outcome.ACKNOWLEDGED
        for line in request.lines:
            known.add(line.event_id)
            again[line.priority] += request.tries - 1 if request.tries > 1 else 0
            copies = found.stored.get(line.event_id, [])
            ends = len(copies) + found.letters[line.event_id]
            figures["sent"] += 1
            figures["acknowledged"] += answered
            figures["stored"] += bool(copies)
            figures["dead"] += bool(found.letters[line.event_id])
            figures["duplicates"] += max(0, ends - 1)
            figures["damaged"] += sum(1 for copy in copies if copy != line.digest)
            if not ends:
                (missing if answered else loose)[line.priority] += 1
            _note_line(line, request, copies, ends, verdict)
    figures["dropped"] = sum(found.dropped.values())
    strangers = (set(found.stored) | set(found.letters)) - known
    verdict.claim(not strangers, f"{len(strangers)} records that nobody sent, such as {sorted(strangers)[:2]}")
    figures["losses"] = _losses(missing, loose + again, found.dropped, verdict)
    verdict.figures |= dict(figures)


def _note_line(line: Line, request: Request, copies: list[bytes], ends: int, verdict: Verdict) -> None:
    if ends > 1 and len(verdict.problems) < 20:
        verdict.problems.append(
            f"{line.event_id} of {request.key or 'a request without key'} is there {ends} times "
            f"({len(copies)} stored; {request.outcome.value}, {request.tries} tries)"
        )
    elif any(copy != line.digest for copy in copies) and len(verdict.problems) < 20:
        verdict.problems.append(f"{line.event_id} is in the store with another content than {line.raw[:200]!r}")


def _losses(missing: Counter[str], loose: Counter[str], dropped: Counter[str], verdict: Verdict) -> int:
    """Compare what is gone with what was counted as dropped, class by class."""
    losses = 0
    for name in sorted(set(missing) | set(dropped)):
        gone, unsure = missing[name], loose[name]
        losses += max(0, gone - dropped[name])
        verdict.claim(gone <= dropped[name], f"{gone - dropped[name]} acknowledged {name} records are gone uncounted")
        verdict.claim(
            dropped[name] <= gone + unsure,
            f"{dropped[name]} {name} records are counted as dropped; at most {gone + unsure} are gone",
        )
    return losses


def _judge_ledger(requests: Sequence[Request], found: Found, verdict: Verdict) -> None:
    total = found.total
    if not total:
        return
    rows = sum(len(copies) for copies in found.stored.values())
    sent = sum(len(request.lines) for request in requests)
    answered = sum(len(request.lines) for request in requests if request.outcome is Outcome.ACKNOWLEDGED)
    ends = total["stored"] + total["dead_lettered"] + total["dropped"]
    verdict.figures["in_flight"] = total["in_flight"]
    verdict.claim(total["accepted"] == ends + total["in_flight"], f"the ledger is out of balance: {total}")
    verdict.claim(total["stored"] == rows, f"the ledger says {total['stored']} stored; the store holds {rows}")
    verdict.claim(
        total["dead_lettered"] == found.letter_count,
        f"the ledger says {total['dead_lettered']} dead letters; there are {found.letter_count}",
    )
    twice = sum(len(request.lines) * (request.tries - 1) for request in requests if request.tries > 1)
    most = sent + min(total["dropped"], twice)
    verdict.claim(
        answered <= total["accepted"] <= most,
        f"the ledger says {total['accepted']} accepted; {answered} were acknowledged and {sent} sent",
    )


def _judge_incidents(client: httpx.Client, requests: Sequence[Request], verdict: Verdict) -> None:
    incidents = client.get("/v1/incidents", params={"limit": 1000}).raise_for_status().json()
    opened = Counter(found["subject"]["service"] for found in incidents)
    bursts = {request.burst for request in requests if request.burst}
    twice = {name: count for name, count in opened.items() if name in bursts and count > 1}
    verdict.figures["bursts"] = len(bursts)
    verdict.figures["incidents"] = sum(1 for name in bursts if opened[name])
    verdict.claim(not twice, f"one burst, several incidents: {twice}")
