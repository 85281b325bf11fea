"""Real logs: the anomalies are where an independent count says that they are."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bdp.detect.burst.detector import BurstDetector, BurstSettings
from bdp.detect.dedup import DedupSettings, Judgement, judge
from bdp.model.anomaly import Anomaly, AnomalyEnd, Sighting
from bdp.model.event import EventSignal, Level

SSH = re.compile(r"(?P<at>\w{3} +\d+ [\d:]{8}) \S+ (?P<service>\w+)\[\d+\]: (?P<message>.*)")
SSH_TROUBLE = re.compile(r"Failed|Invalid|failure|error:|BREAK-IN|max retries")
KAFKA = re.compile(
    r"\[(?P<at>[\d-]{10} [\d:]{8},\d{3})\] (?P<level>[A-Z]+) (?P<message>.*?)(?: \((?P<logger>[\w.$]+)\))?$"
)
Found = list[Anomaly | AnomalyEnd]


@pytest.fixture(scope="module")
def ssh(data_dir: Path) -> list[EventSignal]:
    text = (data_dir / "loghub-2k/loghub/OpenSSH/OpenSSH_2k.log").read_text()
    return [ssh_signal(match) for match in map(SSH.match, text.splitlines()) if match]


@pytest.fixture(scope="module")
def kafka(data_dir: Path) -> list[EventSignal]:
    files = sorted((data_dir / "elastic-examples-logs/kafka").glob("**/logs/kafka?/logs/*.log*"))
    lines = [(path.parts[-3], line) for path in files for line in path.read_text().splitlines()]
    signals = [kafka_signal(broker, match) for broker, line in lines if (match := KAFKA.match(line))]
    return sorted(signals, key=lambda signal: signal.ts)


def ssh_signal(match: re.Match[str]) -> EventSignal:
    at = datetime.strptime(f"2016 {match['at']}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
    level = Level.WARN if SSH_TROUBLE.search(match["message"]) else Level.INFO
    return EventSignal(at, match["service"], "", level, "", 0, match["message"], "", 1.0)


def kafka_signal(broker: str, match: re.Match[str]) -> EventSignal:
    at = datetime.strptime(match["at"], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC)
    level = Level(match["level"]) if match["level"] in Level.__members__ else Level.DEBUG
    return EventSignal(at, broker, match["logger"] or "", level, "", 0, match["message"], "", 1.0)


def run(signals: list[EventSignal], batch: int) -> Found:
    detector = BurstDetector(BurstSettings())
    batches = [signals[i : i + batch] for i in range(0, len(signals), batch)]
    return [one for part in batches for one in detector.observe(part)] + detector.finish()


def moments(signals: list[EventSignal]) -> dict[tuple[str, str], list[datetime]]:
    """Return the seconds of the abnormal signals by service and route."""
    found: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for signal in sorted(signals, key=lambda signal: signal.ts):
        if signal.abnormal:
            found[signal.service, signal.route].append(signal.ts.replace(microsecond=0))
    return found


def counted(signals: list[EventSignal]) -> list[tuple[str, str, datetime]]:
    """Return service, route and second of each crossing: over 10 in 300 s, again only after 300 s at 5 or fewer."""
    return sorted((*key, at) for key, times in moments(signals).items() for at in crossings(times))


def count_at(times: list[datetime], now: datetime) -> int:
    return bisect_right(times, now) - bisect_right(times, now - timedelta(seconds=300))


def crossings(times: list[datetime]) -> list[datetime]:
    found: list[datetime] = []
    loud = None
    for now in (times[0] + timedelta(seconds=s) for s in range(int((times[-1] - times[0]).total_seconds()) + 1)):
        count = count_at(times, now)
        if loud is not None and (now - loud).total_seconds() > 300:
            loud = None
        if count > 10 and loud is None:
            found.append(now)
            loud = now
        if count > 5 and loud is not None:
            loud = now
    return found


def crossed(found: Found) -> list[tuple[str, str, datetime]]:
    anomalies = [one for one in found if isinstance(one, Anomaly)]
    return sorted((a.subject.service, a.subject.route, a.detected_at.replace(microsecond=0)) for a in anomalies)


@pytest.mark.parametrize("batch", [1, 50, 100_000])
def test_ssh_brute_force(ssh: list[EventSignal], batch: int) -> None:
    """The log is uneasy throughout, so after the first hour its own bound lies a little over the fixed threshold.

    Each large crossing of the fixed threshold is raised within 45 s, each anomaly's figures are right, and all
    anomalies have one signature.
    """
    ((_, times),) = moments(ssh).items()
    found = run(ssh, batch)
    raised = [at for _, _, at in crossed(found)]
    hour = times[0] + timedelta(hours=1)
    fixed = crossings(times)
    assert [at for at in raised if at < hour] == [at for at in fixed if at < hour]
    large = [at for at in fixed if max(count_at(times, at + timedelta(seconds=s)) for s in range(600)) > 20]
    assert len(large) >= 4
    assert all(any(timedelta(0) <= at - before <= timedelta(seconds=45) for at in raised) for before in large)
    assert len({one.signature for one in found if isinstance(one, Anomaly)}) == 1


def test_ssh_figures_are_those_of_the_log(ssh: list[EventSignal]) -> None:
    ((_, times),) = moments(ssh).items()
    found = run(ssh, 100_000)  # whole seconds: a cut inside the crossing second gives the part that had come
    ends = {one.anomaly_id: one for one in found if isinstance(one, AnomalyEnd)}
    for one in (one for one in found if isinstance(one, Anomaly)):
        now = one.detected_at
        assert count_at(times, now) == one.count > one.threshold >= count_at(times, now - timedelta(seconds=1))
        end = ends[one.anomaly_id]
        assert end.total == sum(one.start_time <= at <= end.end_time for at in times)
        inside = range(int((end.end_time - now).total_seconds()) + 1)
        assert end.peak == max(count_at(times, now + timedelta(seconds=s)) for s in inside)


@pytest.mark.parametrize("batch", [1, 500, 100_000])
def test_kafka_broker_trouble(kafka: list[EventSignal], batch: int) -> None:
    found = run(kafka, batch)
    assert crossed(found) == counted(kafka)
    assert {service for service, _, _ in crossed(found)} == {"kafka0", "kafka1", "kafka2"}


def test_ssh_brute_force_is_few_incidents(ssh: list[EventSignal]) -> None:
    """Crossings within an hour of the last failed log-in are repeats; the attack rarely pauses for longer."""
    sighting, verdicts = None, []
    for one in run(ssh, 1):
        if isinstance(one, Anomaly):
            verdicts.append(judge(sighting, one, DedupSettings()))
        last_seen = one.detected_at if isinstance(one, Anomaly) else one.end_time
        sighting = Sighting(signature=one.signature, incident_id="I1", live=True, last_seen=last_seen)
    assert verdicts[0] is Judgement.NEW
    assert verdicts.count(Judgement.NEW) <= 3
    assert verdicts.count(Judgement.REPEAT) >= 2
