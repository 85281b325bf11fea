"""A real `bdp serve` in a process of its own, for tests that end it in unkind ways."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

BDP = [sys.executable, "-m", "bdp"]
READY_SECONDS = 60


class Served:
    """One life of the process that serves a home."""

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None) -> None:
        self.home = home
        (home / "serve.json").unlink(missing_ok=True)
        self._log = (home / "serve.log").open("ab")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BDP_")}
        self.process = subprocess.Popen(
            [*BDP, "serve", "--port", "0", "--home", str(home), "--log-level", "WARNING"],
            stderr=self._log,
            stdout=self._log,
            env=environment | dict(settings or {}),
        )
        self._client: httpx.Client | None = None

    def ready(self) -> bool:
        """Wait until it answers; False if it ended before."""
        limit = time.monotonic() + READY_SECONDS
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                url = json.loads((self.home / "serve.json").read_text())["url"]
                token = (self.home / "token").read_text()
                self._client = httpx.Client(
                    base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
                )
                if self._client.get("/readyz").status_code == httpx.codes.OK:
                    return True
            except (OSError, ValueError, httpx.HTTPError):
                time.sleep(0.02)
        return False

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON of a GET."""
        return self._checked(self.client.get(path, params=parameters))

    def post(self, path: str, **request: Any) -> Any:
        """Return the JSON of a POST."""
        return self._checked(self.client.post(path, **request))

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a statement."""
        rows: list[dict[str, Any]] = self.post("/v1/query", json={"sql": sql})
        return rows

    @property
    def client(self) -> httpx.Client:
        """The connection; only after `ready`."""
        assert self._client is not None, "not ready"
        return self._client

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self._gone()

    def stop(self) -> int:
        """End it as a user would; return its exit code."""
        self.process.terminate()
        return self._gone()

    def told(self) -> str:
        """Return what it wrote to its log, in all lives."""
        return (self.home / "serve.log").read_text()

    def _gone(self) -> int:
        code = self.process.wait(60)
        if self._client is not None:
            self._client.close()
        self._log.close()
        return code

    @staticmethod
    def _checked(answer: httpx.Response) -> Any:
        answer.raise_for_status()
        return answer.json()
