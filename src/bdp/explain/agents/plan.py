"""What is looked up by rules for a question: so it is answered without a model, and a model begins with something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import structlog

from bdp.errors import BdpError, StoreUnavailable
from bdp.explain.agents.agent import Agent
from bdp.explain.agents.bench import Bench
from bdp.explain.agents.question import Question
from bdp.explain.agents.tools import look

log = structlog.get_logger(__name__)
Step = tuple[str, dict[str, Any]]

_NAMES: Final = 3
"""Services that are each looked at."""
_BY_TOPIC: Final[Mapping[str, tuple[str, ...]]] = {
    "errors": ("abnormal_events", "message_templates"),
    "slow": ("latency",),
    "cost": ("costs",),
    "logins": ("failed_logins",),
    "changes": ("changes",),
    "metrics": ("metric_series", "metric_names"),
    "incidents": ("incidents",),
}
OFFER: Final[tuple[Step, ...]] = (("services", {}), ("abnormal_events", {"by": "service"}), ("incidents", {}))
"""What is looked up for a question that nobody understood: what there is, and the newest trouble."""
_OF_A_SERVICE: Final = frozenset(
    {"abnormal_events", "message_templates", "latency", "failed_logins", "changes", "incidents"}
)


def steps_of(question: Question, agents: Sequence[Agent]) -> list[Step]:
    """Return the look-ups for a question, each once, in order."""
    searches: list[Step] = [("mentions", {"text": word}) for word in question.missing[:_NAMES]]
    if question.missing and "cost" in question.topics:
        searches.append(("billed", {}))
    if not question.clear:
        return [*searches, *OFFER]
    if question.ahead or question.budget:
        about = list(_bills(question, whole=not question.names))
        months = [{"month": f"{one:%Y-%m}"} for one in question.coming[:_NAMES]] or [{}]
        wanted_ahead = question.ahead or not question.budget
        steps = [("cost_forecast", {**one, **month}) for one in about for month in months if wanted_ahead]
        return [*searches, *([("budgets", {})] if question.budget and not question.coming else []), *steps]
    wanted = [name for topic in question.topics for name in _BY_TOPIC[topic]]
    wanted = wanted or [name for agent in agents for name in agent.first]
    steps = [step for name in dict.fromkeys(wanted) for step in _for(name, question)]
    steps = [*searches, *steps]
    return [step for number, step in enumerate(steps) if step not in steps[:number]]


def carry_out(bench: Bench, steps: Sequence[Step]) -> list[str]:
    """Look things up; return what could not be, as people read it.

    Raises:
        StoreUnavailable: the store is away; try again later.
    """
    failed = []
    for name, arguments in steps:
        try:
            look(bench, name, arguments)
        except StoreUnavailable:
            raise
        except BdpError as error:
            log.info("agents.not_found", lookup=name, reason=str(error))
            failed.append(f"{name}: {error.what}")
    return failed


def _bills(question: Question, *, whole: bool) -> Iterator[dict[str, Any]]:
    """Yield whose costs are looked up: each service in each account that is named; whole: also what they are all of."""
    services = [one for one in question.names if one not in question.accounts][:_NAMES]
    for account in question.accounts[:_NAMES] or ("",):
        mine = {"account": account} if account else {}
        yield from ({"service": one, **mine} for one in services)
        if whole:
            yield mine


def _for(name: str, question: Question) -> Iterator[Step]:
    names = question.names[:_NAMES]
    if name == "metric_series":
        yield from ((name, {"entity": one}) for one in names)
    elif name == "metric_names":
        if not names:
            yield name, {}
    elif name == "abnormal_events":
        yield from ((name, {"service": one, "by": "error_code"}) for one in names)
        if not names:
            yield name, {"by": "service"}
    elif name == "latency":
        yield from ((name, {"service": one, "by": "route"}) for one in names)
        if not names:
            yield name, {"by": "service"}
    elif name == "costs":
        yield from ((name, bill) for bill in _bills(question, whole=True))
    elif name in _OF_A_SERVICE and names:
        yield from ((name, {"service": one}) for one in names)
    else:
        yield name, {}
