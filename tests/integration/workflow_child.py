"""Works on incidents until all are over: the process that the kill test kills. Arguments: home, receiver, how many."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bdp.flow.incident import workflow_id_of
from bdp.model.analysis import Analysis
from bdp.model.decision import PolicyEffect
from bdp.model.incident import Incident, IncidentStatus
from bdp.telemetry import set_up_logs
from tests.scenario.workflow_scene import ENDED, TELL, Scene, anomaly, ask_for, wait_for


class Slow(Scene):
    """Its analyses take a while, so that there is something to interrupt."""

    def explain(self, incident: Incident, attempt: int, tried: Sequence[str]) -> Analysis:
        time.sleep(random.uniform(0.0, 0.03))
        return super().explain(incident, attempt, tried)

    def symptom_gone(self, incident: Incident, since: datetime) -> bool:
        # The remedy mends it; where it was rejected, it ends by itself before the next analysis is through.
        analyses = sum(entry.kind == "analysis" for entry in incident.timeline)
        return incident.status is IncidentStatus.VERIFYING or analyses > 1


def main(home: Path, receiver: str, incidents: int) -> None:
    set_up_logs()  # to standard error: nobody reads what stands in the pipe
    scene = Slow(home, actions=(TELL, ask_for("restart", 2)), receiver=receiver, effect=PolicyEffect.ASK)
    scene.verify_after_seconds = 0.05
    with scene:
        print("ready", flush=True)
        known = {incident.signature for incident in scene.state.incidents.list(limit=10_000)}
        for number in range(incidents):
            if anomaly(number).signature not in known:
                scene.start(number)
                time.sleep(0.04)
        wait_for(lambda: over(scene, incidents), 120)
    print("over", flush=True)


def over(scene: Scene, incidents: int) -> bool:
    time.sleep(0.1)
    found = scene.state.incidents.list(limit=10_000)
    pending = scene.engine.pending()
    done = [i for i in found if i.status in ENDED and workflow_id_of(i.incident_id) not in pending]
    return len(done) == incidents


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
