"""The folder of policy files, followed while everything runs: a change holds from the next decision on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from bdp.decide.document import MOST_BYTES
from bdp.decide.policy import Policy, Problem, broken, policy_of, shipped
from bdp.errors import BadSetting, BdpError

log = structlog.get_logger(__name__)

_SUFFIXES = (".yaml", ".yml")
_MOST_FILES = 100
_MOST_IN_ALL = 1 << 20
LOOK_SECONDS = 2.0
_SETTLE_SECONDS = 0.1
_MOST_LOOKS = 20
Look = tuple[tuple[str, int, int, int, int], ...] | str
"""Name, size, times and number of each file; or why the folder cannot be listed."""


def read_folder(path: Path) -> Policy | None:
    """Return the policy of a folder, usable or not; None when it is missing or holds no policy file."""
    try:
        names = _names(path)
    except OSError as error:
        return broken([Problem("", f"the folder {path} cannot be read: {error.strerror}")], str(path))
    return _read(path, names) if names else None


class PolicyFolder:
    """Gives the policy that holds now.

    Args:
        on_new: told of each policy that begins to hold, in the thread that found it. Who gives none only looks, and
            logs nothing.
    """

    def __init__(self, path: Path, on_new: Callable[[Policy], None] | None = None) -> None:
        self.path = path
        self._on_new = on_new
        self._lock = threading.Lock()
        self._look: Look | None = None
        self._policy = shipped()
        self._told = ""
        self._own = False
        """Files of the folder have held in this process."""

    def now(self) -> Policy:
        """Return the policy that holds, read again if a file has changed; never raises because of what they hold."""
        with self._lock:
            look = _look(self.path)
            if look != self._look:
                if self._look is not None:
                    look = self._settled(look)
                self._policy, self._look = self._read(), look
            policy = self._policy
            new, self._told = self._on_new is not None and policy.version != self._told, policy.version
        if new:
            self._tell(policy)
        return policy

    def check(self) -> None:
        """Refuse to begin with a policy that cannot be used.

        Raises:
            BadSetting: with what is wrong first.
        """
        policy = read_folder(self.path)
        if policy is not None and policy.broken:
            more = f" (and {len(policy.problems) - 1} more)" if len(policy.problems) > 1 else ""
            what = f"The policy in {self.path} cannot be used: {str(policy.problems[0]).rstrip('.')}{more}."
            raise BadSetting(what, "See all of it with: bdp policy check")

    def follow(self, stop: threading.Event, each: Callable[[Policy], None]) -> None:
        """Look every two seconds until `stop`, so that a change is known before something has to be decided.

        Args:
            each: is given what holds at each look; its errors are logged.
        """
        while not stop.wait(LOOK_SECONDS):
            try:
                each(self.now())
            except BdpError as error:
                log.warning("policy.not_kept", reason=str(error))

    def _settled(self, look: Look) -> Look:
        """Wait until whoever writes is done: half a file may well be a policy, without the rules that forbid."""
        for _ in range(_MOST_LOOKS):
            time.sleep(_SETTLE_SECONDS)
            before, look = look, _look(self.path)
            if look == before:
                break
        return look

    def _read(self) -> Policy:
        found = read_folder(self.path)
        if found is not None:
            self._own = True
            return found
        if self._own:
            # Whoever takes the files away while it runs may not mean to fall back to other rules.
            what = f"its files are gone from {self.path}; put them back, or start again with the shipped policy"
            return broken([Problem("", what)], str(self.path))
        return shipped()

    def _tell(self, policy: Policy) -> None:
        if policy.broken:
            log.error("policy.broken", folder=str(self.path), problems=[str(one) for one in policy.problems[:20]])
            return
        log.info("policy.holds", version=policy.version, source=policy.source, rules=len(policy.rules))
        try:
            if self._on_new is not None:
                self._on_new(policy)
        except BdpError as error:
            log.warning("policy.not_kept", version=policy.version, reason=str(error))


def _names(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if _is_policy(entry.name))
    except FileNotFoundError:
        return []


def _is_policy(name: str) -> bool:
    return name.endswith(_SUFFIXES) and not name.startswith(".")


def _look(path: Path) -> Look:
    try:
        found = []
        for name in _names(path)[: _MOST_FILES + 1]:
            state = (path / name).stat()
            found.append((name, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino))
        return tuple(found)
    except OSError as error:
        return f"{type(error).__name__} {error.filename}"


def _read(path: Path, names: list[str]) -> Policy:
    if len(names) > _MOST_FILES:
        return broken([Problem("", f"more than {_MOST_FILES} files")], str(path))
    texts, problems = {}, []
    for name in names:
        try:
            if not (path / name).is_file():
                raise IsADirectoryError(0, "it is no file")
            with (path / name).open("rb") as file:
                texts[name] = file.read(MOST_BYTES + 1)
        except OSError as error:
            problems.append(Problem(name, f"cannot be read: {error.strerror}"))
    if sum(map(len, texts.values())) > _MOST_IN_ALL:
        problems.append(Problem("", f"the files are larger than {_MOST_IN_ALL >> 20} MiB together"))
    return broken(problems, str(path), {}) if problems else policy_of(texts, str(path))
