"""How far a cost rose, as claims and summaries say it."""

from __future__ import annotations

from bdp.explain.bilingual import Bilingual
from bdp.explain.case import Case
from bdp.explain.evidence.count import whose
from bdp.explain.sentences import say
from bdp.explain.wording import figure, money
from bdp.model.evidence import Evidence

_LARGEST_RATIO = 1_000


def cost_rise(rise: Evidence) -> Bilingual:
    """Return the rise in a sentence; empty where no usual level is known."""
    value = rise.value
    if "cost_usual" not in value:
        return Bilingual()
    currency, ratio = value["currency"], value.get("ratio", 0.0)
    times = say("cost_times", ratio=figure(round(ratio, 1))) if 1.05 <= ratio <= _LARGEST_RATIO else Bilingual()
    told = {"cost": money(value["cost"], currency), "usual": money(value["cost_usual"], currency)}
    change = value["cost_difference"]
    key = "cost_rose" if change > 0 else "cost_fell"
    more = {"difference": money(abs(change), currency), "times": times}
    return say(key, subject=whose(value), when=_when(rise), **told, **more)


def cost_extent(case: Case) -> Bilingual:
    """Return how much it cost, in a few words."""
    rise = case.found[0]
    if "cost" not in rise.value:
        return say("cost_missing")
    cost = money(rise.value["cost"], rise.value["currency"])
    if "cost_usual" not in rise.value:
        return say("cost_extent_young", cost=cost, when=_when(rise))
    usual = money(rise.value["cost_usual"], rise.value["currency"])
    return say("cost_extent", cost=cost, usual=usual, when=_when(rise))


def _when(rise: Evidence) -> Bilingual:
    first, last = rise.value["first_day"], rise.value["last_day"]
    return say("on_day", day=first) if first == last else say("on_days", first=first, last=last)
