"""`bdp policy`, `bdp policy check|test|init|history`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli import screen, trial
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption, KoreanOption, instant
from bdp.clock import SystemClock
from bdp.errors import NotFound, NotPossible
from bdp.model.analysis import ActionType
from bdp.model.anomaly import Severity
from bdp.model.plan import Risk

PATH = "/v1/policy"
_WIDE = 100
_FILE = "policy.yaml"
_EFFECT = {"allow": "green", "ask": "yellow", "deny": "red"}

verbs = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="Show the rules that say what BDP may do; check, try and write them.\n\n"
    "Examples:\n\n  bdp policy init\n\n  bdp policy check\n\n"
    "  bdp policy test kubernetes_rollout --resource deployment:shop/cart",
)


@verbs.callback()
def show(context: typer.Context, home: HomeOption = None, json: JsonOption = False) -> None:
    if context.invoked_subcommand:
        return
    with connect(home) as api:
        told = api.get(PATH)
    if json:
        screen.print_json(told)
        return
    for part in _shown(told):
        screen.out.print(part)


def check(
    folder: Annotated[Path | None, typer.Argument(help="folder of policy files (default: that of the home)")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Check policy files, and tell all that is wrong at once. Ends with 3 if something is.

    Example:

      bdp policy check ./policy
    """
    from bdp.decide.folder import read_folder
    from bdp.decide.policy import shipped
    from bdp.settings import load

    where = folder or load(home).policy_folder
    found = read_folder(where)
    if found is None and folder is not None:
        raise NotFound(f"There is no policy file (*.yaml, *.yml) in {folder}.", "Write one there: bdp policy init")
    policy = found or shipped()
    if json:
        problems = [{"file": p.file, "line": p.line, "place": p.place, "what": p.what} for p in policy.problems]
        version = "" if policy.broken else policy.version
        screen.print_json({"folder": str(where), "source": policy.source, "version": version, "problems": problems})
    else:
        for problem in policy.problems:
            screen.out.print(Text(screen.plain(problem)))
        if not policy.broken:
            counted = f"{screen.counted(len(policy.rules), 'rule')}, version {policy.version}"
            screen.out.print(_source(policy.source, str(where)) + f": {counted}, nothing wrong.", soft_wrap=True)
            if not policy.granting[ActionType.NOTIFY]:
                screen.err.print(
                    "Warning: no rule allows notify, so nobody is told. The shipped rules do: bdp policy init"
                )
    if policy.broken:
        if not json:
            screen.err.print(f"{screen.counted(len(policy.problems), 'problem')} in {screen.plain(where)}.")
        raise typer.Exit(3)


def try_out(
    action: Annotated[ActionType, typer.Argument(help="what would be done")],
    resource: Annotated[str, typer.Option(help="what it touches, such as deployment:shop/cart")] = "",
    service: Annotated[str, typer.Option(help="of the incident")] = "",
    environment: Annotated[str, typer.Option(help="default: as the policy's names say")] = "",
    severity: Annotated[Severity, typer.Option(help="of the incident")] = Severity.HIGH,
    risk: Annotated[Risk | None, typer.Option(help="default: low for telling and reading, else medium")] = None,
    blast_radius: Annotated[
        int | None, typer.Option(min=0, help="how many it touches at once (default: 0 or 1)")
    ] = None,
    irreversible: Annotated[bool, typer.Option("--irreversible", help="it cannot be taken back")] = False,
    confidence: Annotated[float, typer.Option(min=0, max=1, help="of the analysis")] = 0.9,
    at: Annotated[str, typer.Option(help="when, such as 2026-11-22T03:00 or …+09:00 (default: now)")] = "",
    folder: Annotated[Path | None, typer.Option(help="ask the files of this folder instead")] = None,
    home: HomeOption = None,
    korean: KoreanOption = False,
    json: JsonOption = False,
) -> None:
    """Show what an action would get, and why: each rule that is looked at, and the verdict. Nothing is done.

    Examples:

      bdp policy test kubernetes_rollout --resource deployment:shop/cart --service checkout

      bdp policy test rds_parameter --resource rds:orders --irreversible --at 2026-11-22T03:00+09:00 --ko
    """
    tells = action in (ActionType.NOTIFY, ActionType.INVESTIGATE)
    question = {
        "action": action.value, "resource": resource, "service": service, "environment": environment,
        "severity": severity.value, "risk": (risk or (Risk.LOW if tells else Risk.MEDIUM)).value,
        "blast_radius": (0 if tells else 1) if blast_radius is None else blast_radius,
        "reversible": not irreversible, "confidence": confidence,
    }  # fmt: skip
    told = _tried(question, instant(at) if at else None, folder, home)
    if json:
        screen.print_json(told)
        return
    for part in trial.shown(question, told, "ko" if korean else "en"):
        screen.out.print(part)


