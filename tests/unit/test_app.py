"""The product put together: what it opens it closes, and what a part refuses leaves nothing behind."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bdp.app import App
from bdp.errors import BadRequest, BadSetting, HomeInUse, StoreUnavailable, StreamUnavailable
from bdp.home import Home
from bdp.model.batch import RecordKind
from bdp.settings import load
from bdp.store.clickhouse import ClickHouseStore, open_store
from bdp.store.settings import StoreSettings
from bdp.telemetry import INQUIRIES_WAITING, LEDGER, REGISTRY

ROW = (
    b'{"ts": "2026-05-01T12:00:00Z", "service": "pay", "level": "ERROR", "error_code": "E1", "message": "timed out"}\n'
)


@pytest.fixture
def new_app(tmp_path: Path) -> Callable[[], App]:
    """Make apps of one home and one in-memory database."""
    database = f"t{uuid.uuid4().hex}"
    return lambda: App(load(tmp_path / "home"), store=open_store(StoreSettings(database=database)))


def test_closed_it_lets_go_of_everything(new_app: Callable[[], App], tmp_path: Path) -> None:
    with new_app() as app:
        assert Home(tmp_path / "home").locked
        app.desk.take(RecordKind.EVENTS, ROW, "", None)
    assert not Home(tmp_path / "home").locked
    with pytest.raises(StreamUnavailable):
        app.desk.take(RecordKind.EVENTS, ROW, "", None)
    with new_app() as again:
        assert again.ledger()[0].in_flight == 1
        again.pipeline.drain()
        assert again.ledger()[0].stored == 1


def test_two_of_one_home_are_one_too_many(new_app: Callable[[], App]) -> None:
    with new_app() as app:
        with pytest.raises(HomeInUse), new_app():
            pass
        assert app.ledger()[0].accepted == 0


def test_a_part_that_does_not_open_frees_the_home(tmp_path: Path) -> None:
    store: ClickHouseStore = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    settings = load(tmp_path / "home", {"state": {"url": "mysql://x"}})
    with pytest.raises(BadSetting), App(settings, store=store):
        pass
    assert not Home(tmp_path / "home").locked


def test_figures_are_told_while_the_state_database_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = tmp_path / "answers.ndjson"
    answers.write_text('{"answer": "x"}\n')
    chosen = {"llm": {"chain": ["recorded"], "recorded": {"file": str(answers)}}}

    def away() -> None:
        raise StoreUnavailable("The state database is away.")

    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    with App(load(tmp_path / "home", chosen), store=store) as app:
        app.start()
        INQUIRIES_WAITING.set(7)
        batch, _ = app.desk.take(RecordKind.EVENTS, ROW, "", None)
        LEDGER.labels(source=batch.source, state="accepted").set(0)
        with monkeypatch.context() as absence:
            absence.setattr(app.state.database, "read", away)
            app.measure()
    assert REGISTRY.get_sample_value("bdp_inquiries_waiting") == 7
    assert REGISTRY.get_sample_value("bdp_ledger_records", {"source": batch.source, "state": "accepted"}) == 1


def test_started_it_moves_records_by_itself_and_stops(new_app: Callable[[], App]) -> None:
    with new_app() as app:
        app.start()
        app.desk.take(RecordKind.EVENTS, ROW * 30, "", None)
        while app.ledger()[0].in_flight:
            pass
        assert [found.subject.error_code for found in app.state.incidents.list()] == ["E1"]
    with pytest.raises(StreamUnavailable):
        app.desk.take(RecordKind.EVENTS, ROW, "", None)


def test_an_incident_is_explained_from_the_store(new_app: Callable[[], App]) -> None:
    with new_app() as app:
        app.desk.take(RecordKind.EVENTS, ROW * 30, "", None)
        app.pipeline.drain()
        app.pipeline.finish()
        report = app.explaining.explain_all()[0]
        assert report.analysis is not None
        assert (report.analysis.attempt, report.incident.events) == (1, 30)
        assert "30 abnormal events of `pay E1`" in report.analysis.evidence[0].text
        assert "E1 in pay" in app.briefing("2026-05-01")


def test_the_briefing_is_of_the_latest_day_with_events(new_app: Callable[[], App]) -> None:
    with new_app() as app:
        today = datetime.now(UTC).date().isoformat()
        assert app.briefing("").startswith(f"# Daily briefing, {today}")
        app.desk.take(RecordKind.EVENTS, ROW, "", None)
        app.pipeline.drain()
        assert app.briefing("").startswith("# Daily briefing, 2026-05-01")
        with pytest.raises(BadRequest, match="not a day"):
            app.briefing("May")
