"""The first tables: incidents and what is known of them, questions, runs, effects, the audit log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_LIVE = sa.text("status != 'resolved'")


def upgrade() -> None:
    _create_incidents()
    _create_findings()
    _create_logs()
    _protect_audit()


def _text(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _double(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double(), nullable=False)


def _integer(name: str, autoincrement: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=autoincrement)


def _big(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _serial() -> sa.Column[Any]:
    return sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _create_logs() -> None:
    op.create_table(
        "approvals",
        _text("approval_id"),
        _text("incident_id"),
        _text("workflow_id"),
        _text("action"),
        _text("plan"),
        _text("undo"),
        _time("requested_at"),
        _time("expires_at"),
        _text("status"),
        _text("decided_by"),
        _time("decided_at", nullable=True),
        _text("note"),
        sa.PrimaryKeyConstraint("approval_id", name="approvals_pk"),
    )
    op.create_index("approvals_status_requested_at_ix", "approvals", ["status", "requested_at"])
    op.create_table(
        "audit",
        _serial(),
        _time("at"),
        _text("actor"),
        _text("action"),
        _text("object"),
        _text("detail"),
        sa.PrimaryKeyConstraint("entry_id", name="audit_pk"),
    )
    op.create_index("audit_at_ix", "audit", ["at"])
    op.create_index("audit_object_ix", "audit", ["object"])
    op.create_table(
        "effects",
        _text("key"),
        _time("claimed_at"),
        _text("result", nullable=True),
        sa.PrimaryKeyConstraint("key", name="effects_pk"),
    )
    op.create_table(
        "executions",
        _text("execution_id"),
        _text("case_id"),
        _text("workflow_id"),
        _text("incident_id"),
        _text("agent"),
        _text("action"),
        _text("parameters_hash"),
        _time("started_at"),
        _double("duration_ms"),
        _text("outcome"),
        _text("error_type"),
        _big("tokens"),
        _double("cost_usd"),
        sa.PrimaryKeyConstraint("execution_id", name="executions_pk"),
    )
    op.create_index("executions_case_id_started_at_ix", "executions", ["case_id", "started_at"])
    op.create_index("executions_started_at_ix", "executions", ["started_at"])


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        _text("incident_id"),
        _text("title"),
        _text("severity"),
        _text("status"),
        _text("service"),
        _text("route"),
        _text("error_code"),
        _text("signature"),
        _time("start_time"),
        _time("last_seen"),
        _time("end_time", nullable=True),
        _time("opened_at"),
        _integer("sightings"),
        _double("events"),
        _text("members"),
        _text("related_traces"),
        sa.PrimaryKeyConstraint("incident_id", name="incidents_pk"),
    )
    op.create_index(
        "incidents_live_ix", "incidents", ["signature"], unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE
    )
    op.create_index("incidents_start_time_ix", "incidents", ["start_time"])
    op.create_index("incidents_status_start_time_ix", "incidents", ["status", "start_time"])


def _create_findings() -> None:
    op.create_table(
        "analyses",
        _text("incident_id"),
        _integer("attempt", autoincrement=False),
        _time("created_at"),
        _text("analysis"),
        sa.PrimaryKeyConstraint("incident_id", "attempt", name="analyses_pk"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name="analyses_incident_id_fk"),
    )
    op.create_table(
        "anomalies",
        _text("anomaly_id"),
        _text("incident_id"),
        _double("events"),
        _time("end_time", nullable=True),
        sa.PrimaryKeyConstraint("anomaly_id", name="anomalies_pk"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name="anomalies_incident_id_fk"),
    )
    op.create_index("anomalies_incident_id_ix", "anomalies", ["incident_id"])
    op.create_table(
        "signatures",
        _text("signature"),
        _text("incident_id", nullable=True),
        sa.PrimaryKeyConstraint("signature", name="signatures_pk"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name="signatures_incident_id_fk"),
    )
    op.create_index("signatures_incident_id_ix", "signatures", ["incident_id"])
    op.create_table(
        "timeline",
        _serial(),
        _text("incident_id"),
        _time("at"),
        _text("kind"),
        _text("text"),
        _text("data"),
        _text("key", nullable=True),
        sa.PrimaryKeyConstraint("entry_id", name="timeline_pk"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], name="timeline_incident_id_fk"),
        sa.UniqueConstraint("incident_id", "key", name="timeline_incident_id_key_uq"),
    )


def _protect_audit() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        )
