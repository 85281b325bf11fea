"""What questions that wait for people cost a serving process that has nothing else to do.

    python benchmarks/waiting.py [--quick] [--questions 10000] [--seconds 30]

One product is opened, and its CPU time is taken over two stretches without any question, whose difference tells how
exact the measure is, and over one with many. The aim: what waits costs no polling of its own.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from bdp.app import App
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.decision import Approval
from bdp.settings import ALONE, load


def measure(questions: int, seconds: float) -> dict[str, Any]:
    """Return CPU milliseconds a second, by stretch."""
    with tempfile.TemporaryDirectory(prefix="bdp-waiting-") as folder, App(load(Path(folder), ALONE)) as app:
        app.start()
        time.sleep(5.0)
        none = [_cpu(seconds), _cpu(seconds)]
        _ask(app, questions)
        time.sleep(15.0)
        waiting = _cpu(seconds)
    idle = sum(none) / len(none)
    return {
        "questions": questions,
        "seconds": seconds,
        "cpu_ms_per_second": {"none": [round(one, 2) for one in none], "waiting": round(waiting, 2)},
        "ratio": round(waiting / idle, 3),
        "cpu_us_per_question_and_second": round((waiting - idle) * 1000 / questions, 3),
    }


def _cpu(seconds: float) -> float:
    began, cpu = time.monotonic(), time.process_time()
    time.sleep(seconds)
    return (time.process_time() - cpu) * 1000 / (time.monotonic() - began)


def _ask(app: App, questions: int) -> None:
    now = app.clock.now()
    for name in (f"Q{number:06}" for number in range(questions)):
        app.state.approvals.ask(
            Approval(
                approval_id=name,
                incident_id=f"I{name}",
                workflow_id=f"incident-I{name}",
                action=ActionProposal(type=ActionType.WEBHOOK, description="Roll back."),
                plan="POST https://deploy.example.com/rollback",
                undo="",
                requested_at=now,
                expires_at=now + timedelta(hours=6),
            )
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="1,000 questions, 8 seconds a stretch")
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    found = measure(1_000, 8.0) if given.quick else measure(given.questions, given.seconds)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
