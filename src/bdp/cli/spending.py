"""`bdp spending`, `bdp spending allow|stop|resume`."""

from __future__ import annotations

import getpass
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.errors import BadRequest

PATH: Final = "/v1/spending"
_MOST_USD: Final = 1_000_000
_BAR: Final = 16
_NAMES: Final = {"hour": "this hour", "day": "today", "month": "this month", "incident": "incident"}
_AT_LIMIT: Final = {
    "degrade": "the rules answer",
    "ask": "the rules answer, and people are asked for more",
    "stop": "no model is asked until somebody resumes",
}
_TEACH: Final = """\
No model is set up, so nothing is spent: the rules answer everything.
  A small one on this machine, free   bdp model install
  A server of your own, free          LLM_PROVIDER=vllm
                                      VLLM_BASE_URL=http://gpu-1:8000/v1
                                      VLLM_MODEL_NAME=its-model
  Gemini                              LLM_PROVIDER=gemini GEMINI_API_KEY=...
                                      GEMINI_MODEL_ID=gemini-2.5-flash
  Claude on Amazon Bedrock            LLM_PROVIDER=bedrock
                                      BEDROCK_MODEL_ID=...
Set them for 'bdp serve'; 'bdp doctor' says whether the model answers."""

ByOption = Annotated[str | None, typer.Option(help="who decides (default: your user name)")]


class Budget(StrEnum):
    """What money can be put on."""

    DAY = "day"
    MONTH = "month"
    INCIDENT = "incident"


verbs = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="Show what asking models costs and how the budgets stand; allow more, stop, resume.\n\n"
    "Examples:\n\n  bdp spending --days 30\n\n  bdp spending allow day 5",
)


