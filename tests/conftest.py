"""What every test shares: the folder of recorded data, and a closing list of what was skipped and why."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# How long a case takes says more of the machine than of the code.
hypothesis.settings.register_profile("bdp", deadline=None)
hypothesis.settings.load_profile("bdp")
# Some machines forbid Python to keep what it compiled: then each bdp that a test starts takes twice as long.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Recorded real data, which is not part of the repository."""
    path = Path(os.environ.get("BDP_DATA") or ROOT / "../shared/data").resolve()
    if not path.is_dir():
        pytest.skip(f"BDP_DATA absent: {path}")
    return path


@pytest.fixture(scope="module", autouse=True)
def _kept_stores_end_with_a_file() -> Iterator[None]:
    """Close the stores that tests of a file gave one another: the engine has one path in a process at a time."""
    yield
    if kept := sys.modules.get("tests.kept"):
        kept.end_all()


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Always printed, so that a test that did not run is never mistaken for one that passed."""
    skipped: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.getreports("skipped"):
        skipped[reason(report)].append(report.nodeid)
    terminalreporter.section("skipped tests")
    if not skipped:
        terminalreporter.line("none")
    for why, tests in sorted(skipped.items()):
        terminalreporter.line(f"{why} ({len(tests)})")
        for test in tests:
            terminalreporter.line(f"    {test}")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name bytes by their length: a gzip body carries the time, and two processes must collect the same names."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) and not val.isascii() else None
