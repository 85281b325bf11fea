"""The process under test: the real `bdp serve`, many lives of it, quickly.

A life of `bdp serve` takes 3.3 s to answer, 2.4 s of it for importing Python modules. A nursery imports them once and
forks for each life, so that one answers after about 0.9 s: everything from the command line on is the shipped code, and
the shim (see `shim.c`) is there as well. The nursery does not import chDB, which must not be forked.

Run as a program it is the nursery: one JSON request a line in, one JSON answer a line out.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

MODULES = ("bdp.cli.serve", "bdp.app", "bdp.web.api", "bdp.flow.mend.durable", "uvicorn", "zstandard",
           "confluent_kafka", "uvicorn.protocols.http.auto", "uvicorn.lifespan.on", "uvicorn.loops.auto",
           "clickhouse_connect.chdb", "psycopg", "clickhouse_connect.driver")  # fmt: skip
READY_SECONDS = 30.0
END_SECONDS = 25.0


class Nursery:
    """Starts lives that share what was imported. One thread at a time."""

    def __init__(self, library: Path, control: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BDP_")}
        preload = " ".join(filter(None, (str(library), environment.get("LD_PRELOAD"))))
        environment |= {"LD_PRELOAD": preload, "FAULT_CONTROL": str(control)}
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.subject"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=Path(__file__).parents[2],
            text=True,
        )
        self.ask({"do": "hello"})

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Send one request and return the answer."""
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the nursery is gone")
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Life:
    """One life of the process that serves a home."""

    def __init__(self, nursery: Nursery, home: Path, settings: Mapping[str, str]) -> None:
        self.home = home
        self._nursery = nursery
        (home / "serve.json").unlink(missing_ok=True)
        self.pid: int = nursery.ask({
            "do": "start", "home": str(home), "settings": dict(settings), "log": str(home.parent / "serve.log"),
            "temporary": str(home.parent / "tmp"),
        })  # fmt: skip
        self.url = ""
        self.headers: dict[str, str] = {}
        self.code: int | None = None

    @property
    def alive(self) -> bool:
        """False once it has ended, by whatever cause."""
        if self.code is None:
            self.code = self._nursery.ask({"do": "poll", "pid": self.pid})
        return self.code is None

    def listening(self) -> bool:
        """Say whether it has told where it listens."""
        if not self.url:
            try:
                self.url = json.loads((self.home / "serve.json").read_text())["url"]
                self.headers = {"Authorization": f"Bearer {(self.home / 'token').read_text().strip()}"}
            except (OSError, ValueError):
                return False
        return True

    def wait_listening(self, seconds: float = READY_SECONDS) -> bool:
        """Wait until it listens; False if it ended first, or in vain."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and self.alive:
            if self.listening():
                return True
            time.sleep(0.01)
        return False

    def client(self, timeout: float = 10.0) -> httpx.Client:
        """Return a connection of the caller's own."""
        return httpx.Client(base_url=self.url, headers=self.headers, timeout=timeout, trust_env=False)

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
            self._gone(END_SECONDS)

    def tell(self) -> None:
        """Have it write to its log what each thread does."""
        if self.alive:
            os.kill(self.pid, signal.SIGUSR1)
            time.sleep(0.2)

    def stop(self) -> int:
        """End it as a user would; -1 if that takes too long (then it is killed)."""
        if self.alive:
            os.kill(self.pid, signal.SIGTERM)
        if self._gone(END_SECONDS):
            return self.code or 0
        self.tell()
        self.kill()
        return -1

    def _gone(self, seconds: float) -> bool:
        limit = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > limit:
                return False
            time.sleep(0.005)
        return True


def main() -> None:
    """Be the nursery."""
    import importlib

    for name in MODULES:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    assert "chdb" not in sys.modules, "chDB must not be forked"
    assert threading.active_count() == 1, threading.enumerate()
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(_answer(request)), flush=True)


def _answer(request: Mapping[str, Any]) -> Any:
    if request["do"] == "start":
        child = os.fork()
        if not child:
            _live(request)
        return child
    if request["do"] == "poll":
        pid, status = os.waitpid(request["pid"], os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None
    return "ready"


def _live(request: Mapping[str, Any]) -> None:
    """Become `bdp serve`."""
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    os.environ.update(request["settings"], TMPDIR=request["temporary"])
    sys.argv = ["bdp", "serve", "--port", "0", "--home", request["home"], "--log-level", "WARNING"]
    code = 1
    try:
        from bdp.cli.main import main as bdp

        bdp()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
