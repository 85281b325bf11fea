"""`bdp demo --live`: faults in a shop that runs now, what BDP asks and does about them, and what came of it."""

from __future__ import annotations

import contextlib
import queue
import secrets
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bdp.app import App
from bdp.cli import screen
from bdp.cli.serve import address_of, api_server, listening
from bdp.decide.approvers import Way
from bdp.demo.live import Live, Pace, Scene
from bdp.demo.live_control import OPERATIONS, ControlPlane, serving
from bdp.demo.live_shop import Shop
from bdp.demo.live_story import Act, Chapter, Line, Story, chapter
from bdp.errors import BdpError
from bdp.model.decision import Approval, ApprovalStatus
from bdp.settings import ALONE, load
from bdp.telemetry import set_up_logs

AUTO = "--auto"
_LOOK_SECONDS = 0.2
_HANDED_ON = ("CHECKOUT_FAILED", "DEPENDENCY_FAILED", "STOCK_UNAVAILABLE")
"""Codes with which the shop's services hand the failure of another one on: no trouble of their own."""
_STYLE = {"shop": "cyan", "ASKS": "bold yellow", "acts": "bold", "told": "bold", "undone": "bold"}


@dataclass(frozen=True)
class Play:
    """How to play.

    Attributes:
        port: of the API; 0 takes a free one.
        auto: seconds after which each question is approved by itself; None: a person answers.
        pace: of the shop.
        settings: of BDP, over those of the demo.
    """

    seed: int = 7
    port: int = 0
    auto: float | None = None
    pace: Pace = field(default_factory=Pace)
    settings: Mapping[str, Any] | None = None


def play_live(where: Path, play: Play) -> list[Chapter]:
    """Play in an empty home until both faults are over or Ctrl-C; tell it line by line.

    Returns:
        what came of each incident.
    """
    set_up_logs("ERROR")
    ending = _Ending()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ending)
    shop, scenes = Shop(), queue.SimpleQueue[Scene]()
    control = ControlPlane(shop)
    token = secrets.token_urlsafe(16)
    with contextlib.ExitStack() as parts:
        url = parts.enter_context(serving(control, token))
        app = parts.enter_context(App(load(where, _settings(url, token, play))))
        live = Live(app, shop, play.seed, play.pace, scenes.put)
        control.on_done = live.note_done
        watch = _Watch(app, live, scenes, play)
        try:
            _load(live)
            parts.enter_context(_served(app))
            watch.greet(url)
            with _running(live) as worker:
                watch.follow(worker)
        except (KeyboardInterrupt, SystemExit):
            screen.out.print("\nStopped.")
        ending.asked = True
        return watch.sum_up()


class _Ending:
    """What Ctrl-C does: it ends the play once; while the home is being closed it does nothing."""

    asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            raise SystemExit(0)


def _settings(url: str, token: str, play: Play) -> dict[str, Any]:
    def operation(name: str) -> dict[str, Any]:
        address = f"{url}/{name}"
        return {"url": address, "undo_url": f"{address}/undo", "headers": {"Authorization": f"Bearer {token}"}}

    demo: dict[str, Any] = {
        "web": {"port": play.port},
        "notify": {"channels": [{"kind": "file"}]},
        "detect": {"overrides": [{"error_code": code, "threshold": 1e9} for code in _HANDED_ON]},
        "act": {"dry_run": "nothing", "webhook": {"operations": {name: operation(name) for name in OPERATIONS}}},
        # A young incident has few events yet, so that one more after the act would weigh too much.
        "symptom": {"share": 0.15},
        "workflows": {"verify_after_seconds": 25, "engine": {"look_seconds": 0.2, "url": ""}},
    }
    return {**ALONE, **demo, **(play.settings or {})}


def _load(live: Live) -> None:
    screen.err.print("Hanok Market, a small web shop: its calm traffic up to now.")
    with screen.progress(1, "loading   ") as show:
        for records, of_all in live.load():
            show(records / of_all, records)


@contextlib.contextmanager
def _served(app: App) -> Iterator[None]:
    """Run BDP with its API, as `bdp serve` does, in threads."""
    settings = app.settings.web
    with listening(settings.host, settings.port) as listener:
        app.start()
        server = api_server(app)
        worker = threading.Thread(target=_serve, args=(server, listener), name="api")
        worker.start()
        try:
            with app.home.announced(address_of(listener)):
                yield
        finally:
            server.should_exit = True
            worker.join()


def _serve(server: Any, listener: socket.socket) -> None:
    server.run(sockets=[listener])


@contextlib.contextmanager
def _running(live: Live) -> Iterator[threading.Thread]:
    worker = threading.Thread(target=live.run, name="shop")
    worker.start()
    try:
        yield worker
    finally:
        live.stop()
        worker.join()


