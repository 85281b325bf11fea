"""Values come out of the store as they went into the SQL, whatever is in them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bdp import sql
from bdp.sql import literal, literals
from bdp.store.clickhouse import ClickHouseStore

NASTY = [
    "",
    "'",
    "\\",
    "\\'",
    "\\\\'",
    "a\nb\tc\rd\x00e",
    '`"$x$',
    "{a:String}",
    "%s %%",
    "'; DROP TABLE events; --",
    "/* */ */",
    "한국어 \U0001f600",
    "\\x41",
    "--",
    "'' OR 1=1",
]


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_comes_back(store: ClickHouseStore, text: str) -> None:
    assert store.query(f"SELECT {literal(text)} AS v") == [{"v": text}]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=20))
def test_any_text_comes_back(store: ClickHouseStore, texts: list[str]) -> None:
    columns = ", ".join(f"{literal(text)} AS c{i}" for i, text in enumerate(texts))
    row = store.query(f"SELECT {columns}")[0]
    assert [row[f"c{i}"] for i in range(len(texts))] == texts
    assert store.query(f"SELECT {literal(texts[0])} IN {literals(texts)} AS found") == [{"found": 1}]


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert literal("a\ud800b") == "'a\\x3Fb'"


def test_times_keep_their_microseconds(store: ClickHouseStore) -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
    assert store.query(f"SELECT {literal(at)} AS v")[0]["v"] == at


@pytest.mark.parametrize("value", [float("nan"), float("inf"), datetime(2026, 1, 1)])  # noqa: DTZ001
def test_what_has_no_literal_is_refused(value: float | datetime) -> None:
    with pytest.raises(ValueError, match="must be"):
        literal(value)


def test_common_text_stays_readable() -> None:
    assert literal("KeyError: 'tier' #5 \\s+ 한국") == r"'KeyError: \'tier\' #5 \\s+ 한국'"


class Answered(Exception):
    """What a driver raises for a statement that the database refused."""

    sqlstate = "53100"


def test_a_database_that_is_away_is_told_in_one_plain_sentence() -> None:
    said = (
        'connection is bad: connection to server on socket "/run/pg/.s.PGSQL.5432" failed: No such file or directory\n'
        "\tIs the server running locally and accepting connections on that socket?"
    )
    where = sql.address("/run/pg", None, "bdp")
    told = sql.away("The state database", where, OSError(said))
    assert told == "The state database (bdp at /run/pg) does not answer: No such file or directory."
    told = sql.away("The state database", sql.address("db", 5433, "bdp"), Answered("could not extend file:\nfull."))
    assert told == "The state database (bdp at db:5433) could not do this: could not extend file: full."
    assert sql.address(None, None, "state.db") == "state.db"
