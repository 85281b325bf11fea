"""The agent for efficiency: where time and money go, and what would save some."""

from __future__ import annotations

from typing import Final

from bdp.explain.agents.agent import Agent

EFFICIENCY: Final = Agent(
    name="efficiency",
    title={"en": "Efficiency", "ko": "효율"},
    task=(
        "You are a performance and cost engineer. Find which services and routes take the most time and which the most "
        "money, how that changed against the span before, and what could be saved. Say what to look at."
    ),
    tools=(
        "latency",
        "costs",
        "cost_forecast",
        "budgets",
        "billed",
        "abnormal_events",
        "top_values",
        "metric_names",
        "metric_series",
        "changes",
        "incidents",
    ),
    words=(
        *("cost", "spend", "money", "bill", "expens", "waste", "optimi", "cheap", "efficien", "budget", "saving"),
        *(
            "price",
            "usd",
            "dollar",
            "비용",
            "요금",
            "지출",
            "낭비",
            "최적화",
            "효율",
            "절감",
            "비싼",
            "비싸",
            "예산",
            "청구",
            "과금",
        ),
    ),
    first=("costs", "latency"),
)