def init(
    folder: Annotated[Path | None, typer.Argument(help="where to (default: the policy folder of the home)")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write the policy that BDP ships into the folder, to edit. A running server takes up each change by itself.

    Example:

      bdp policy init
    """
    from bdp.decide.folder import read_folder
    from bdp.decide.policy import SHIPPED
    from bdp.settings import load

    where = folder or load(home).policy_folder
    if read_folder(where) is not None:
        raise NotPossible(f"There is a policy in {where} already.", "Edit it, or name another folder.")
    where.mkdir(parents=True, exist_ok=True)
    file = where / _FILE
    file.write_bytes(SHIPPED.read_bytes())
    if json:
        screen.print_json({"file": str(file)})
        return
    screen.out.print(Text(f"{screen.plain(file)} holds the shipped rules now. Edit it, then: bdp policy check"))


def history(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the versions that held in a serving process, newest first. Their text is in --json.

    Example:

      bdp policy history
    """
    with connect(home) as api:
        versions = api.get(f"{PATH}/history")
    if json:
        screen.print_json({"history": versions})
        return
    if not versions:
        screen.out.print("No version was seen yet: 'bdp serve' writes down each one that holds.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("version", "from (UTC)", "rules"):
        table.add_column(column, no_wrap=True, justify="right" if column == "rules" else "left")
    table.add_column("files", overflow="fold")
    for version in versions:
        body = version["body"]
        files = ", ".join(body["files"]) if body["source"] != "shipped" else "as shipped"
        table.add_row(body["hash"], screen.when(version["at"]), str(body["rules"]), screen.plain(files))
    screen.out.print(table)


def _tried(question: dict[str, Any], at: str | None, folder: Path | None, home: Path | None) -> dict[str, Any]:
    if folder is None:
        with connect(home) as api:
            told: dict[str, Any] = api.post(f"{PATH}/test", json={**question, "at": at})
        return told
    from bdp.decide.circumstances import Circumstances
    from bdp.decide.folder import read_folder
    from bdp.decide.trial import Question, tried
    from bdp.settings import load

    policy, when = read_folder(folder), datetime.fromisoformat(at).astimezone(UTC) if at else SystemClock().now()
    if policy is None:
        raise NotFound(f"There is no policy file (*.yaml, *.yml) in {folder}.", "Write one there: bdp policy init")
    found = tried(policy, Question.model_validate(question), Circumstances(when), load(home).gate)
    return {"version": policy.version, "at": when.isoformat(), "trial": found.model_dump(mode="json")}


def _shown(told: dict[str, Any]) -> Iterator[RenderableType]:
    if told["problems"]:
        yield Text("The policy is broken: nothing that changes a system is allowed.", "bold red")
        yield from (Text(f"  {screen.plain(problem)}") for problem in told["problems"])
        yield Text("Mend it; 'bdp policy check' tells when it is right.")
        return
    yield Text(f"policy {told['version']}{', as BDP ships it' if told['source'] == 'shipped' else ''}")
    empty = " (no file there)" if told["source"] == "shipped" else ""
    yield Text(f"  folder: {screen.plain(told['folder'])}{empty}")
    yield from _places(told)
    yield Text()
    yield from _wide(told["rules"]) if screen.out.width >= _WIDE else _narrow(told["rules"])
    yield Text(
        "\nA rule that denies and fits wins; else the first that fits decides; what none names is denied.", "dim"
    )
    if told["source"] == "shipped":
        yield Text("Write it down to change it: bdp policy init", "dim")


def _source(source: str, folder: str) -> str:
    if source == "shipped":
        return f"the policy that BDP ships (no file in {screen.plain(folder)})"
    return f"the policy in {screen.plain(source)}"


def _places(told: dict[str, Any]) -> Iterator[RenderableType]:
    for name, globs in told["environments"].items():
        yield Text(screen.plain(f"  {name}: {', '.join(globs)}"))
    yield Text(screen.plain(f"  {told['default_environment']}: everything{' else' * bool(told['environments'])}"))
    for window in told["maintenance"]:
        globs = ", ".join([*window.get("resources", ()), *window.get("services", ())])
        when = ", ".join(_hours(each) for each in window.get("weekly", ())) or _span(window)
        zone = f" {window['zone']}" if "zone" in window else ""
        yield screen.hanging(Text(" "), Text(screen.plain(f"maintenance {window['name']}: {globs}, {when}{zone}")))


def _wide(rules: list[dict[str, Any]]) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("rule", overflow="fold", max_width=28)
    table.add_column("says", no_wrap=True)
    table.add_column("for", overflow="fold", ratio=1)
    table.add_column("only", overflow="fold", ratio=1)
    for rule in rules:
        table.add_row(
            Text(screen.plain(rule["name"])),
            _says(rule),
            screen.plain(_for(rule)),
            screen.plain("; ".join(_only(rule))),
        )
    yield table


def _narrow(rules: list[dict[str, Any]]) -> Iterator[RenderableType]:
    for rule in rules:
        yield Text.assemble((screen.plain(rule["name"]), "bold"), "  ", _says(rule))
        yield screen.hanging(Text(" "), Text(screen.plain(_for(rule))))
        if only := "; ".join(_only(rule)):
            yield screen.hanging(Text(" "), Text(screen.plain(f"only {only}"), "dim"))


def _says(rule: dict[str, Any]) -> Text:
    effect, approvers = rule["effect"], rule.get("approvers", 1)
    more = f" from {rule['act_at']:.2f}" if "act_at" in rule else f" {approvers} people" if approvers > 1 else ""
    role = f" ({rule['role']})" if "role" in rule else ""
    return Text(f"{effect}{more}{role}", _EFFECT[effect])


def _for(rule: dict[str, Any]) -> str:
    whole = ", ".join("every action" if name == "*" else name for name in rule["actions"])
    whole += f" on {', '.join(rule['resources'])}" if "resources" in rule else ""
    whole += f" for {', '.join(rule['services'])}" if "services" in rule else ""
    whole += f" in {', '.join(rule['environments'])}" if "environments" in rule else ""
    parts = [whole]
    parts += [f"severity {', '.join(rule['severities'])}"] if "severities" in rule else []
    parts += [f"risk {', '.join(rule['risks'])}"] if "risks" in rule else []
    if "reversible" in rule:
        parts.append("reversible" if rule["reversible"] else "irreversible")
    if rule["effect"] == "deny" and "hours" in rule:
        parts.append(", ".join(map(_hours, rule["hours"])))
    return ", ".join(parts)


def _only(rule: dict[str, Any]) -> Iterator[str]:
    if "max_risk" in rule:
        yield f"risk up to {rule['max_risk']}"
    if rule.get("reversible_only"):
        yield "reversible"
    if "max_blast_radius" in rule:
        yield f"up to {rule['max_blast_radius']:,} at once"
    if limits := rule.get("limits"):
        from bdp.decide.hours import length

        yield ", ".join(f"{one['most']} per {length(one['per'])}{_SCOPES[one.get('scope', 'rule')]}" for one in limits)
    if "hours" in rule and rule["effect"] != "deny":
        yield ", ".join(map(_hours, rule["hours"]))
    if "maintenance" in rule:
        yield {"inside": "during maintenance", "any": "whatever maintenance is on"}[rule["maintenance"]]
    if "otherwise" in rule:
        yield f"else {rule['otherwise']}"


_SCOPES = {
    "rule": "", "resource": " on a resource", "service": " for a service", "environment": " in an environment",
    "all": " in all",
}  # fmt: skip


def _hours(hours: dict[str, Any]) -> str:
    from bdp.decide.hours import Hours

    return str(Hours.model_validate(hours))


def _span(window: dict[str, Any]) -> str:
    return f"{window['from']} to {window['to']}".replace("T", " ").replace(":00+", "+").replace(":00 ", " ")


verbs.command("check")(check)
verbs.command("test")(try_out)
verbs.command("init")(init)
verbs.command("history")(history)
