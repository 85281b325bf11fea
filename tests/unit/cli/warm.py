"""A process that has loaded what every verb loads and begins each verb in a fork: loading is more than half its work.

It reads requests, one JSON object a line, and answers each with the id of the verb's process, then with how it ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

LOADED = ("typer", "rich.table", "rich.panel", "rich.progress", "httpx", "bdp.app", "bdp.web.api")
"""Not `bdp.cli`: its consoles look at the environment when they are made."""


@dataclass
class Warm:
    """The loaded process, seen from the tests."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls) -> Warm:
        root = Path(__file__).resolve().parents[3]
        command = [sys.executable, "-m", "tests.unit.cli.warm"]
        return cls(subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    def run(self, words: list[str], environment: dict[str, str], folder: Path, stdin: bytes, seconds: float) -> int:
        """Run a verb, with `out` and `err` in a folder; return its exit code.

        Raises:
            subprocess.TimeoutExpired: it has been ended.
        """
        (folder / "in").write_bytes(stdin)
        asked = {"words": words, "environment": environment, "folder": str(folder), "at": os.getcwd()}
        self._tell({**asked, "seconds": seconds})
        code: int | None = self._told()
        if code is None:
            raise subprocess.TimeoutExpired(words, seconds)
        return code

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def _tell(self, request: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def _told(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


def main() -> None:
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            become(request)
        sys.stdout.write(f"{json.dumps(ended(child, request['seconds']))}\n")
        sys.stdout.flush()


def ended(child: int, seconds: float) -> int | None:
    """Wait for a verb; return its exit code, or None if it had to be ended."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _, status = os.waitpid(child, 0)
    late = signal.setitimer(signal.ITIMER_REAL, 0)[0] == 0
    return None if late else os.waitstatus_to_exitcode(status)


def become(request: dict[str, Any]) -> NoReturn:
    """Go on as the verb: with its files, folder, words and environment."""
    for number, (name, mode) in enumerate((("in", "rb"), ("out", "wb"), ("err", "wb"))):
        file = (Path(request["folder"]) / name).open(mode)
        os.dup2(file.fileno(), number)
        file.close()
    os.chdir(request["at"])
    os.environ.clear()
    os.environ.update(request["environment"])
    package = importlib.import_module("bdp")
    sys.argv = [str(Path(package.__path__[0]) / "__main__.py"), *request["words"]]
    sys.modules["__main__"].__package__ = "bdp"
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 until the process ends
    importlib.import_module("bdp.cli").main()
    raise AssertionError("main does not return")


if __name__ == "__main__":
    main()
