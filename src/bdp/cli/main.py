"""The verbs, and what their ends mean for scripts."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

import typer

from bdp.cli import (
    ack,
    analyze,
    approvals,
    ask,
    audit,
    backtest,
    brief,
    compare,
    cost,
    demo,
    detect,
    dlq,
    doctor,
    incidents,
    ingest,
    insights,
    investigate,
    ledger,
    model,
    notify,
    pause,
    policy,
    query,
    replay,
    sampling,
    serve,
    shadow,
    spending,
    worker,
)
from bdp.cli.screen import complain
from bdp.errors import BdpError, Refuse, Reject, Retry

EXIT_CODES: dict[type[BdpError], int] = {Reject: 3, Refuse: 4, Retry: 5}
"""0 done, 1 defect, 2 wrong usage, 3 the input will never pass, 4 not allowed or set up wrongly, 5 try again later."""

app = typer.Typer(
    name="bdp",
    help="Take in what your systems say, lose none of it, and explain each incident with claims that code has checked.",
    epilog="Exit codes: 0 done, 2 wrong usage, 3 bad input, 4 not allowed or set up wrongly, 5 try again later.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def before() -> None:
    from bdp.telemetry import set_up_logs

    set_up_logs("WARNING")
    os.umask(0o077)  # telemetry is nobody else's business, whatever folder the home is in


app.command("analyze")(analyze.analyze)
app.command("demo")(demo.demo)
app.add_typer(detect.verbs, name="detect")
app.add_typer(cost.verbs, name="cost")
app.command("ingest")(ingest.ingest)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("incidents")(incidents.list_incidents)
app.command("incident")(incidents.show)
app.command("insights")(insights.list_insights)
app.command("insight")(insights.show)
app.command("investigate")(investigate.investigate)
app.command("ack")(ack.ack)
app.command("approvals")(approvals.list_approvals)
app.command("approve")(approvals.approve)
app.command("reject")(approvals.reject)
app.add_typer(audit.verbs, name="audit")
app.add_typer(policy.verbs, name="policy")
app.command("pause")(pause.pause)
app.command("resume")(pause.resume)
app.command("paused")(pause.paused)
app.command("ask")(ask.ask)
app.command("brief")(brief.brief)
app.command("ledger")(ledger.ledger)
app.add_typer(dlq.verbs, name="dlq")
app.command("dead-letters")(dlq.dead_letters)
app.command("replay")(replay.replay)
app.command("backtest")(backtest.backtest)
app.command("compare")(compare.compare)
app.command("shadow")(shadow.shadow)
app.command("query")(query.query)
app.add_typer(sampling.app, name="sampling")
app.add_typer(model.verbs, name="model")
app.add_typer(spending.verbs, name="spending")
app.add_typer(notify.verbs, name="notify")
app.command("doctor")(doctor.doctor)
app.command("token")(doctor.token)
app.command("version")(doctor.version)


def main() -> NoReturn:
    """Run one verb; end with an exit code that scripts can use."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no ✓ gets a question mark, not a trace.
            stream.reconfigure(errors="replace")
    try:
        app(standalone_mode=True)
    except BdpError as error:
        complain(error)
        sys.exit(next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1))
    except SystemExit as end:
        # Who read our output has enough, as `head` does: that is no failure.
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(0)
        raise
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
