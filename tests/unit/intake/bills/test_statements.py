"""Bills in the store: read again they add nothing, and a changed delivery takes the place of its days alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bdp.ids import Ids
from bdp.intake.bills.files import delivery_at, read_bills
from bdp.intake.limits import IntakeSettings
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store
from tests.unit.intake.bills.reading import NOW

SETTINGS = IntakeSettings(batch_records=300)


@pytest.fixture
def store() -> Iterator[ClickHouseStore]:
    opened = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    yield opened
    opened.close()


def deliver(store: ClickHouseStore, *paths: Path, at: datetime = NOW, seed: int = 1, most: int = 1000) -> list[str]:
    """Take bills in as one delivery; returns the ids of its batches, of which no more than `most` arrive."""
    delivery = delivery_at(at, Ids.seeded(seed))
    batches = list(
        read_bills(paths, statement=delivery.statement, stated_at=delivery.stated_at, now=at, settings=SETTINGS)
    )
    for batch in batches[:most]:
        store.insert(batch.kind, batch.payload, batch.batch_id)
    return [batch.batch_id for batch in batches]


def total(store: ClickHouseStore, where: str = "1") -> float:
    (row,) = store.query(f"SELECT sum(billed_cost) AS cost FROM charges WHERE {where}")
    return float(row["cost"])


def test_the_same_files_again_change_nothing(store: ClickHouseStore, data_dir: Path) -> None:
    bills = sorted((data_dir / "finops-cost/provider-exports").rglob("*.csv"))
    deliver(store, *bills)
    first = total(store)
    deliver(store, *bills, at=NOW + timedelta(days=1), seed=2)
    assert total(store) == pytest.approx(first, abs=1e-9)
    assert first > 1


def test_an_interrupted_reading_is_repeated_under_its_own_statement(store: ClickHouseStore, data_dir: Path) -> None:
    bill = data_dir / "finops-cost/focus-1.0/FOCUS-1.0/focus_sample.csv"
    ids = deliver(store, bill, most=2)
    assert total(store) < 20
    assert deliver(store, bill) == ids
    (row,) = store.query("SELECT count() AS n, sum(billed_cost) AS cost FROM costs")
    assert (row["n"], row["cost"]) == (1000, pytest.approx(20.52022672899))


def test_a_changed_delivery_replaces_its_days_only(store: ClickHouseStore, tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text("date,account,service,cost\n2026-02-01,a,X,1\n2026-02-02,a,X,2\n2026-02-02,b,X,4\n")
    deliver(store, path)
    path.write_text("date,account,service,cost\n2026-02-02,a,Y,10\n2026-02-02,a,Z,20\n")
    deliver(store, path, at=NOW + timedelta(hours=1), seed=2)
    assert total(store) == 1 + 30 + 4
    assert total(store, "sub_account_id = 'a' AND service_name = 'X'") == 1


def test_files_of_one_reading_add_up_but_copies_count_once(store: ClickHouseStore, tmp_path: Path) -> None:
    for name, cost in (("a", 1), ("b", 2), ("copy of a", 1)):
        (tmp_path / f"{name}.csv").write_text(f"date,service,cost\n2026-02-01,X,{cost}\n")
    deliver(store, tmp_path)
    assert total(store) == 3
