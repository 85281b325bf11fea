"""Port counters of Prometheus exporters: their names, and what a rise of each means.

Three families of names are read, all monotonic counters of one port:

    node_exporter            node_infiniband_<name>_total, from sysfs counters/ and, in newer ones, hw_counters/
    infiniband_exporter      infiniband_switch_<name>_total and infiniband_hca_<name>_total, from perfquery (treydock's
                             and the one that was made from it)
    names of sysfs           infiniband_<file> and rdma_<file>_total, as collectors write that copy the files

A kind gives a signal when it rose in this scrape and its increase over the window reaches the first entry of its table.
The bounds of the port counters are those of the alert rules that come with infiniband_exporter (one link down is worth
a look, three are worth a page; 100 symbol errors a minute; one receive error or discard a second; 10^6 ticks of waiting
a second), as increases over 5 minutes. Those of hw_counters have no published bounds: they are ours.

Where no counter counts the thing itself, the nearest one stands for it, and `why` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from bdp.detect.fabric.risk import Table
from bdp.model.insight import PredictionType as P


class Counter(NamedTuple):
    """One kind of counter.

    Attributes:
        type: what its rise means.
        table: (increase over the window, risk).
        node, switch: its name at node_exporter, and at infiniband_exporter; empty if it has none.
        files: its names in sysfs.
        seconds: length of the window.
        why: where the type is the nearest and not the thing itself.
    """

    kind: str
    type: P
    table: Table
    node: str = ""
    switch: str = ""
    files: tuple[str, ...] = ()
    seconds: int = 300
    why: str = ""


_FEW: Final[Table] = ((1, 45), (10, 60), (100, 75), (1000, 85))
_PER_SECOND: Final[Table] = ((300, 50), (3_000, 65), (30_000, 80), (300_000, 90))
_RETRIES: Final[Table] = ((100, 40), (1_000, 60), (10_000, 75))
_INFORM: Final[Table] = ((100, 20), (1_000, 30), (10_000, 39))

COUNTERS: Final[tuple[Counter, ...]] = (
    Counter(
        "link_downed", P.CONNECTION_INSTABILITY, ((1, 45), (2, 65), (3, 80), (5, 90), (10, 100)),
        "link_downed", "port_link_downed", ("link_downed",), seconds=600,
    ),
    Counter(
        "link_error_recovery", P.PERFORMANCE_DEGRADATION, ((3, 40), (10, 55), (50, 70)),
        "link_error_recovery", "port_link_error_recovery", ("link_error_recovery",), seconds=600,
        why="the link trained anew and stayed up",
    ),
    Counter(
        "symbol_error", P.PERFORMANCE_DEGRADATION, ((500, 50), (5_000, 65), (50_000, 80)),
        "symbol_error", "port_symbol_error", ("symbol_error",),
    ),
    Counter(
        "local_link_integrity_errors", P.PERFORMANCE_DEGRADATION, ((10, 40), (100, 55), (1_000, 70)),
        "local_link_integrity_errors", "port_local_link_integrity_errors", ("local_link_integrity_errors",),
    ),
    Counter(
        "port_rcv_errors", P.PACKET_LOSS_DETECTED, _PER_SECOND,
        "port_errors_received", "port_receive_errors", ("port_rcv_errors",),
    ),
    Counter(
        "port_rcv_remote_physical_errors", P.PACKET_LOSS_DETECTED, _PER_SECOND,
        "port_receive_remote_physical_errors", "port_receive_remote_physical_errors",
        ("port_rcv_remote_physical_errors",), why="the far end marked the packets as bad",
    ),
    Counter(
        "port_local_physical_errors", P.PACKET_LOSS_DETECTED, _PER_SECOND, "", "port_local_physical_errors",
    ),
    Counter(
        "port_malformed_packet_errors", P.PACKET_LOSS_DETECTED, _PER_SECOND, "", "port_malformed_packet_errors",
    ),
    Counter(
        "port_xmit_discards", P.PACKET_LOSS_DETECTED, _PER_SECOND,
        "port_discards_transmitted", "port_transmit_discards", ("port_xmit_discards",),
        why="dropped here because the way on was busy or down",
    ),
    Counter(
        "port_rcv_discards", P.PACKET_LOSS_DETECTED, _PER_SECOND, "port_discards_received", "",
        ("port_rcv_discards",),
    ),
    Counter(
        "excessive_buffer_overrun_errors", P.PACKET_LOSS_DETECTED, ((10, 45), (100, 60), (1_000, 75)),
        "excessive_buffer_overrun_errors", "port_excessive_buffer_overrun_errors",
        ("excessive_buffer_overrun_errors",),
    ),
    Counter(
        "port_buffer_overrun_errors", P.PACKET_LOSS_DETECTED, ((10, 45), (100, 60), (1_000, 75)), "",
        "port_buffer_overrun_errors",
    ),
    Counter(
        "port_xmit_wait", P.RESOURCE_SATURATION, ((3e8, 30), (3e9, 45), (3e10, 55)),
        "port_transmit_wait", "port_transmit_wait", ("port_xmit_wait",),
        why="a bottleneck, not a fault",
    ),
    Counter(
        "vl15_dropped", P.ANOMALY_DETECTED, _INFORM, "vl15_dropped", "port_vl15_dropped", ("VL15_dropped",),
        why="management packets only",
    ),
    Counter("qp1_dropped", P.ANOMALY_DETECTED, _INFORM, "", "port_qp1_dropped", why="management packets only"),
    Counter(
        "port_rcv_switch_relay_errors", P.ANOMALY_DETECTED, _INFORM,
        "port_receive_switch_relay_errors", "port_receive_switch_relay_errors", ("port_rcv_switch_relay_errors",),
        why="no way to forward; multicast alone raises it too",
    ),
    Counter(
        "port_rcv_constraint_errors", P.ANOMALY_DETECTED, ((10, 40), (1_000, 55)),
        "port_constraint_errors_received", "port_receive_constraint_errors", ("port_rcv_constraint_errors",),
        why="partition or rate limit, as configured",
    ),
    Counter(
        "port_xmit_constraint_errors", P.ANOMALY_DETECTED, ((10, 40), (1_000, 55)),
        "port_constraint_errors_transmitted", "port_transmit_constraint_errors", ("port_xmit_constraint_errors",),
        why="partition or rate limit, as configured",
    ),
    Counter(
        "req_cqe_error", P.QP_ERROR_RATE_HIGH, _FEW, "req_cqes_errors", "", ("req_cqe_error",),
        why="work that completed with an error: the queue pair stops",
    ),
    Counter(
        "resp_cqe_error", P.QP_ERROR_RATE_HIGH, _FEW, "resp_cqes_errors", "", ("resp_cqe_error",),
        why="work that completed with an error: the queue pair stops",
    ),
    Counter(
        "req_cqe_flush_error", P.QP_ERROR_RATE_HIGH, _INFORM, "req_cqes_flush_errors", "", ("req_cqe_flush_error",),
        why="follows a queue pair's error, and its orderly end as well",
    ),
    Counter(
        "resp_cqe_flush_error", P.QP_ERROR_RATE_HIGH, _INFORM, "resp_cqes_flush_errors", "",
        ("resp_cqe_flush_error",), why="follows a queue pair's error, and its orderly end as well",
    ),
    Counter(
        "resp_local_length_error", P.QP_ERROR_RATE_HIGH, _FEW, "resp_local_length_errors", "",
        ("resp_local_length_error",), why="a posted buffer was too short",
    ),
    Counter(
        "req_remote_invalid_request", P.QP_ERROR_RATE_HIGH, _FEW, "req_remote_invalid_request_errors", "",
        ("req_remote_invalid_request",), why="the far end refused a request",
    ),
    Counter(
        "req_remote_access_errors", P.MEMORY_REGISTRATION_FAILURE, _FEW, "req_remote_access_errors", "",
        ("req_remote_access_errors",), why="memory that is not, or no longer, registered for it",
    ),
    Counter(
        "resp_remote_access_errors", P.MEMORY_REGISTRATION_FAILURE, _FEW, "resp_remote_access_errors", "",
        ("resp_remote_access_errors",), why="memory that is not, or no longer, registered for it",
    ),
    Counter(
        "mem_mgmt_op_err", P.MEMORY_REGISTRATION_FAILURE, _FEW, "", "", ("mem_mgmt_op_err",),
        why="bnxt_re only: a memory management operation failed",
    ),
    Counter(
        "local_ack_timeout_err", P.RDMA_TIMEOUT, ((10, 40), (100, 60), (1_000, 80)),
        "local_ack_timeout_errors", "", ("local_ack_timeout_err",), why="an acknowledgement was late; it was sent anew",
    ),
    Counter(
        "max_retry_exceeded", P.RDMA_TIMEOUT, ((1, 60), (10, 75), (100, 85)), "", "", ("max_retry_exceeded",),
        why="bnxt_re only: retries were used up",
    ),
    Counter(
        "rnr_nak_retry_err", P.RDMA_TIMEOUT, _RETRIES, "rnr_nak_retry_packets_received", "", ("rnr_nak_retry_err",),
        why="the receiver was not ready; the sender waits",
    ),
    Counter(
        "packet_seq_err", P.PACKET_LOSS_DETECTED, _RETRIES, "packet_sequence_errors", "", ("packet_seq_err",),
        why="the receiver missed packets",
    ),
    Counter(
        "implied_nak_seq_err", P.PACKET_LOSS_DETECTED, _RETRIES, "implied_nak_seq_errors", "",
        ("implied_nak_seq_err",), why="the answer to a read is missing packets",
    ),
    Counter(
        "out_of_sequence", P.PACKET_LOSS_DETECTED, ((1_000, 30), (10_000, 45), (100_000, 60)),
        "out_of_sequence_packets_received", "", ("out_of_sequence",), why="adaptive routing raises it too",
    ),
    Counter(
        "duplicate_request", P.PACKET_LOSS_DETECTED, _INFORM, "duplicate_requests_packets", "",
        ("duplicate_request",), why="sent anew although it had arrived",
    ),
    Counter(
        "out_of_buffer", P.RESOURCE_SATURATION, ((100, 40), (1_000, 55), (10_000, 70)),
        "out_of_buffer_drops", "", ("out_of_buffer",), why="no receive buffer was posted",
    ),
)  # fmt: skip


def _names(counter: Counter) -> list[str]:
    names = [f"node_infiniband_{counter.node}_total"] if counter.node else []
    if counter.switch:
        names += [f"infiniband_{end}_{counter.switch}_total" for end in ("switch", "hca")]
    return names + [name for file in counter.files for name in (f"infiniband_{file}", f"rdma_{file}_total")]


NAMES: Final[Mapping[str, Counter]] = {name: counter for counter in COUNTERS for name in _names(counter)}
KINDS: Final[Mapping[str, Counter]] = {counter.kind: counter for counter in COUNTERS}
