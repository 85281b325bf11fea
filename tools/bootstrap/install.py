"""Fills .venv from the locks in requirements/. Only the standard library, no pip needed: called by make.

    install.py run     what running needs
    install.py dev     that, and what testing and checking need
    install.py lock    the tool that writes the locks
    install.py clean   removes .venv

A level that is complete is left alone. A .venv that was interrupted, is out of date, was moved or is broken is made
again from nothing: pip takes a half-written package for an installed one, so mending would not be safe.
"""

# No syntax newer than Python 3.7 here, so that an old Python reaches the message that it is too old.
from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / ".venv.lock"
STATE = VENV / ".bdp"
LOG = STATE / "install.log"

# The Python behind any active venv: .venv itself may be active, and about to be removed.
BASE = os.path.realpath(sys.executable)
OLDEST = (3, 11)
TESTED = "3.11 to 3.13"
LEVELS = {"run": ("run", "dev"), "dev": ("dev",), "lock": ("lock",)}  # each with the levels that contain it
# Published as source only; everything else has to come ready-made, so that no compiler is needed.
FROM_SOURCE = "drain3"
BEAT = 10.0  # seconds between progress lines

HINTS = (
    ("CERTIFICATE_VERIFY_FAILED", "The index's certificate is not trusted here: set pip's `cert` option or PIP_CERT."),
    ("DO NOT MATCH THE HASHES", "The index served another file than the locked one. Do not go on; ask who runs it."),
    ("No space left", "The disk is full."),
    ("Permission denied", "Files here may not be written by this user."),
    (
        "NewConnectionError|ConnectTimeout|ReadTimeout|Name or service|Temporary failure|ProxyError|Max retries",
        "The package index could not be reached. Check network and proxy; pip's own settings are honoured.",
    ),
    (
        "No matching distribution|Could not find a version",
        (
            "The index could not be reached, or has no ready-made package for this machine. "
            f"That takes Linux with glibc, or macOS; x86-64 or ARM64; Python {TESTED}."
        ),
    ),
)


def say(text: str) -> None:
    print(text, flush=True)


def stop(text: str) -> NoReturn:
    sys.exit("install: " + text)


def locks(level: str) -> list[Path]:
    return [ROOT / "requirements" / (name + ".txt") for name in ("build", level)]


