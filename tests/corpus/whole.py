"""The whole corpus."""

from __future__ import annotations

from tests.corpus import alerts, aws, batches, encoding, otlp, points, pushes, requests, shape, text
from tests.corpus.entry import Entry

PARTS = (text, shape, encoding, requests, batches, points, otlp, pushes, alerts, aws)
ENTRIES: list[Entry] = [entry for part in PARTS for entry in part.entries()]
