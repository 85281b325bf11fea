"""The command line: one file a command, no logic. Every verb speaks to the HTTP API, here or in another process."""

from __future__ import annotations

from bdp.cli.main import main

__all__ = ["main"]
