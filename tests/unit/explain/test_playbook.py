"""Playbooks: signs find what they should, the shipped ones fit together, bad ones are refused with a place."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from bdp.errors import BadSetting
from bdp.explain.inquest.fault import faults
from bdp.explain.playbook import (
    COST_SIGNS,
    HOLES,
    SIGNAL_NAMES,
    CostSign,
    MetricSign,
    Playbook,
    PlaybookAction,
    load_playbooks,
    read_playbook,
    signs_sql,
)
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


def test_the_names_that_playbooks_may_use_are_the_signals_that_are_there() -> None:
    assert set(SIGNALS) == SIGNAL_NAMES


def test_each_kind_of_failure_has_a_playbook() -> None:
    assert {fault.playbook for fault in faults()} <= {book.name for book in load_playbooks()}


def test_an_own_playbook_takes_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text(HEAD.replace("a-b", "timeout") + 'signs = ["a"]' + TAIL)
    found = {book.name: book for book in load_playbooks(tmp_path)}
    assert (found["timeout"].title, len(found)) == ("t", len(load_playbooks()))


OWN = HEAD + 'signs = ["a"]\n'
"""A playbook up to its actions."""

MISTAKES = {
    "no front matter": ("no head between two lines of +++", "Begin it with +++"),
    "---\nname: a-b\n---\n": ("no head between two lines of +++", "Begin it with +++"),
    "+++\nname = a-b\n+++\n": ("not TOML", "quotes"),
    "+++\nname = 1\n+++\n": ("name: “1” is not a text", "Write name = "),
    OWN.replace("a-b", "My Book") + TAIL: ("name: “My Book” is not a name", "lower-case letters, digits and hyphens"),
    OWN.replace('"t"', '""') + TAIL: ("title: it is empty", "Give title something"),
    HEAD + 'signs = "a"' + TAIL: ("signs: “a” is not a list", 'signs = ["…"]'),
    OWN + 'caused_by_change = "maybe"' + TAIL: ("caused_by_change: “maybe” is not true or false", "= true"),
    OWN + 'supports = { surge = "x" }' + TAIL: ("supports surge: “x” is not a number", "surge = 0.2"),
    OWN + "metrics = [{ names = ['a'], rises = 0.5, weight = 0.1 }]" + TAIL: ("metrics #1 rises: 0.5 is", "at least 1"),
    OWN + "aftermath = 3" + TAIL: ("aftermath: “3” is not a table", "aftermath = {"),
    OWN + "actions = 3\n+++\n": ("actions: “3” is not a list of tables", "[[actions]]"),
    OWN + "actions = []\n+++\n": ("actions: it is empty", "Give actions something"),
    OWN + "aftermath = { field = 'x', signs = ['a'], happened = 'h', absent = 'a' }" + TAIL: (
        "aftermath field: “x” is not known",
        "'client_ip'",
    ),
    '+++\nname = "a-b"\nmechanism = "m"\nsigns = ["a"]' + TAIL: ("title: it is missing", "Add title ="),
    HEAD + 'signs = ["a", "(a+)+$"]' + TAIL: ("signs #2: “(a+)+$” is not a sign", "lower-case words"),
    HEAD + 'signs = ["Connection refused"]' + TAIL: ("signs #1: ", "lower-case words"),
    HEAD + 'sings = ["a"]' + TAIL: ("sings: there is no such field; did you mean signs?", "playbooks.md"),
    OWN + "supports = { surgee = 0.1 }" + TAIL: ("supports: surgee is not known; did you mean surge?", ""),
    OWN + 'confirms = ["surge"]' + TAIL: ("confirms: surge is not known", ""),
    OWN + "supports = { surge = 7 }" + TAIL: ("supports surge: 7 is out of bounds", "at most 0.5"),
    OWN + 'remedy = "restart"' + TAIL: ("remedy: “restart” is not known", "'rollback'"),
    OWN + 'needs = ["a", "b"]\nneeds_ko = ["가"]' + TAIL: ("needs_ko has 1 line", "give one for each"),
    OWN + TAIL.replace("notify", "email"): ("actions #1 type: “email” is not known", "'notify'"),
    OWN + TAIL.replace('"d"', '"at {servize}"'): ("actions #1: {servize} is not a value of an incident", "service"),
    HEAD + TAIL: ("give signs", ""),
    HEAD + 'signs = ["a"]\n+++\n': ("actions: it is missing", "Add actions ="),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_by_file_field_and_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.md"
    path.write_text(text)
    with pytest.raises(BadSetting) as told:
        read_playbook(path)
    assert str(path) in told.value.what
    for words in MISTAKES[text]:
        assert words in str(told.value)
    assert not re.search(r"[Ii]nput|[Ss]tring|[Tt]uple|\^", str(told.value).replace(str(path), ""))


def test_the_line_that_is_no_toml_is_counted_as_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text('+++\nname = "a-b"\ntitle = t\n+++\n')
    with pytest.raises(BadSetting, match="line 3"):
        load_playbooks(tmp_path)


def test_mistakes_between_playbooks_are_told(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text(OWN + 'yields_to = ["databse"]' + TAIL)
    with pytest.raises(BadSetting, match=r"one\.md.*yields_to: databse is not known; did you mean database"):
        load_playbooks(tmp_path)
    (tmp_path / "one.md").write_text(OWN + TAIL)
    (tmp_path / "two.md").write_text(OWN + TAIL)
    with pytest.raises(BadSetting, match=r"two\.md.*one\.md has a-b too"):
        load_playbooks(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="does not exist"):
        load_playbooks(tmp_path / "none")


def test_the_example_of_the_guide_is_a_playbook_and_the_guide_names_all_there_is(tmp_path: Path) -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs/guides/playbooks.md").read_text("utf-8")
    (tmp_path / "label-printer.md").write_text(guide.split("```markdown\n")[1].split("```")[0], "utf-8")
    example = {book.name: book for book in load_playbooks(tmp_path)}["label-printer"]
    assert (example.title_ko, len(example.actions)) == ("라벨 프린터 연결 끊김", 2)
    assert "스위치" in example.body_ko
    models = (Playbook, PlaybookAction, MetricSign, CostSign)
    fields = {field for model in models for field in model.model_fields} - {"body", "body_ko"}
    shown = {name for name in COST_SIGNS if not name.startswith("change_")}
    for name in {name.removesuffix("_ko") for name in fields} | SIGNAL_NAMES | HOLES | shown:
        assert re.search(rf"\b{name}\b", guide), name
