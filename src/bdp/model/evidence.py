"""Evidence: numbered facts, each with its value and the query that finds it again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from bdp.model.noun import Noun


class EvidenceKind(StrEnum):
    """What sort of fact."""

    COUNT = "count"
    TEMPLATE = "template"
    ATTRIBUTE = "attribute"
    TRACE_ORDER = "trace_order"
    CHANGE = "change"
    CALLERS = "callers"
    METRIC = "metric"
    PAST_CASE = "past_case"
    ONSET = "onset"
    STRUCTURE = "structure"
    SUSPECT = "suspect"
    COST = "cost"


class Evidence(Noun):
    """One fact.

    Attributes:
        id: `E1`, `E2`, … within one incident.
        value: the figures and names of the fact, by name; claims are checked against these.
        text: the fact in one plain sentence; `text_ko`: the same in Korean, empty where there is none.
        source: where it was read: a table of the store, or `state`.
        start_time, end_time: the stretch of event time that it covers.
        query: SQL that gives the value again; empty for facts that are not in the store.
        samples: example messages, each cut at 200 characters, at most 3. Untrusted text.
    """

    id: str
    kind: EvidenceKind
    value: dict[str, Any]
    text: str
    text_ko: str = ""
    source: str
    start_time: datetime
    end_time: datetime
    query: str = ""
    samples: tuple[str, ...] = Field(default=(), max_length=3)
