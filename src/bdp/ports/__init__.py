"""The protocols that more than one room needs. Every one has an embedded or in-memory form that ships.

Sink        takes batches into custody                                  stream/{journal,kafka,table,files}.py, kinesis/
Backlog     a sink that holds what the primary could not take           stream/{table,files}.py
Stream      one ordered line of batches on its way to the store         stream/{journal,lane}.py
Books       ledger and dead letters                                     stream/{journal,books}.py
Policies    what people change at run time                              store/policies.py
Store       records of the past, read by SQL                            store/clickhouse.py (chDB or a server)
Incidents   incidents, their analyses and timeline                      store/incidents.py
Approvals   questions to people                                         store/approvals.py
Executions  the log of runs                                             store/executions.py
Effects     which effects took place: exactly once across crashes       store/effects.py
Permits     leave to act, counted by the policy's limits                store/permits.py
Workers     who works on workflows, and who is gone                     store/workers.py
Audit       who decided what; append-only                               store/audit.py
Insights    findings about the fabric                                   store/insights.py
Alerts      what people are to be told, and the messages                 store/alerts.py
Threads     where each channel tells of an incident                      store/alerts.py
Channel     a way to reach people                                       notify/*.py
Spending    what models may cost, and did; rates; all workers share it  store/spending.py
Inquiries   questions to a model, and the answers that may serve again  store/inquiries.py
CostProvider   who tells costs: Cost Explorer, or costs made up by a seed  intake/providers/*.py
CostOutlook    what this month will cost, and whether budgets hold           flow/costs_ahead.py
ProviderViews  what those who bill forecast and find themselves         store/provider_views.py
"""

from bdp.ports.costs import BudgetAhead, CostOutlook, CostProvider, MonthAhead, ProviderViews
from bdp.ports.findings import AlertDesk, Alerts, Channel, Insights, PostDesk, Threads
from bdp.ports.models import Inquiries, Spending
from bdp.ports.records import Backlog, Books, BulkStore, Row, Sink, Store, Stream
from bdp.ports.state import Approvals, Audit, Effects, Executions, Incidents, Permits, Policies, Workers

__all__ = [
    "AlertDesk",
    "Alerts",
    "Approvals",
    "Audit",
    "Backlog",
    "Books",
    "BudgetAhead",
    "BulkStore",
    "Channel",
    "CostOutlook",
    "CostProvider",
    "Effects",
    "Executions",
    "Incidents",
    "Inquiries",
    "Insights",
    "MonthAhead",
    "Permits",
    "Policies",
    "PostDesk",
    "ProviderViews",
    "Row",
    "Sink",
    "Spending",
    "Store",
    "Stream",
    "Threads",
    "Workers",
]
