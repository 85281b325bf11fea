"""The tables of the state. `migrations/` makes them; a test holds both to be equal."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    text,
)

from bdp.store.database import Document, Instant, PlainText
from bdp.store.metadata import METADATA, SERIAL

_NOTHING = text("''")


def _incident(primary_key: bool = False) -> Column[str]:
    return Column(
        "incident_id", PlainText, ForeignKey("incidents.incident_id"), primary_key=primary_key, nullable=False
    )


incidents = Table(
    "incidents",
    METADATA,
    Column("incident_id", PlainText, primary_key=True),
    Column("title", PlainText, nullable=False),
    Column("severity", PlainText, nullable=False),
    Column("status", PlainText, nullable=False),
    Column("service", PlainText, nullable=False),
    Column("route", PlainText, nullable=False),
    Column("error_code", PlainText, nullable=False),
    Column("account", PlainText, nullable=False, server_default=_NOTHING),
    Column("signature", PlainText, nullable=False),
    Column("start_time", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
    Column("end_time", Instant),
    Column("opened_at", Instant, nullable=False),
    Column("sightings", Integer, nullable=False),
    Column("events", Double, nullable=False),
    Column("members", Document, nullable=False),
    Column("related_traces", Document, nullable=False),
    Index(None, "start_time"),
    Index(None, "status", "start_time"),
)
# The last guard of "one live incident per signature": the database itself refuses a second one.
_live = incidents.c.status != "resolved"
Index("incidents_live_ix", incidents.c.signature, unique=True, sqlite_where=_live, postgresql_where=_live)

# Which incident a signature was last seen in; its row is also what two workers with one signature queue for.
signatures = Table(
    "signatures",
    METADATA,
    Column("signature", PlainText, primary_key=True),
    Column("incident_id", PlainText, ForeignKey("incidents.incident_id")),
    Index(None, "incident_id"),
)

anomalies = Table(
    "anomalies",
    METADATA,
    Column("anomaly_id", PlainText, primary_key=True),
    _incident(),
    Column("events", Double, nullable=False),
    Column("end_time", Instant),
    Index(None, "incident_id"),
)

timeline = Table(
    "timeline",
    METADATA,
    Column("entry_id", SERIAL, primary_key=True),
    _incident(),
    Column("at", Instant, nullable=False),
    Column("kind", PlainText, nullable=False),
    Column("text", PlainText, nullable=False),
    Column("data", Document, nullable=False),
    Column("key", PlainText),
    UniqueConstraint("incident_id", "key"),
)

analyses = Table(
    "analyses",
    METADATA,
    _incident(primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("created_at", Instant, nullable=False),
    Column("analysis", Document, nullable=False),
)

approvals = Table(
    "approvals",
    METADATA,
    Column("approval_id", PlainText, primary_key=True),
    Column("incident_id", PlainText, nullable=False),
    Column("workflow_id", PlainText, nullable=False),
    Column("action", Document, nullable=False),
    Column("plan", PlainText, nullable=False),
    Column("undo", PlainText, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("status", PlainText, nullable=False),
    Column("decided_by", PlainText, nullable=False),
    Column("decided_at", Instant),
    Column("note", PlainText, nullable=False),
    Column("plan_ko", PlainText, nullable=False, server_default=_NOTHING),
    Column("undo_ko", PlainText, nullable=False, server_default=_NOTHING),
    Column("why", PlainText, nullable=False, server_default=_NOTHING),
    Column("why_ko", PlainText, nullable=False, server_default=_NOTHING),
    Column("evidence", Document, nullable=False, server_default=text("'[]'")),
    Column("evidence_ko", Document, nullable=False, server_default=text("'[]'")),
    Column("planned", Document),
    Column("needed", Integer, nullable=False, server_default=text("1")),
    Column("role", PlainText, nullable=False, server_default=text("'approver'")),
    Column("continuation", PlainText, nullable=False, server_default=_NOTHING),
    Index(None, "status", "requested_at"),
)
# What is looked for again and again: whose time is over, and what was answered and goes on nowhere yet. Not by status:
# SQLite would take the index of the list, and read all that wait.
WAITS = text("decided_at IS NULL")
GOES_NOWHERE = text("decided_at IS NOT NULL AND continuation = ''")
Index("approvals_due_ix", approvals.c.expires_at, sqlite_where=WAITS, postgresql_where=WAITS)
Index("approvals_answered_ix", approvals.c.decided_at, sqlite_where=GOES_NOWHERE, postgresql_where=GOES_NOWHERE)

# `person` is the same for all spellings of one name.
votes = Table(
    "votes",
    METADATA,
    Column("approval_id", PlainText, ForeignKey("approvals.approval_id"), primary_key=True),
    Column("person", PlainText, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("by", PlainText, nullable=False),
    Column("role", PlainText, nullable=False),
    Column("status", PlainText, nullable=False),
    Column("at", Instant, nullable=False),
    Column("via", PlainText, nullable=False),
    Column("note", PlainText, nullable=False),
)

# One-time links that were used.
links = Table(
    "links",
    METADATA,
    Column("nonce", PlainText, primary_key=True),
    Column("approval_id", PlainText, ForeignKey("approvals.approval_id"), nullable=False),
    Column("person", PlainText, nullable=False),
    Column("used_at", Instant, nullable=False),
)

executions = Table(
    "executions",
    METADATA,
    Column("execution_id", PlainText, primary_key=True),
    Column("case_id", PlainText, nullable=False),
    Column("workflow_id", PlainText, nullable=False),
    Column("incident_id", PlainText, nullable=False),
    Column("agent", PlainText, nullable=False),
    Column("action", PlainText, nullable=False),
    Column("parameters_hash", PlainText, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("duration_ms", Double, nullable=False),
    Column("outcome", PlainText, nullable=False),
    Column("error_type", PlainText, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cost_usd", Double, nullable=False),
    Index(None, "case_id", "started_at"),
    Index(None, "started_at"),
)

effects = Table(
    "effects",
    METADATA,
    Column("key", PlainText, primary_key=True),
    Column("claimed_at", Instant, nullable=False),
    Column("result", Document),
)

# Leave to act. What the policy's limits count.
permits = Table(
    "permits",
    METADATA,
    Column("key", PlainText, primary_key=True),
    Column("type", PlainText, nullable=False),
    Column("resource", PlainText, nullable=False),
    Column("service", PlainText, nullable=False),
    Column("environment", PlainText, nullable=False),
    Column("rule", PlainText, nullable=False),
    Column("incident_id", PlainText, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "at"),
    Index(None, "incident_id"),
)

# Who works on workflows; a count that stands still tells that a worker is gone.
workers = Table(
    "workers",
    METADATA,
    Column("worker_id", PlainText, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("version", PlainText, nullable=False),
    Column("at", Instant, nullable=False),
)

# Each version is a row; the newest one holds.
policies = Table(
    "policies",
    METADATA,
    Column("name", PlainText, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", Document, nullable=False),
    Column("by", PlainText, nullable=False),
    Column("at", Instant, nullable=False),
)

# Findings about the fabric, and what was decided about telling people of each.
insights = Table(
    "insights",
    METADATA,
    Column("entity_id", PlainText, primary_key=True),
    Column("timestamp", Instant, nullable=False),
    Column("entity_type", PlainText, nullable=False),
    Column("prediction_type", PlainText, nullable=False),
    Column("risk_score", Integer, nullable=False),
    Column("explanation", PlainText, nullable=False),
    Column("recommendations", Document, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("model_used", PlainText, nullable=False),
    Column("source", PlainText, nullable=False),
    Column("related_entity", PlainText, nullable=False),
    Column("ttl", Instant, nullable=False),
    Column("detected_at", Instant, nullable=False),
    Column("alert", PlainText, nullable=False),
    Column("message_key", PlainText),
    Column("beside", Document),
    Index(None, "timestamp", "entity_id"),
    Index(None, "related_entity", "timestamp", "entity_id"),
    Index(None, "prediction_type", "timestamp", "entity_id"),
    Index(None, "alert", "message_key", "detected_at"),
    Index(None, "detected_at"),
)
_spoken_of = insights.c.message_key.is_not(None)
Index("insights_message_ix", insights.c.message_key, sqlite_where=_spoken_of, postgresql_where=_spoken_of)
# Critical ones are few among many, and what people ask for most.
_critical = insights.c.risk_score >= text("80")
Index(
    "insights_critical_ix",
    insights.c.timestamp,
    insights.c.entity_id,
    sqlite_where=_critical,
    postgresql_where=_critical,
)

# Messages, until each channel has them, and what was decided about telling each.
alerts = Table(
    "alerts",
    METADATA,
    Column("key", PlainText, primary_key=True),
    Column("form", PlainText, nullable=False),
    Column("message", Document, nullable=False),
    Column("status", PlainText, nullable=False),
    Column("detected_at", Instant, nullable=False),
    Column("written_at", Instant, nullable=False),
    Column("told_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt", Instant, nullable=False),
    Column("about", PlainText, nullable=False, server_default=text("''")),
    Column("incident_id", PlainText, nullable=False, server_default=text("''")),
    Column("severity", PlainText, nullable=False, server_default=text("''")),
    Column("had", Document),  # names of the channels that have it
    Column("reason", PlainText),  # why nobody was told at once
    Column("told_in", PlainText),  # key of the message that tells it among others
    Index(None, "status", "next_attempt"),
    Index(None, "form", "written_at"),
    Index(None, "written_at"),
    Index(None, "told_at"),
)
_has_duplicates = alerts.c.about != text("''")
_among_others = alerts.c.told_in.is_not(None)
Index("alerts_about_ix", alerts.c.about, sqlite_where=_has_duplicates, postgresql_where=_has_duplicates)
Index("alerts_told_in_ix", alerts.c.told_in, sqlite_where=_among_others, postgresql_where=_among_others)

# Who has taken an incident on: the first one counts.
acknowledgements = Table(
    "acknowledgements",
    METADATA,
    Column("incident_id", PlainText, primary_key=True),
    Column("by", PlainText, nullable=False),
    Column("at", Instant, nullable=False),
)

# Messages that are told again, to more people, unless somebody acknowledges or answers.
reminders = Table(
    "reminders",
    METADATA,
    Column("key", PlainText, primary_key=True),
    Column("incident_id", PlainText, nullable=False),
    Column("told_at", Instant, nullable=False),
    Column("step", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("closed_at", Instant),
)
_unanswered = reminders.c.closed_at.is_(None)
for _name, _column in (("reminders_due_ix", reminders.c.due_at), ("reminders_of_ix", reminders.c.incident_id)):
    Index(_name, _column, sqlite_where=_unanswered, postgresql_where=_unanswered)

# Where a channel goes on telling of an incident.
threads = Table(
    "threads",
    METADATA,
    Column("incident_id", PlainText, primary_key=True),
    Column("channel", PlainText, primary_key=True),
    Column("reference", PlainText, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "at"),
)

# Questions to models about samples; what was asked goes once it is answered.
inquiries = Table(
    "inquiries",
    METADATA,
    Column("inquiry_id", PlainText, primary_key=True),
    Column("inquiry", Document),
    Column("risk", Integer, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("free_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("source", PlainText, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("nano_usd", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Index(None, "closed_at"),
)
_waits = inquiries.c.closed_at.is_(None)
for _name, _columns in (
    ("inquiries_waiting_ix", (inquiries.c.risk, inquiries.c.asked_at)),
    ("inquiries_overdue_ix", (inquiries.c.deadline,)),
):
    Index(_name, *_columns, sqlite_where=_waits, postgresql_where=_waits)

remembered_answers = Table(
    "remembered_answers",
    METADATA,
    Column("key", PlainText, primary_key=True),
    Column("answer", PlainText, nullable=False),
    Column("until", Instant, nullable=False),
    Index(None, "until"),
)

# Append-only: the migration adds triggers that refuse UPDATE and DELETE. Each entry holds the hash of the one before.
audit = Table(
    "audit",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", PlainText, nullable=False),
    Column("action", PlainText, nullable=False),
    Column("object", PlainText, nullable=False),
    Column("detail", Document, nullable=False),
    Column("previous", PlainText, nullable=False),
    Column("hash", PlainText, nullable=False),
    Index(None, "at"),
    Index(None, "object"),
)

# One row: the latest entry's place, for which those who add entries queue.
audit_head = Table(
    "audit_head",
    METADATA,
    Column("head_id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", PlainText, nullable=False),
)
