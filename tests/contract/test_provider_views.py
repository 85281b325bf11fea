"""What every database must do with what those who bill forecast and find themselves."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from bdp.model.cost_result import ForecastDay, ProviderAnomaly, ProviderForecast, ProviderView
from bdp.ports import ProviderViews
from bdp.store.database import open_database
from bdp.store.migrations import HERE
from bdp.store.provider_views import SqlProviderViews
from bdp.store.state import State

NOW = datetime(2026, 3, 1, 6, 0, 0, 123456, tzinfo=UTC)


def view(name: str = "aws", minutes: float = 0, **fields: object) -> ProviderView:
    day = ForecastDay(day=date(2026, 3, 1), cost=0.1 + 0.2, low=-1e-9, high=1e12)
    given = {
        "forecast": ProviderForecast(provider="AWS", start=day.day, end=day.day, total=day.cost, days=(day,)),
        "anomalies": (
            ProviderAnomaly(
                provider="AWS",
                anomaly_id="a-1",
                start=day.day,
                end=None,
                service_name="AWS Lambda",
                impact=12.5,
                root_causes=("상점 / AWS Lambda",),
            ),
        ),
    }
    return ProviderView.model_validate({"name": name, "asked_at": NOW + timedelta(minutes=minutes)} | given | fields)


def test_a_view_comes_back_as_it_was_kept(state: State) -> None:
    views: ProviderViews = state.provider_views
    assert views.all() == ()
    views.keep(view())
    assert views.all() == (view(),)


def test_the_newest_of_each_name_is_kept(state: State) -> None:
    views = state.provider_views
    for one in (view("b"), view("a"), view("b", 5, problem="no data"), view("b", 3, anomalies=()), view("a", 0)):
        views.keep(one)
    assert views.all() == (view("a"), view("b", 5, problem="no data"))
    views.keep(view("b", 5, forecast=None))
    assert views.all()[1].forecast is None


def test_text_from_anywhere_can_be_kept(state: State) -> None:
    state.provider_views.keep(view(problem="nul \x00 and surrogate \ud800"))
    assert state.provider_views.all()[0].problem == "nul \x00 and surrogate \ufffd"


def test_many_at_once_leave_the_newest(lasting_url: str, open_more: Callable[..., State]) -> None:
    states = [open_more(lasting_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda minutes: states[minutes % 4].provider_views.keep(view(minutes=minutes)), range(40)))
    assert [one.asked_at for one in states[0].provider_views.all()] == [view(minutes=39).asked_at]


def test_a_database_of_the_version_before_keeps_what_it_has(lasting_url: str, open_more: Callable[..., State]) -> None:
    database = open_database(lasting_url)
    with database.write() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(HERE).replace("%", "%%"))
        command.upgrade(config, "0009")
        connection.execute(text("INSERT INTO effects (key, claimed_at) VALUES ('k', '2026-03-01 00:00:00.000000')"))
    database.close()
    state = open_more(lasting_url)
    state.provider_views.keep(view())
    assert SqlProviderViews(state.database).all() == (view(),)
    with state.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM effects")).scalar() == 1
