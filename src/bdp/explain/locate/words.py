"""Words of metric names, by what they measure: the general vocabulary of exporters, agents and clouds.

A name is cut at everything that is no letter or digit and at changes of case: `TargetResponseTime` is target, response,
time. A phrase asks for its words side by side, in order.
"""

from __future__ import annotations

Phrases = frozenset[tuple[str, ...]]


def _phrases(text: str) -> Phrases:
    return frozenset(tuple(phrase.split()) for phrase in text.replace("\n", " ").split(",") if phrase.strip())


def _single(text: str) -> frozenset[str]:
    return frozenset(text.split())


COUNTS = _phrases("count, total, num, number")
SHARES = _phrases("rate, ratio, percent, percentage, pct, share, fraction, %")
HISTOGRAM = _phrases("bucket, sum")

EXPIRY = _phrases("""
expiry, expires, expire, expiration, not after, days left, days remaining, seconds until, days until, hours until,
time until, valid until, days to expiry, cert days, certificate days, time to expiry""")

ERRORS = _phrases("""
error, errors, err, errs, fail, fails, failed, failing, failure, failures, fault, faults, exception, exceptions, panic,
panics, 4xx, 5xx, 400, 404, 429, 500, 502, 503, 504, timeouts, timed out, reject, rejected, rejects, rejection,
rejections, refused, denied, drop, drops, dropped, discard, discards, discarded, lost, loss, crash, crashes, crashed,
crashloop, restart, restarts, restarted, oom, oomkilled, oom kill, killed, evicted, abort, aborts, aborted, unhealthy,
unavailable, unready, not ready, unreachable, dead letter, deadletter, dlq, dead, rollback, rollbacks, deadlock,
deadlocks, conflict, conflicts, corrupt, corrupted, corruption, invalid, retransmit, retransmits, retransmitted,
retransmissions, retry, retries, exceeded, throttle, throttled, throttles, throttling, unschedulable, down, broken,
bad, stuck, nxdomain, servfail, violation, violations, incorrect, mismatch, mismatches, flap, flaps, unauthorized,
forbidden, circuit open, breaker open, declined, bounced, stale, inconsistent""")

NO_ERRORS = _phrases("error free, error budget, burn budget remaining, connections dropped limit")

AVAILABILITY = _phrases("""
availability, available, success, successes, successful, succeeded, healthy, health, up, uptime, ready, alive, free,
idle, remaining, hit ratio, hit rate, hits ratio, hit percent, hit pct, hitrate, hitratio, cache hit, headroom, apdex,
avail, freeable, mem available, mem free, error free, error budget""")

PER_TIME = _phrases("per second, per sec, per s, per minute, per min, per hour, per day, rps, qps, tps, iops")
WAITING = _phrases("wait, waits, waiting, lock wait, iowait")

LATENCY = _phrases("""
latency, latencies, duration, durations, elapsed, rtt, delay, delays, p50, p75, p90, p95, p98, p99, p999, ttfb, took,
response time, responsetime, processing time, process time, query time, request time, service time, execution time,
round trip, apply time, commit time, connect time, connection time, call time, read time, write time, self time,
own time, time taken, fsync, request seconds, requests seconds, query seconds, response seconds, request ms,
response ms, handler seconds, seconds quantile, resolve time, lookup time, handshake time, time to first byte, slow,
slow queries""")

SATURATION = _phrases("""
cpu, memory, mem, heap, rss, swap, disk, filesystem, volume, inode, inodes, load, load1, load5, load15, utilization,
utilisation, util, usage, used, in use, inuse, active, busy, occupied, acquired, checked out, queue, queued, depth,
backlog, pending, waiting, waiters, wait, waits, lag, in flight, inflight, inprogress, in progress, outstanding,
threads, goroutines, fds, file descriptors, connections, sockets, pressure, psi, gc, pause, iowait, steal, saturation,
concurrency, concurrent, evictions, miss, misses, miss ratio, contention, locks, lock, blocked, unacked, unprocessed,
age of oldest, age, oldest, working set, resident, cardinality, compaction, stall, stalled, stalls, overflow,
backpressure, open files, messages visible, spill, bloat, dirty, temperature, reconnects""")

IN_USE = _phrases("""
utilization, utilisation, util, usage, used, in use, inuse, active, busy, occupied, acquired, checked out, queue,
queued, pending, waiting, waiters, lag, depth, backlog, in flight, inflight""")

LIMIT = _phrases("""
max, maximum, limit, limits, quota, capacity, size, min, minimum, desired, configured, requested, allocatable,
threshold, budget, timeout, target, setting, config, replicas, cores, info, version, build info, enabled, provisioned,
shards, partitions, pool size, weight""")

NO_LIMIT = _phrases("""
target response, request size, response size, message size, queue size, batch size, payload size, body size, heap size,
backlog size, buffer size, object size, table size, db size, database size, index size, log size, wal size, cache size,
resident size, memory size, timeout count, timeout total, timeout rate""")

TRAFFIC = _phrases("""
request, requests, req, reqs, rps, qps, tps, ops, iops, throughput, call, calls, byte, bytes, packet, packets, message,
messages, msgs, count, hit, hits, rx, tx, receive, received, transmit, transmitted, sent, network, invocation,
invocations, query, queries, read, reads, write, writes, session, sessions, visit, visits, visitors, publish, published,
consume, consumed, produced, bandwidth, workload, orders, transactions, commits, users, events, records, rows, items,
jobs, tasks, executions, traffic, volume total, logins, checkouts, signups, delivered, processed, completed, handled,
evaluations, lookups, syscall, syscalls, switches""")

DURATION_UNITS = _single("s sec secs second seconds ms milliseconds millisecond us µs microseconds ns nanoseconds")
SHARE_UNITS = _single("% percent pct ratio 1")

OTHER_SIDE = _single("client clients caller callers peer browser downstream requester consumer")
GAVE_UP = _single("""
cancel cancels canceled cancelled cancellation cancelling disconnect disconnects disconnected disconnection abort
aborts aborted close closes closed closing hang hung left gone quit""")
GIVEN_UP = _phrases("""
context canceled, context cancelled, operation canceled, operation was canceled, request canceled, request cancelled,
broken pipe, reset by peer, closed by peer, client closed request, 499, clientabort, client abort exception,
client gave up, caller gave up, rst stream cancel, code canceled, code cancelled, grpc canceled,
status canceled, status cancelled, stream canceled, stream cancelled,
server canceled, server cancelled, server cancellations""")

OWN = _phrases("""
cpu, memory, mem, heap, rss, swap, gc, oom, oomkilled, oom kill, restart, restarts, restarted, crash, crashes,
crashloop, disk, filesystem, inode, inodes, iowait, self time, own time, cert, certificate""")
