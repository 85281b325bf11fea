"""Ways in that speak somebody else's protocol: one file each, one entry in `PROTOCOLS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bdp.intake.parcel import Parcel
from bdp.intake.protocols import aws, firehose
from bdp.intake.protocols.alerts import read_alerts
from bdp.intake.protocols.exposition import read_exposition
from bdp.intake.protocols.loki import read_push
from bdp.intake.protocols.otlp_logs import read_logs
from bdp.intake.protocols.otlp_metrics import read_metrics
from bdp.intake.protocols.otlp_traces import read_traces
from bdp.intake.protocols.prometheus import read_remote_write
from bdp.intake.protocols.vendors import VENDORS
from bdp.model.batch import RecordKind


@dataclass(frozen=True)
class Protocol:
    """How one kind of request is read.

    Attributes:
        kind: what its records are.
        read: (body without content encoding, content type without parameters, parcel to fill); raises BadRequest if
            the whole body cannot be read. A bad record is refused through the parcel instead.
    """

    kind: RecordKind
    read: Callable[[bytes, str, Parcel], None]


PROTOCOLS: dict[str, Protocol] = {
    "otlp_logs": Protocol(RecordKind.EVENTS, read_logs),
    "otlp_traces": Protocol(RecordKind.EVENTS, read_traces),
    "otlp_metrics": Protocol(RecordKind.METRICS, read_metrics),
    "prometheus": Protocol(RecordKind.METRICS, read_remote_write),
    "exposition": Protocol(RecordKind.METRICS, read_exposition),
    "loki": Protocol(RecordKind.EVENTS, read_push),
    **{f"alerts_{name}": Protocol(RecordKind.EVENTS, partial(read_alerts, name)) for name in VENDORS},
    "alerts_cloudwatch": Protocol(RecordKind.EVENTS, aws.read),
    "aws_sns": Protocol(RecordKind.EVENTS, aws.read),
    "aws_eventbridge": Protocol(RecordKind.EVENTS, aws.read),
    "aws_lambda": Protocol(RecordKind.EVENTS, aws.read),
    firehose.EVENTS: Protocol(RecordKind.EVENTS, firehose.read_events),
    firehose.METRICS: Protocol(RecordKind.METRICS, firehose.read_metrics),
}
"""By source name, which is also what the ledger shows, such as `otlp_logs`."""
