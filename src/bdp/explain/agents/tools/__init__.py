"""Look-ups over the store, each read-only, by typed arguments, bounded in rows and time.

Each adds one numbered piece of evidence, so that a claim can cite what it found and code can hold the claim against it.
Adding one is a form, a function and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from bdp.explain.agents.bench import Bench
from bdp.explain.agents.shown import as_text
from bdp.explain.agents.tools import ahead, billed, costs, events, logins, metrics, names, records
from bdp.llm.ask import Tool
from bdp.model.evidence import Evidence


@dataclass(frozen=True)
class Lookup:
    """One kind of look-up: what it is for, what it takes, and how it looks."""

    description: str
    form: type[BaseModel]
    look: Callable[[Bench, Any], Evidence]


LOOKUPS: Final[dict[str, Lookup]] = {
    "abnormal_events": Lookup(
        "Count abnormal events by service, route, error code, level, status or time, beside the same span before.",
        events.Counting,
        events.abnormal_events,
    ),
    "message_templates": Lookup(
        "What messages say most, with the parts that vary left out.", events.Saying, events.message_templates
    ),
    "messages": Lookup("The newest single messages, cut; with a text they have.", events.Reading, events.messages),
    "top_values": Lookup(
        "The most frequent values of a field of events, such as client_ip.", events.Ranking, events.top_values
    ),
    "latency": Lookup(
        "Percentiles of how long requests took, by service or route, beside the same span before.",
        events.Timing,
        events.latency,
    ),
    "failed_logins": Lookup(
        "Failed log-ins by address, with accounts tried and log-ins that worked.", logins.Logins, logins.failed_logins
    ),
    "metric_names": Lookup("Which entities have which metrics.", metrics.Listing, metrics.metric_names),
    "metric_series": Lookup(
        "How the metrics of one entity went against what was usual, and since when.",
        metrics.Going,
        metrics.metric_series,
    ),
    "trace": Lookup("One request's events in order, by its trace id.", records.Trace, records.trace),
    "changes": Lookup(
        "Deploys, commits, flags and configuration that changed, with diffs if wanted.",
        records.Changes,
        records.changes,
    ),
    "costs": Lookup(
        "What was billed, in all and by service, account, region or day, beside the same span before.",
        costs.Costs,
        costs.costs,
    ),
    "cost_forecast": Lookup(
        "What this month will cost in all, with its interval: what was spent and what is forecast.",
        ahead.Ahead,
        ahead.cost_forecast,
    ),
    "budgets": Lookup("Whether budgets of costs hold, and when they are used up.", ahead.Budgets, ahead.budgets),
    "billed": Lookup("Which services are billed, the dearest first.", billed.Listing, billed.billed),
    "services": Lookup("Which services have events.", names.Listing, names.services),
    "mentions": Lookup("How many events have a text in them, by service.", names.Mention, names.mentions),
    "incidents": Lookup("Which incidents there are.", records.Incidents, records.incidents),
    "incident": Lookup("What was found of one incident, by its id.", records.One, records.incident),
}


def look(bench: Bench, name: str, arguments: Mapping[str, Any]) -> Evidence:
    """Look something up.

    Raises:
        BadRequest: the arguments make no sense, or the store hit a limit.
        StoreUnavailable: try again later.
    """
    lookup = LOOKUPS[name]
    with bench.turn:
        return lookup.look(bench, lookup.form.model_validate(dict(arguments)))


def tools_of(bench: Bench, names: Iterable[str]) -> tuple[Tool, ...]:
    """Return these look-ups as tools that a model may call."""
    return tuple(_tool(bench, name, LOOKUPS[name]) for name in names)


def _tool(bench: Bench, name: str, lookup: Lookup) -> Tool:
    def run(given: BaseModel) -> str:
        with bench.turn:
            return as_text(lookup.look(bench, given))

    return Tool(name, lookup.description, lookup.form, run)