def key(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        if not file.is_file():
            stop(f"{file.relative_to(ROOT)} is missing. Restore it with git.")
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def identity() -> str:
    """A venv holds its own address and its Python's: with another of either it does not work."""
    return json.dumps([str(VENV), list(sys.version_info[:3]), BASE])


def read(name: str) -> str | None:
    try:
        return (STATE / name).read_text(encoding="utf-8")
    except OSError:
        return None


def write(name: str, text: str) -> None:
    """All or nothing, also when the power fails."""
    fresh = STATE / (name + ".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(STATE / name)


def sound() -> bool:
    """Whether what is there may be kept and added to."""
    if read("identity") != identity() or read("busy") is not None:
        return False
    done = [level for level in LEVELS if read(level) is not None]
    return all(read(level) == key(*locks(level)) for level in done) and os.access(str(PYTHON), os.X_OK)


def complete(level: str) -> bool:
    return sound() and any(read(larger) is not None for larger in LEVELS[level])


def project_key() -> str:
    return key(ROOT / "pyproject.toml", *locks("build")[:1])


@contextmanager
def alone() -> Iterator[int]:
    """One install at a time. pip inherits the lock, so one that outlives this process still holds it."""
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another make is installing; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def remove() -> None:
    if VENV.is_symlink():
        stop(".venv is a link to another place. Remove it, then run make again.")
    if not VENV.exists():
        return
    if not STATE.is_dir() and any(VENV.iterdir()):
        stop(".venv is there, but make did not make it. Move it away, then run make again.")
    # The mark that it is ours goes last, so that an interrupted removal can be taken up again.
    STATE.mkdir(exist_ok=True)
    write("busy", "removing")
    for path in VENV.iterdir():
        if path == STATE:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(str(path))
        else:
            path.unlink()
    shutil.rmtree(str(VENV))


def create(held: int) -> None:
    remove()
    STATE.mkdir(parents=True)
    write("busy", "creating")
    command = [BASE, "-m", "venv", "--without-pip", str(VENV)]
    status, lines = follow(command, held, 0)
    if status:
        stop("Python could not make a virtual environment in .venv:\n" + "\n".join(lines))
    write("identity", identity())


def pip(arguments: list[str], held: int, packages: int = 0) -> None:
    wheels = sorted(Path(__file__).parent.glob("pip-*.whl"))
    if not wheels:
        stop("tools/bootstrap/pip-*.whl is missing. Restore it with git.")
    command = [str(PYTHON), str(wheels[-1] / "pip"), "install", *arguments]
    command += ["--no-build-isolation", "--no-input", "--no-color", "--progress-bar=off", "--no-compile"]
    status, lines = follow(command, held, packages)
    if status:
        text = "\n".join(lines)
        hints = [hint for pattern, hint in HINTS if re.search(pattern, text)]
        say("\n".join("  | " + line for line in lines))
        say(f"Installing failed (pip ended with {status}).")
        say(hints[0] if hints else "The lines above are the last of pip's.")
        stop("Run make again after mending that. All of pip's lines: " + str(LOG.relative_to(ROOT)))


def follow(command: list[str], held: int, packages: int) -> tuple[int, list[str]]:
    """Run a command with its lines in the log, and say now and then how far it is. Gives its status and last lines."""
    # PYTHONPATH or a `user` setting of pip's would lead the packages elsewhere.
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    environment.update(PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONUNBUFFERED="1")
    tail: list[str] = []
    fetched, beat = 0, time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=str(ROOT),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=(held,),
    )
    try:
        assert process.stdout is not None
        with LOG.open("a", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                tail = [*tail[-14:], line.rstrip()]
                fetched += line.startswith("Collecting ")
                if packages and line.startswith("Installing collected"):
                    say("  all fetched, unpacking")
                    packages = 0
                if packages and time.monotonic() - beat > BEAT:
                    say(f"  {fetched} of {packages} fetched")
                    beat = time.monotonic()
        return process.wait(), tail
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def install(level: str, held: int) -> None:
    if not sound():
        create(held)
    if not complete(level):
        build, lock = locks(level)
        names = [line for line in lock.read_text(encoding="utf-8").splitlines() if re.match(r"\w", line)]
        count = sum("sys_platform == '" not in line for line in names)
        say(f"Installing {count} packages into .venv, about a minute…" if count > 9 else f"Installing {lock.stem}…")
        began = time.monotonic()
        write("busy", level)
        only = ["--only-binary=:all:", "--no-binary=" + FROM_SOURCE, "--require-hashes"]
        pip([*only, "-r", str(build)], held)
        pip([*only, "-r", str(lock)], held, count)
        write(level, key(build, lock))
        (STATE / "busy").unlink()
        say(f"  done in {time.monotonic() - began:.0f} s")
    if level != "lock" and read("project") != project_key():
        write("busy", "project")
        pip(["--no-deps", "--editable", str(ROOT)], held)
        write("project", project_key())
        (STATE / "busy").unlink()


def terminated(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> None:
    if sys.version_info < OLDEST:
        here = ".".join(map(str, sys.version_info[:3]))
        stop(
            f"this is Python {here} ({sys.executable}); BDP Agent needs Python {TESTED}. "
            "Name a newer one: make PYTHON=python3.11 …"
        )
    if arguments not in [[level] for level in (*LEVELS, "clean")]:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, terminated)
    with alone() as held:
        if arguments == ["clean"]:
            remove()
        else:
            install(arguments[0], held)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("install: interrupted. Run make again; it starts afresh where it must.")
    except OSError as error:
        stop(f"{error}. Run make again after mending that.")