class _Watch:
    """Tells what happens as it happens, and approves by itself where that was asked for."""

    def __init__(self, app: App, live: Live, scenes: queue.SimpleQueue[Scene], play: Play) -> None:
        self._app = app
        self._live = live
        self._scenes = scenes
        self._auto = play.auto
        self._story = Story()
        self._asked: dict[str, float] = {}

    def greet(self, control: str) -> None:
        """Say what there is to see, and what to type elsewhere."""
        screen.out.print(Text("\nThe shop runs now; BDP watches it.", "bold"))
        screen.out.print(f"Its control plane, at {control}, does what BDP's webhooks ask, and undoes it.")
        screen.out.print("Nothing is done before a person approves. In a second terminal:")
        for verb in ("approvals", "incidents", "pause --reason 'let me look'"):
            screen.out.print(f"  {self._typed(verb)}", soft_wrap=True)
        screen.out.print("Ctrl-C ends it.\n")

    def follow(self, worker: threading.Thread) -> None:
        """Tell until the play is over."""
        while worker.is_alive():
            self._look()
            time.sleep(_LOOK_SECONDS)
        self._look()

    def sum_up(self) -> list[Chapter]:
        """Print the summary of what came of each incident, and return it."""
        chapters = []
        for incident in sorted(self._app.state.incidents.list(), key=lambda one: one.opened_at):
            began = max((at for at in self._live.began if at <= incident.opened_at), default=incident.opened_at)
            asked = [one for one in self._approvals() if one.incident_id == incident.incident_id]
            chapters.append(chapter(self._app.state.incidents.get(incident.incident_id), asked, began))
        if chapters:
            screen.out.print(Text("\nWhat came of it (seconds after the fault began)", "bold"))
            screen.out.print(_summary(chapters))
            screen.out.print(Text("\nTry next", "bold"))
            for verb in ("incidents", "approvals --status approved", "audit verify", "brief"):
                screen.out.print(f"  {self._typed(verb)}", soft_wrap=True)
        return chapters

    def _look(self) -> None:
        lines = []
        while not self._scenes.empty():
            scene = self._scenes.get()
            lines.append(Line(scene.at, "shop", scene.text))
        for incident in self._app.state.incidents.list():
            lines += self._story.news(self._app.state.incidents.get(incident.incident_id))
        for line in sorted(lines, key=lambda one: one.at):
            _print(line)
        for approval in self._approvals(ApprovalStatus.WAITING):
            self._ask(approval)

    def _ask(self, approval: Approval) -> None:
        now = self._app.clock.monotonic()
        if approval.approval_id not in self._asked:
            self._asked[approval.approval_id] = now
            self._show(approval)
        elif self._auto is not None and now - self._asked[approval.approval_id] >= self._auto:
            with contextlib.suppress(BdpError):  # somebody else was quicker
                self._app.answers.approve(approval.approval_id, AUTO, "nobody looked at it", Way.CLI)

    def _show(self, approval: Approval) -> None:
        _print(Line(approval.requested_at, "ASKS", approval.action.description))
        _print_more(f"would send: {approval.plan}")
        _print_more(f"undo: {approval.undo}")
        if self._auto is not None:
            _print_more(f"--auto approves in {self._auto:g} s. By hand it would be:")
        else:
            _print_more("Waits for you. In a second terminal:")
        for verb in ("approve", "reject"):
            screen.out.print(Text(f"  {self._typed(f'{verb} {approval.approval_id}')}", "green"), soft_wrap=True)

    def _approvals(self, status: ApprovalStatus | None = None) -> list[Approval]:
        return self._app.state.approvals.list(status, 1000)

    def _typed(self, verb: str) -> str:
        """Return a command in full, as it can be typed in another terminal."""
        program = "bdp" if shutil.which("bdp") else shlex.quote(str(Path(sys.argv[0]).absolute()))
        return f"{program} {verb} --home {shlex.quote(str(self._app.home.path))}"


def _print(line: Line) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="dim", width=8)
    grid.add_column(no_wrap=True, width=9)
    grid.add_column(overflow="fold")
    style = _STYLE.get(line.who, "")
    grid.add_row(_clock(line.at), Text(line.who, style), Text(screen.plain(line.text), style if line.who else "dim"))
    screen.out.print(grid)


def _print_more(text: str) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=18)
    grid.add_column(overflow="fold")
    grid.add_row("", Text(screen.plain(text), "dim"))
    screen.out.print(grid)


def _clock(at: datetime) -> str:
    return at.strftime("%H:%M:%S")


def _summary(chapters: list[Chapter]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("incident, and what was asked", overflow="fold", min_width=30)
    table.add_column("found", justify="right", no_wrap=True)
    table.add_column("approved by", overflow="fold", max_width=14)
    table.add_column("outcome", overflow="fold", max_width=13)
    table.add_column("ended", justify="right", no_wrap=True)
    for one in chapters:
        ended = "" if one.ended is None else f"{one.ended:.0f} s"
        title = Text(screen.plain(one.title), "bold")
        table.add_row(title, f"{one.found:.0f} s", "", Text(one.status.value.replace("_", " "), "bold"), ended)
        for act in one.acts:
            table.add_row(*_row(act))
    return table


def _row(act: Act) -> tuple[Padding, str, str, Text, str]:
    style = "green" if act.outcome == "helped" else "yellow"
    asked = Padding(Text(screen.plain(act.asked)), (0, 0, 0, 2))
    return asked, "", screen.plain(act.answer), Text(act.outcome, style), ""
