"""The state: incidents, questions, runs, effects, policies, insights, money and the audit log in one database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from bdp.store.alerts import Announce, SqlAlerts
from bdp.store.approvals import SqlApprovals
from bdp.store.audit import SqlAudit
from bdp.store.database import Database, open_database
from bdp.store.effects import SqlEffects
from bdp.store.executions import SqlExecutions
from bdp.store.incidents import Judge, SqlIncidents, joins_live
from bdp.store.inquiries import SqlInquiries
from bdp.store.insights import SqlInsights
from bdp.store.migrations import upgrade
from bdp.store.permits import SqlPermits
from bdp.store.policies import SqlPolicies
from bdp.store.provider_views import SqlProviderViews
from bdp.store.spending import SqlSpending
from bdp.store.workers import SqlWorkers


@dataclass(frozen=True)
class State:
    """One open state database; its parts may be used from any thread."""

    database: Database
    incidents: SqlIncidents
    approvals: SqlApprovals
    executions: SqlExecutions
    effects: SqlEffects
    audit: SqlAudit
    permits: SqlPermits
    policies: SqlPolicies
    insights: SqlInsights
    alerts: SqlAlerts
    spending: SqlSpending
    inquiries: SqlInquiries
    provider_views: SqlProviderViews
    workers: SqlWorkers

    @property
    def engine(self) -> Engine:
        """The engine below, for rooms that keep tables of their own in the same database."""
        return self.database.engine

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def open_state(url: str, judge: Judge = joins_live, tell: Announce = lambda incident: None) -> State:
    """Open a state database and bring its tables up to date.

    Args:
        url: `sqlite:///path`, `postgresql://…`, or `sqlite://` for one in memory that ends with `close`.
        judge: says whether an anomaly is a repeat of a sighting, see `bdp.store.incidents.Judge`.
        tell: says what people are told of a new incident, see `bdp.store.alerts.Announce`.

    Raises:
        BadSetting: the address is not one of these.
        MissingExtra: the PostgreSQL driver is not installed.
        Refuse: a newer version of BDP made this database.
        StoreUnavailable: the database did not answer.
    """
    database = open_database(url)
    try:
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return State(
        database=database,
        incidents=SqlIncidents(database, judge, tell),
        approvals=SqlApprovals(database),
        executions=SqlExecutions(database),
        effects=SqlEffects(database),
        audit=SqlAudit(database),
        permits=SqlPermits(database),
        policies=SqlPolicies(database),
        insights=SqlInsights(database),
        alerts=SqlAlerts(database),
        spending=SqlSpending(database),
        inquiries=SqlInquiries(database),
        provider_views=SqlProviderViews(database),
        workers=SqlWorkers(database),
    )