@verbs.callback()
def show(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="days of costs, today included (UTC)", min=1, max=90)] = 7,
    incident: Annotated[str, typer.Option(help="show this incident's budget as well")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    if context.invoked_subcommand:
        return
    with connect(home) as api:
        told = api.get(PATH, days=days, incident_id=incident or None)
    _print(told, json)


@verbs.command("allow")
def allow(
    budget: Annotated[Budget, typer.Argument(help="which budget")],
    usd: Annotated[float, typer.Argument(help="US dollars on top of what it has now")],
    incident: Annotated[str, typer.Option(help="which incident, for that budget")] = "",
    by: ByOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put more on the budget of a day, month or incident.

    It is for this day or month (UTC) only; the next one has its own budget again.

    Examples:

      bdp spending allow day 5

      bdp spending allow incident 0.5 --incident 01JQ...
    """
    if not 0 < usd <= _MOST_USD:  # also no number at all
        raise BadRequest(f"{usd} is no amount to allow.", f"Give US dollars, above 0 and up to {_MOST_USD:,}.")
    if (budget is Budget.INCIDENT) != bool(incident):
        raise typer.BadParameter("--incident belongs to the budget incident, such as: allow incident 0.5 --incident ID")
    wanted = {"name": budget.value, "usd": usd, "incident_id": incident, "by": by or getpass.getuser()}
    with connect(home) as api:
        told = api.post(f"{PATH}/allow", json=wanted)
    _print(told, json)


@verbs.command("stop")
def stop(by: ByOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Ask no model any more, until 'resume'.

    This holds for every process at once. The rules answer; requests on their way go on.

    Example:

      bdp spending stop
    """
    _decide("stop", by, home, json)


@verbs.command("resume")
def resume(by: ByOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Ask models again, after a stop by a person or by a budget.

    Example:

      bdp spending resume
    """
    _decide("resume", by, home, json)


def _decide(verb: str, by: str | None, home: Any, json: bool) -> None:
    with connect(home) as api:
        told = api.post(f"{PATH}/{verb}", json={"by": by or getpass.getuser()})
    _print(told, json)


def _print(told: dict[str, Any], json: bool) -> None:
    if json:
        screen.print_json(told)
        return
    if not told["models"] and not told["costs"] and not told["stopped_since"]:
        screen.out.print(_TEACH, soft_wrap=True)
        return
    _print_state(told)
    screen.out.print(_budgets(told))
    screen.out.print(Text(f"At the limit of a day or month: {_AT_LIMIT[told['at_limit']]}.", "dim"))
    if not told["costs"]:
        screen.out.print(f"\nNo requests in the last {screen.counted(told['days'], 'day')}.")
        return
    if told["days"] > 1:
        screen.out.print(Text("\nBy day (UTC)", "bold"), _days(told), sep="\n")
    screen.out.print(Text(f"\nBy agent and model, {_span(told)}", "bold"), _lines(told["costs"]), sep="\n")


def _span(told: dict[str, Any]) -> str:
    return "today" if told["days"] == 1 else f"last {told['days']} days"


def _print_state(told: dict[str, Any]) -> None:
    if told["stopped_since"]:
        who = "a budget" if told["stopped_by"] == "bdp" else screen.plain(told["stopped_by"])
        since = f"Stopped by {who} at {screen.when(told['stopped_since'])} UTC: no model is asked."
        screen.out.print(Text(since, "bold red"))
        screen.out.print("To go on: bdp spending resume\n")
    elif not told["models"]:
        screen.out.print("No model is asked now; this is what was spent before.\n")


def _budgets(told: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in told["budgets"]:
        limit = told["hour_alarm_usd"] if one["name"] == "hour" else one["limit_usd"]
        share = one["spent_usd"] / limit if limit else None
        name, percent = Text(_NAMES[one["name"]], "bold"), "" if share is None else f"{share:4.0%}"
        table.add_row(name, _bar(share), percent, _standing(one, limit))
    return table


def _standing(one: dict[str, Any], limit: float | None) -> Text:
    spent = _usd(one["spent_usd"])
    if one["name"] == "hour":
        return Text(f"{spent} (alarm over {_usd(limit or 0)})")
    text = Text(f"{spent}, no limit" if limit is None else f"{spent} of {_usd(limit)}")
    if one["reserved_usd"]:
        text.append(f", {_usd(one['reserved_usd'])} on its way")
    if one["refused"]:
        text.append(", reached", "bold red")
    return text


def _bar(share: float | None) -> Text:
    if share is None:
        return Text("·" * _BAR, "dim")
    full = min(_BAR, round(share * _BAR)) or int(share > 0)
    colour = "red" if share >= 1 else "yellow" if share >= 0.8 else "green"
    return Text.assemble(("█" * full, colour), ("░" * (_BAR - full), "dim"))


def _days(told: dict[str, Any]) -> Table:
    sums: dict[str, list[float]] = {}
    for line in told["costs"]:
        day = sums.setdefault(line["day"], [0.0, 0.0])
        day[0] += line["usd"]
        day[1] += line["requests"]
    most = max(usd for usd, _ in sums.values()) or 1.0
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(4):
        table.add_column(justify="left" if number < 2 else "right", no_wrap=True)
    for name in sorted(sums, reverse=True):
        usd, requests = sums[name]
        full = round(usd / most * _BAR) or int(usd > 0)
        bar = Text("█" * full, "cyan") + Text(" " * (_BAR - full))
        table.add_row(name, bar, _usd(usd), screen.counted(requests, "request"))
    return table


def _lines(costs: list[dict[str, Any]]) -> Table:
    sums: dict[tuple[str, str], dict[str, float]] = {}
    for line in costs:
        names = ("requests", "failed", "tokens_in", "tokens_out", "usd")
        one = sums.setdefault((line["agent"], line["model"] or line["provider"]), dict.fromkeys(names, 0.0))
        for name in names:
            one[name] += line[name]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("agent", "model"):
        table.add_column(name, overflow="fold")
    for name in ("requests", "failed", "tokens in", "out", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for (agent, model), one in sorted(sums.items(), key=lambda item: (-item[1]["usd"], item[0])):
        counts = (f"{one[name]:,.0f}" for name in ("requests", "failed"))
        tokens = (_short(one[name]) for name in ("tokens_in", "tokens_out"))
        table.add_row(screen.plain(agent), screen.plain(model), *counts, *tokens, _usd(one["usd"]))
    return table


def _short(number: float) -> str:
    """Return a count of tokens in few signs: `950`, `12.3k`, `4.5M`."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number:.0f}"


def _usd(amount: float) -> str:
    from bdp.flow.account import usd  # here, since `--help` needs none of it
    from bdp.model.spending import NANO

    return usd(round(amount * NANO))
