"""The policy: the rules that hold, what an action would get, and the versions that held."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from bdp.app import App
from bdp.decide.circumstances import Circumstances
from bdp.decide.policy import Policy
from bdp.decide.trial import Question, Trial, tried
from bdp.model.policy import PolicyVersion
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/policy", tags=["decide"])

_SHOWN_VERSIONS = 100


class PolicyAnswer(BaseModel):
    """The policy that holds in the process that answers."""

    version: str = Field(description="12 hex digits over its content; empty if it is broken")
    source: str = Field(description="`shipped`, or the folder of its files")
    folder: str = Field(description="where its files are looked for")
    default_environment: str
    environments: dict[str, list[str]]
    maintenance: list[dict[str, Any]]
    rules: list[dict[str, Any]] = Field(description="in order, each without what it leaves at its default")
    problems: list[str] = Field(description="why it cannot be used; then nothing that changes a system is allowed")


class TrialQuestion(Question):
    """An action that might be wanted, and when."""

    at: AwareDatetime | None = Field(default=None, description="empty: now")


class TrialAnswer(BaseModel):
    """What it would get."""

    version: str
    at: datetime
    trial: Trial


@routes.get("")
def show_policy(product: Product) -> PolicyAnswer:
    """Return the rules that hold now."""
    return answer(product.policy.now(), product)


@routes.get("/history")
def policy_history(product: Product) -> list[PolicyVersion]:
    """Return the versions that held in a serving process, newest first, with their text."""
    return product.register.history(_SHOWN_VERSIONS)


@routes.post("/test")
def test_policy(question: TrialQuestion, product: Product) -> TrialAnswer:
    """Say what an action would get and why. Nothing is done; limits of rate are taken as not yet used."""
    policy, at = product.policy.now(), (question.at or product.clock.now()).astimezone(UTC)
    circumstances = Circumstances(at, product.switch.now())
    return TrialAnswer(
        version=policy.version, at=at, trial=tried(policy, question, circumstances, product.settings.gate)
    )  # fmt: skip


def answer(policy: Policy, product: App) -> PolicyAnswer:
    """Return a policy as the API tells it."""
    return PolicyAnswer(
        version="" if policy.broken else policy.version,
        source=policy.source,
        folder=str(product.policy.path),
        default_environment=policy.default_environment,
        environments={name: list(globs) for name, globs in policy.environments.items()},
        maintenance=[_said(window) for window in policy.maintenance],
        rules=[_said(rule) for rule in policy.rules],
        problems=[str(problem) for problem in policy.problems],
    )


def _said(form: BaseModel) -> dict[str, Any]:
    return form.model_dump(mode="json", by_alias=True, exclude_defaults=True)
