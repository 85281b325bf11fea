from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SWALLOWED = """
import os, signal, sys, time
from bdp.app import App
started = App.start
def start(self):
    started(self)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    except BaseException as error:
        print("swallowed", type(error).__name__)
App.start = start
sys.argv = ["bdp", "serve", "--port", "0", "--home", sys.argv[1]]
from bdp.cli import main
main()
"""


def test_a_signal_to_end_counts_also_where_a_library_that_starts_swallows_it(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", SWALLOWED, str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert told.stdout == "swallowed SystemExit\n"
    assert told.returncode == 0
