"""Small disks that can be filled: tmpfs mounts with a ballast file each. Needs the right to mount."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path


class NoMounts(Exception):
    """File systems cannot be mounted here."""


class Disk:
    """A tmpfs of its own under one folder."""

    def __init__(self, folder: Path, mib: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "bdp-faults", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NoMounts(f"file systems cannot be mounted here: {done.stderr.strip()}")
        self._ballast = folder / ".ballast"

    def fill(self, leave: int) -> None:
        """Take all room but `leave` bytes."""
        found = os.statvfs(self.folder)
        room = found.f_bavail * found.f_frsize - leave
        held = self._ballast.stat().st_size if self._ballast.exists() else 0
        if room <= 0:
            return
        handle = os.open(self._ballast, os.O_WRONLY | os.O_CREAT, 0o600)
        # The subject may take the last of it in between.
        with contextlib.suppress(OSError):
            os.posix_fallocate(handle, held, room)
        os.close(handle)

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)


def check() -> None:
    """Find out whether disks can be had.

    Raises:
        NoMounts: they cannot.
    """
    with tempfile.TemporaryDirectory(prefix="bdp-mount-") as folder:
        try:
            Disk(Path(folder), 1).close()
        except OSError as error:
            raise NoMounts(f"there is no mount here: {error}") from error
