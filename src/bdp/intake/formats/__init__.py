"""Log formats: one reader a file; a new one is one file and one line here.

Sniffing tries the line formats in this order and takes the first of those that understand the most lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bdp.intake.formats.apache_access import ApacheAccessReader
from bdp.intake.formats.apache_error import ApacheErrorReader
from bdp.intake.formats.kafka import KafkaReader
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.formats.syslog import OpensshReader, SyslogReader
from bdp.intake.formats.text import TextReader
from bdp.intake.formats.timestamped import TimestampedReader

LINES: Final[dict[str, Callable[[LineContext], LineReader]]] = {
    "openssh": OpensshReader,
    "syslog": SyslogReader,
    "apache_access": ApacheAccessReader,
    "apache_error": ApacheErrorReader,
    "kafka": KafkaReader,
    "timestamped": TimestampedReader,
    "text": TextReader,
}
"""Formats that are read line by line; `text` needs a pattern and is never sniffed."""

EXPOSITION: Final = "exposition"
"""What exporters print, which is metric points; see `bdp.intake.samples`."""

FORMATS: Final = ("ndjson", "json", *LINES, EXPOSITION)
"""Every name that `--format` takes."""
