"""The engine, the sweep, the questions and the colleagues of one worker, put together."""

from __future__ import annotations

from bdp.flow.mend.colleagues import Colleagues
from bdp.flow.mend.durable import APPLICATION_VERSION, Workflows
from bdp.flow.mend.incident import VERSION, IncidentWorkflow
from bdp.flow.mend.parts import Parts
from bdp.flow.mend.questions import Questions
from bdp.flow.mend.run import begun_by
from bdp.flow.mend.sweep import Sweep
from bdp.flow.settings import EngineSettings
from bdp.model.decision import Approval
from bdp.model.incident import Incident
from bdp.ports import Workers


class Crew:
    """Works on incidents, from `open` to `close`.

    Args:
        workers: who else does, on the same state.
        workflow: another body than that of this version, for tests of upgrades.
        code: its version.
    """

    def __init__(
        self,
        parts: Parts,
        settings: EngineSettings,
        workers: Workers,
        workflow: IncidentWorkflow | None = None,
        code: int = VERSION,
    ) -> None:
        clock = parts.tools.clock
        colleagues = Colleagues(workers, settings.executor_id, APPLICATION_VERSION, clock, settings.lease_seconds)
        self._workflow = workflow or IncidentWorkflow(parts)
        self.engine = Workflows(settings, clock, colleagues, code)
        self._questions = Questions(parts.approvals, clock, self.engine.start)
        self._sweep = Sweep(parts.incidents, self._workflow, self.engine)

    def open(self) -> None:
        """Begin, and go on with what an earlier process left.

        Raises:
            HomeInUse: another engine is open in this process.
        """
        self.engine.open(self._workflow.body, self._sweep, self._questions.look)

    def take_up(self, incident: Incident) -> None:
        """Begin the work on an incident; begun before, nothing happens."""
        self.engine.start(begun_by(incident.incident_id), incident.incident_id)

    def decided(self, approval: Approval) -> None:
        """Start at once what follows a question that has its answer; else the next look finds it."""
        self._questions.decided(approval)

    def close(self) -> None:
        """Stop; what is under way goes on at the next start, or with a colleague."""
        self.engine.close()
