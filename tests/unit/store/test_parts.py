"""The embedded store's parts: what the disk did not take is not taken for stored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_an_insert_whose_files_are_empty_is_refused_and_stored_by_its_repeat(tmp_path: Path) -> None:
    child = [sys.executable, "-m", "tests.unit.store.parts_child", str(tmp_path)]
    done = subprocess.run(child, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.splitlines()[-1].split() == ["3", "60", "60"], done.stderr
