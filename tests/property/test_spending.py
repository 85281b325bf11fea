"""The bookkeeping of money and rates does what a list of all calls would, whatever the clocks and providers do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bdp.model.spending import Bill, Bounds, Demand, Reason
from bdp.store.chain import FIRST
from bdp.store.database import open_database
from bdp.store.metadata import METADATA
from bdp.store.rates import WINDOW_SECONDS
from bdp.store.spending import SqlSpending
from bdp.store.spending_tables import spending_gate
from bdp.store.tables import audit_head

START = datetime(2026, 2, 28, 23, 50, tzinfo=UTC)  # a month, a day and an hour end soon
AHEAD = 60
GIVES_BACK = (Reason.THROTTLED, Reason.ACCESS, Reason.REJECTED)
UNSENT = (Reason.UNSENT, Reason.BREAKER)


@dataclass
class Call:
    """What the list knows of a call; `second` and `counted` are where and how its tokens count."""

    demand: Demand
    second: int
    counted: int
    bill: Bill | None = None
    expired: bool = False

    @property
    def reserved(self) -> int:
        return 0 if self.bill else self.demand.nano_usd

    @property
    def spent(self) -> int:
        return self.bill.nano_usd if self.bill and self.sent else 0

    @property
    def sent(self) -> bool:
        return self.bill is None or self.bill.outcome not in UNSENT

    def of(self, scope: str) -> str:
        at = self.demand.at
        formats = {"hour": f"{at:%Y-%m-%dT%H}", "day": f"{at:%Y-%m-%d}", "month": f"{at:%Y-%m}"}
        return formats.get(scope, self.demand.incident_id)


class Purse(RuleBasedStateMachine):
    """`SqlSpending` beside a list of all calls that is summed anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.database = open_database("sqlite://")
        with self.database.write() as connection:
            METADATA.create_all(connection)
            connection.execute(spending_gate.insert().values(gate_id=1))
            connection.execute(audit_head.insert().values(head_id=1, number=0, hash=FIRST))
        self.spending = SqlSpending(self.database, monotonic=lambda: 0.0)
        self.calls: list[Call] = []
        self.granted: dict[tuple[str, str], int] = {}
        self.base = 0.0

    def teardown(self) -> None:
        self.database.close()

    @initialize(
        budgets=st.tuples(*[st.none() | st.integers(0, 60)] * 3),
        rates=st.tuples(*[st.none() | st.integers(1, 4)] * 2),
        tokens=st.none() | st.integers(10, 60),
    )
    def choose(
        self,
        budgets: tuple[int | None, ...],
        rates: tuple[int | None, ...],
        tokens: int | None,
    ) -> None:
        self.bounds = Bounds(
            incident_usd=budgets[0],
            day_usd=budgets[1],
            month_usd=budgets[2],
            requests_per_minute=rates[0],
            agent_requests_per_minute=rates[1],
            tokens_per_minute=tokens,
        )

    @rule(
        forward=st.floats(0, 40),
        wrong=st.sampled_from([0.0, 0.0, 0.0, 1.0, -1.0, 90.0, -90.0]),
        agent=st.sampled_from("ab"),
        provider=st.sampled_from("pq"),
        incident=st.sampled_from(["", "i", "j"]),
        tokens=st.integers(0, 40),
        nano=st.integers(0, 20),
    )
    def reserve(
        self, forward: float, wrong: float, agent: str, provider: str, incident: str, tokens: int, nano: int
    ) -> None:
        self.base += forward
        at = START + timedelta(seconds=max(0.0, self.base + wrong))
        demand = Demand(
            call_id=str(len(self.calls)), at=at, agent=agent, provider=provider, model="m",
            incident_id=incident, tokens=tokens, nano_usd=nano,
        )  # fmt: skip
        expected = self.reason(demand)
        grant = self.spending.reserve(demand, self.bounds)
        assert grant.reason == expected
        if expected is None:
            self.calls.append(Call(demand, int(at.timestamp()), tokens))
        if expected is Reason.RATE:
            free = at + timedelta(seconds=grant.wait_seconds + 0.001)
            assert self.has_place(demand, free)
            assert not self.has_place(demand, free - timedelta(seconds=1.01))

    @precondition(lambda self: self.calls)
    @rule(
        data=st.data(),
        outcome=st.sampled_from(["ok", "ok", *GIVES_BACK, *UNSENT, Reason.TIMEOUT]),
        part=st.sampled_from([0, 1, 3, 40]),
    )
    def settle(self, data: st.DataObject, outcome: str, part: int) -> None:
        call = self.calls[data.draw(st.integers(0, len(self.calls) - 1))]
        nano = data.draw(st.integers(0, 2 * call.demand.nano_usd))
        bill = Bill(
            call_id=call.demand.call_id, ended_at=call.demand.at, outcome=outcome, seconds=1, tokens_in=part,
            tokens_out=part, nano_usd=nano,
        )  # fmt: skip
        self.spending.settle(bill)
        if call.bill is None:
            call.bill = bill
            if part or outcome in GIVES_BACK:
                call.counted = 2 * part if call.sent else 0

    @rule(back=st.integers(0, 100))
    def expire(self, back: int) -> None:
        before = START + timedelta(seconds=self.base - back)
        lost = [call for call in self.calls if call.bill is None and call.demand.at < before]
        assert self.spending.expire(before) == len(lost)
        for call in lost:
            nano = call.demand.nano_usd
            call.bill = Bill(
                call_id=call.demand.call_id, ended_at=before, outcome="expired", seconds=0, nano_usd=nano
            )  # fmt: skip

    @rule(name=st.sampled_from(["day", "month", "incident"]), nano=st.integers(1, 30))
    def allow(self, name: str, nano: int) -> None:
        at = START + timedelta(seconds=self.base)
        period = {"day": f"{at:%Y-%m-%d}", "month": f"{at:%Y-%m}"}.get(name, "i")
        self.spending.allow(name, period, nano, "me", at)
        self.granted[name, period] = self.granted.get((name, period), 0) + nano

    @invariant()
    def books_agree(self) -> None:
        if not hasattr(self, "bounds"):
            return
        at = START + timedelta(seconds=self.base)
        for one in self.spending.standings(at, self.bounds, "i"):
            mine = [call for call in self.calls if call.of(one.name) == one.period]
            assert one.spent == sum(call.spent for call in mine)
            assert one.reserved == sum(call.reserved for call in mine)
        lines = self.spending.costs(date(2026, 2, 1), date(2026, 4, 1))
        settled = [call.bill for call in self.calls if call.bill and call.sent]
        assert sum(line.calls for line in lines) == len(settled)
        assert sum(line.failed for line in lines) == sum(bill.outcome != "ok" for bill in settled)
        assert sum(line.nano_usd for line in lines) == sum(bill.nano_usd for bill in settled)
        assert sum(line.tokens_in for line in lines) == sum(bill.tokens_in for bill in settled)

    def reason(self, demand: Demand) -> Reason | None:
        """Return what the list says to a demand; it also moves what lies far ahead of it to its time."""
        if self.bounds.tokens_per_minute is not None and demand.tokens > self.bounds.tokens_per_minute:
            return Reason.REJECTED
        asked = Call(demand, 0, 0)
        limits = {"month": self.bounds.month_usd, "day": self.bounds.day_usd, "incident": self.bounds.incident_usd}
        for scope, limit in limits.items():
            period = asked.of(scope)
            if limit is None or not period or not demand.nano_usd:
                continue
            used = sum(call.spent + call.reserved for call in self.calls if call.of(scope) == period)
            if used + demand.nano_usd > limit + self.granted.get((scope, period), 0):
                return Reason(f"{scope}_budget")
        second = int(demand.at.timestamp())
        mine = [call for call in self.calls if self.shares(call, demand)]
        if any(call.second > second + AHEAD for call in mine):
            for call in self.calls:
                call.second = second if call.second > second + AHEAD else call.second
        return None if self.has_place(demand, demand.at) else Reason.RATE

    def has_place(self, demand: Demand, at: datetime) -> bool:
        """Return whether the demand fits into the rates at this time."""
        within = int(at.timestamp()) - WINDOW_SECONDS
        counted = [call for call in self.calls if call.second > within and call.sent]
        provider = [call for call in counted if call.demand.provider == demand.provider]
        agent = [call for call in counted if call.demand.agent == demand.agent]
        tokens = sum(call.counted for call in provider) + demand.tokens
        return (
            len(provider) < (self.bounds.requests_per_minute or 10**9)
            and len(agent) < (self.bounds.agent_requests_per_minute or 10**9)
            and tokens <= (self.bounds.tokens_per_minute or 10**9)
        )

    @staticmethod
    def shares(call: Call, demand: Demand) -> bool:
        """Return whether a rate counts both."""
        return call.demand.provider == demand.provider or call.demand.agent == demand.agent


Purse.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPurse = Purse.TestCase
