"""The home: the folder that holds everything of one installation, and who works in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bdp.errors import BadSetting, HomeInUse


@dataclass(frozen=True)
class Home:
    """One installation's folder. Only its owner can read what is in it."""

    path: Path

    def prepare(self) -> None:
        """Make the folder and its token if they are not there.

        Raises:
            BadSetting: the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileExistsError):
                handle = os.open(self.path / "token", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w") as file:
                    file.write(secrets.token_urlsafe(32))
        except OSError as error:
            raise self._unusable(error) from error

    @property
    def token(self) -> str:
        """The bearer token of this home's HTTP API."""
        try:
            return (self.path / "token").read_text().strip()
        except OSError as error:
            raise self._unusable(error) from error

    @property
    def serving(self) -> str | None:
        """Address of the process that serves this home; None if none does."""
        if not self.locked:
            return None
        try:
            note = json.loads((self.path / "serve.json").read_text())
        except (OSError, ValueError):
            return None
        url = note.get("url") if isinstance(note, dict) else None
        return url if isinstance(url, str) else None

    @property
    def locked(self) -> bool:
        """True while some process works in this home.

        Raises:
            BadSetting: the folder cannot be read.
        """
        try:
            with (self.path / "lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except BlockingIOError:
            return True
        except OSError as error:
            raise self._unusable(error) from error
        return False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the home; one process at a time.

        Raises:
            HomeInUse: another process holds it.
            BadSetting: the folder cannot be written.
        """
        try:
            file = (self.path / "lock").open("ab")
        except OSError as error:
            raise self._unusable(error) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HomeInUse(
                    f"Another bdp process works in {self.path}.", "Wait until it ends, or give another home."
                ) from None
            # A server that was killed left its note, which would send others to a stranger's port.
            (self.path / "serve.json").unlink(missing_ok=True)
            yield

    @contextlib.contextmanager
    def announced(self, url: str) -> Iterator[None]:
        """Tell the other processes of this home where it is served."""
        path = self.path / "serve.json"
        partial = path.with_suffix(".new")
        partial.write_text(json.dumps({"url": url, "pid": os.getpid()}))
        partial.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def _unusable(self, error: OSError) -> BadSetting:
        return BadSetting(
            f"The home {self.path} cannot be used: {error.strerror}.", "Give another with --home or BDP_HOME."
        )
