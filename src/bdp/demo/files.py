"""Real logs that come with the package; `logs/NOTICE` tells their origin and licence."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).with_name("logs")


def real_logs() -> list[Path]:
    """Return the compressed log files: three Kafka brokers' logs and one web site's access log, sorted by path."""
    return sorted(_FOLDER.rglob("*.log.gz"))
