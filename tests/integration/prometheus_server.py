"""A real Prometheus: an installed one, or Debian's package unpacked into a cache folder without installing it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import pytest

PACKAGE = "prometheus"


def find_prometheus(scratch: Path) -> Path:
    """Return the server's program; skips if it cannot be had."""
    installed = shutil.which("prometheus")
    if installed:
        return Path(installed)
    cache = Path(os.environ.get("BDP_TEST_CACHE") or Path(tempfile.gettempdir()) / f"bdp-test-cache-{os.getuid()}")
    program = cache / PACKAGE / "usr/bin/prometheus"
    if not program.exists():
        _unpack(scratch, cache / PACKAGE)
    return program


def _unpack(scratch: Path, folder: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        pytest.skip("no prometheus: neither installed nor Debian's package tools")
    command = ["apt-get", "download", PACKAGE]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=90, check=False)
    found = sorted(scratch.glob(f"{PACKAGE}_*.deb"))
    if done.returncode or not found:
        pytest.skip("no prometheus: Debian's package cannot be downloaded")
    unpacked = scratch / "unpacked"
    subprocess.run(["dpkg", "-x", str(found[0]), str(unpacked)], check=True, timeout=60)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(unpacked, folder, symlinks=True)
    except FileExistsError:  # another run was faster
        return


class Prometheus:
    """One life of the server, with a configuration of its own."""

    def __init__(self, program: Path, folder: Path, configuration: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(configuration)
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._log = (folder / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            [
                str(program),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            stdout=self._log,
            stderr=self._log,
        )
        self.log = folder / "prometheus.log"

    def ready(self) -> bool:
        """Wait until it answers; False if it ended before."""
        limit = time.monotonic() + 60
        while time.monotonic() < limit and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/-/ready", trust_env=False).status_code == httpx.codes.OK:
                    return True
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        return False

    def series(self, expression: str) -> dict[str, list[tuple[float, float]]]:
        """Return the samples of each series, by its name and labels as text, as Prometheus itself keeps them."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, trust_env=False)
        found = answer.raise_for_status().json()["data"]["result"]
        return {key(one["metric"]): [(at, float(value)) for at, value in one["values"]] for one in found}

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)
        self._log.close()


def key(labels: dict[str, str]) -> str:
    """Return a series' name and labels as text."""
    return ",".join(f"{name}={labels[name]}" for name in sorted(labels))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
