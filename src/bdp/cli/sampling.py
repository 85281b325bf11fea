"""`bdp sampling show|set|history`."""

from __future__ import annotations

import getpass
import math
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.errors import BadRequest

PATH = "/v1/sampling"
_TEACH = (
    "Nobody has changed the policy yet: every event is kept.\n"
    "Keep one normal event of 100 (WARN and above always stay):  bdp sampling set --base 0.01\n"
    "Lower the rate only while the machine is busy:              bdp sampling set --adaptive"
)
_LIVE = "Events that come in live are sampled; files (bdp ingest, bdp analyze) never are."

app = typer.Typer(
    no_args_is_help=True,
    help="""Decide how many normal events are kept. WARN and above always are.

    Example:

      bdp sampling set --base 0.01 --adaptive
    """,
)


def show(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the policy that holds, the rate that it comes to now, and the load.

    Example:

      bdp sampling show
    """
    with connect(home) as api:
        told = api.get(PATH)
    if json:
        screen.print_json(told)
        return
    _print(told)


def set_policy(
    base: Annotated[float | None, typer.Option(help="share of normal events to keep, 0.0001 to 1")] = None,
    adaptive: Annotated[bool | None, typer.Option("--adaptive/--fixed", help="lower the rate under load")] = None,
    floor: Annotated[float | None, typer.Option(help="load lowers no rate below this one")] = None,
    step: Annotated[float | None, typer.Option(help="what one step down multiplies the rate by")] = None,
    high: Annotated[float | None, typer.Option(help="load, 0 to 1, from which the rate goes down")] = None,
    low: Annotated[float | None, typer.Option(help="load, 0 to 1, up to which it goes up again")] = None,
    lower_after: Annotated[float | None, typer.Option(help="seconds of high load before a step down")] = None,
    raise_after: Annotated[float | None, typer.Option(help="seconds of low load before a step up")] = None,
    service: Annotated[
        list[str] | None, typer.Option(help="NAME=RATE gives a service its own rate, NAME= takes it away")
    ] = None,
    exempt: Annotated[list[str] | None, typer.Option(help="keep every event of this service")] = None,
    no_exempt: Annotated[list[str] | None, typer.Option(help="sample this service again")] = None,
    expect: Annotated[int | None, typer.Option(min=0, help="refuse if the version is another by now")] = None,
    by: Annotated[str | None, typer.Option(help="who changes it (default: your user name)")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Change the policy; what you do not name stays. It takes effect in every process within two seconds.

    Examples:

      bdp sampling set --base 0.01 --adaptive

      bdp sampling set --service checkout=0.1 --exempt login
    """
    given = {
        "base_rate": base, "adaptive": adaptive, "floor": floor, "step": step, "high": high, "low": low,
        "lower_after_seconds": lower_after, "raise_after_seconds": raise_after,
    }  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes and not (service or exempt or no_exempt):
        raise typer.BadParameter("say what to change, such as --base 0.01")
    _check_finite(changes)
    with connect(home) as api:
        before = api.get(PATH)
        policy = before["policy"] | changes
        policy["services"] = _rates(policy["services"], service or [])
        policy["exempt"] = sorted({*policy["exempt"], *(exempt or [])} - {*(no_exempt or [])})
        expected = before["version"] if expect is None else expect
        told = api.put(
            PATH, json={"policy": policy, "by": by or getpass.getuser(), "expected_version": expected}
        )  # fmt: skip
        here = api.app is not None
    if json:
        screen.print_json(told)
        return
    _print(told)
    if here:
        screen.out.print("BDP is not running; the policy holds from the next 'bdp serve' on.")


def history(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the versions of the policy, newest first: who changed what, when.

    Example:

      bdp sampling history
    """
    with connect(home) as api:
        versions = api.get(PATH)["history"]
    if json:
        screen.print_json({"history": versions})
        return
    if not versions:
        screen.out.print(_TEACH)
        return
    from bdp.intake.sampling import SamplingPolicy  # here, since it takes long to import and `--help` needs none of it

    shipped = SamplingPolicy().model_dump(mode="json")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("version", justify="right")
    for column in ("at (UTC)", "by", "what changed"):
        table.add_column(column, overflow="fold")
    for version, before in zip(versions, [*versions[1:], None], strict=True):
        told = _changed(version["body"], before["body"] if before else shipped)
        table.add_row(str(version["version"]), screen.when(version["at"]), screen.plain(version["by"]), told)
    screen.out.print(table)


def _check_finite(changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if not math.isfinite(value):
            option = name.removesuffix("_rate").removesuffix("_seconds").replace("_", "-")
            raise BadRequest(f"--{option} is {value}, which is no number to go by.", "Give a number, such as 0.01.")


def _finite(rate: float) -> float:
    if not math.isfinite(rate):
        raise ValueError
    return rate


def _rates(rates: dict[str, float], given: list[str]) -> dict[str, float]:
    """Return services' rates with NAME=RATE put in and NAME= taken out."""
    rates = dict(rates)
    for text in given:
        name, equals, rate = text.rpartition("=")
        try:
            if not equals or not name:
                raise ValueError
            if rate:
                rates[name] = _finite(float(rate))
            else:
                rates.pop(name, None)
        except ValueError:
            raise BadRequest(f"{text!r} is not NAME=RATE.", "Write it as checkout=0.1.") from None
    return rates


def _print(told: dict[str, Any]) -> None:
    policy, load = told["policy"], told["load"]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(told, policy, load):
        table.add_row(name, screen.plain(text))
    screen.out.print(table)
    if told["problem"]:
        screen.out.print(Text(f"The newest version is not followed: {screen.plain(told['problem'])}.", "red"))
    screen.out.print(_LIVE if told["version"] else _TEACH)


def _rows(told: dict[str, Any], policy: dict[str, Any], load: dict[str, Any] | None) -> list[tuple[str, str]]:
    by = f"{told['version']}, by {told['by']} at {screen.when(told['at'])} UTC" if told["version"] else "none set"
    rows = [
        ("policy", by),
        ("keeps now", _kept(told["effective_rate"])),
        ("base rate", _kept(policy["base_rate"])),
        ("under load", _under_load(policy) if policy["adaptive"] else "the same (not adaptive)"),
    ]
    rows += [(f"  {name}", _kept(rate)) for name, rate in told["service_rates"].items()]
    if load:
        parts = ", ".join(f"{part} {load[part]:.0%}" for part in ("buffer", "cpu", "memory"))
        rows.append(("load", f"{parts}; {screen.counted(load['level'], 'step')} down"))
    return rows


def _under_load(policy: dict[str, Any]) -> str:
    down = f"times {policy['step']:g} at {policy['high']:.0%} load for {policy['lower_after_seconds']:g} s"
    up = f"back at {policy['low']:.0%} for {policy['raise_after_seconds']:g} s"
    return f"{down}, not below {policy['floor']:g}; {up}"


def _kept(rate: float) -> str:
    k = max(1, round(1 / rate))
    return "every normal event" if k == 1 else f"1 normal event of {k:,} ({1 / k:.4g})"


def _changed(body: dict[str, Any], before: dict[str, Any]) -> str:
    """Return what a version changed; the first one is compared with what BDP ships."""
    parts = [f"{name} {_value(value)}" for name, value in body.items() if before.get(name) != value]
    return screen.plain(", ".join(parts)) or "nothing"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={rate:g}" for name, rate in value.items()) or "none"
    return (" ".join(value) or "none") if isinstance(value, list) else str(value)


app.command("show")(show)
app.command("set")(set_policy)
app.command("history")(history)
