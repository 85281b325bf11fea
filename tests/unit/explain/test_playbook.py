"""Playbooks: signs find what they should, the shipped ones fit together, bad ones are refused with a place."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bdp.errors import BadSetting
from bdp.explain.playbook import load_playbooks, read_playbook, signs_sql
from bdp.explain.signals import SIGNALS
from bdp.sql import literal
from bdp.store.clickhouse import ClickHouseStore

HEAD = '+++\nname = "a-b"\ntitle = "t"\nmechanism = "m"\n'
TAIL = '\n[[actions]]\ntype = "notify"\ndescription = "d"\n+++\n'


def shows(store: ClickHouseStore, sign: str, message: str, error_code: str = "", times: int = 1) -> bool:
    source = f"(SELECT repeat({literal(message)}, {times}) AS message, {literal(error_code)} AS error_code)"
    return bool(store.query(f"SELECT {signs_sql((sign,))} AS shown FROM {source}")[0]["shown"])


@pytest.mark.parametrize(
    ("sign", "message", "shown"),
    [
        ("connection refused", "java.net.ConnectionRefusedException: x", False),
        ("connection refused*", "java.net.ConnectionRefusedException: x", True),
        ("connection refused", "Connection  REFUSED", True),
        ("connection refused", "connection_refused", True),
        ("oom", "no room left", False),
        ("oom", "killed: OOM.", True),
        ("pool * exhausted", "pool of 10 is\nexhausted", True),
        ("pool * exhausted", "exhausted pool", False),
        ("*timeout", "ReadTimeout", True),
        ("*timeout", "timeouts", False),
    ],
)
def test_a_sign_is_words_in_order(store: ClickHouseStore, sign: str, message: str, shown: bool) -> None:
    assert shows(store, sign, message) is shown
    assert shows(store, sign, "", message) is shown


def test_a_hostile_message_takes_no_time(store: ClickHouseStore) -> None:
    began = time.monotonic()
    assert not shows(store, "a * a * a * a * a * b", "a ", times=500_000)
    assert time.monotonic() - began < 2


def test_shipped_playbooks_fit_together() -> None:
    books = load_playbooks()
    names = {book.name for book in books}
    assert len(names) == len(books) >= 11
    for book in books:
        assert {*book.supports, *book.refutes} <= set(SIGNALS), book.name
        assert set(book.confirms) <= set(book.supports), book.name
        assert set(book.yields_to) <= names - {book.name}, book.name
        assert book.body, book.name


@pytest.mark.parametrize(
    "text",
    [
        "no front matter",
        "+++\nname = 1\n+++\n",
        HEAD + 'signs = ["(a+)+$"]' + TAIL,
        HEAD + 'signs = ["a"]\nsurprise = 1' + TAIL,
    ],
)
def test_a_bad_playbook_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.md"
    path.write_text(text)
    with pytest.raises(BadSetting, match=r"mine\.md"):
        read_playbook(path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="does not exist"):
        load_playbooks(tmp_path / "none")
