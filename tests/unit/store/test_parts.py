"""The embedded store's parts: what the disk did not take is not taken for stored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bdp.store import tokens


def test_an_insert_of_which_a_file_was_cut_is_refused_and_stored_by_its_repeat(tmp_path: Path) -> None:
    child = [sys.executable, "-m", "tests.unit.store.parts_child", str(tmp_path)]
    done = subprocess.run(child, capture_output=True, text=True, timeout=100, check=True)
    refused, rows, ids, expected, each_file = done.stdout.splitlines()[-1].split()
    assert (rows, ids) == (expected, expected), done.stderr
    assert each_file == "True", done.stdout
    assert int(refused) > 20


def test_a_token_whose_part_is_gone_is_forgotten(tmp_path: Path) -> None:
    """The engine's log says that a part came, the disk did not take that it was dropped, and all ended."""
    for step in ("lose", "again", "again"):
        child = [sys.executable, "-m", "tests.unit.store.parts_child", str(tmp_path), step]
        done = subprocess.run(child, capture_output=True, text=True, timeout=100, check=True)
        assert step == "lose" or done.stdout.splitlines()[-1] == "30 30", done.stderr


def test_who_asks_while_a_table_is_loaded_again_waits_for_it(tmp_path: Path) -> None:
    child = [sys.executable, "-m", "tests.unit.store.parts_child", str(tmp_path), "reload"]
    done = subprocess.run(child, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.splitlines()[-1] == "{'(10, 10)'}", done.stderr


def test_a_large_part_with_empty_columns_is_whole(tmp_path: Path) -> None:
    child = [sys.executable, "-m", "tests.unit.store.parts_child", str(tmp_path), "wide"]
    done = subprocess.run(child, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.splitlines()[-1] == "24000 24000 True", done.stderr


ACTIVE = ["202605_1_6_2", "202606_1_1_0", "202606_4_4_0"]


@pytest.mark.parametrize(
    ("log", "lost"),
    [
        ("1\t202605_3_3_0\ta\n1\t202606_4_4_0\tb\n", {}),
        ("1\t202605_7_7_0\ta\n1\t202606_2_2_0\tb\n", {"a": "202605_7_7_0", "b": "202606_2_2_0"}),
        ("1\t202607_1_1_0\ta\n", {"a": "202607_1_1_0"}),
        ("1\t202606_2_2_0\ta\n2\t202606_2_2_0\ta\n", {}),
        ("1\t202606_2_2_0\ta\n2\t202606_2_2_0\ta\n1\t202606_4_4_0\ta\n", {}),
        ("1\t202606_2_2_0\n1\tgarbage\ta\n\x00\x00\xff1\t202606_2", {}),
    ],
)
def test_what_the_log_holds_is_compared_with_the_parts(tmp_path: Path, log: str, lost: dict[str, str]) -> None:
    logs = tmp_path / "deduplication_logs"
    logs.mkdir()
    (logs / "deduplication_log_1.txt").write_text(log, "latin-1")
    assert tokens.lost(tmp_path, ACTIVE) == lost
    if lost:
        tokens.forget(tmp_path, lost)
        assert tokens.lost(tmp_path, ACTIVE) == {}
