"""Executions: one row for every run of an agent or an action."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from bdp.model.noun import Noun


class Outcome(StrEnum):
    """How a run ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    DRY_RUN = "dry_run"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


class Execution(Noun):
    """One run.

    Attributes:
        execution_id: derived from what ran, so that a run that is repeated after a crash is one row.
        case_id: the known pattern that it followed; here the playbook's or mechanism's name.
        agent: who ran it: `analyst`, `action`, `approval`, ….
        parameters_hash: SHA-256 of the parameters, 16 hex digits.
        duration_ms: milliseconds.
        cost_usd: money spent on models; 0 without one.
    """

    execution_id: str
    case_id: str
    workflow_id: str
    incident_id: str
    agent: str
    action: str
    parameters_hash: str
    started_at: datetime
    duration_ms: float
    outcome: Outcome
    error_type: str = ""
    tokens: int = 0
    cost_usd: float = 0.0
