"""The live demo from end to end: both faults found, asked about, acted on, checked, undone where that did not help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bdp.cli import demo_live
from bdp.cli.demo_live import AUTO, Play, play_live
from bdp.demo.live import Pace
from bdp.demo.live_control import ControlPlane
from bdp.model.incident import IncidentStatus

QUICK = Pace(history=600, calm=0.5, tick=0.2, step=0.3, lag=0.5, patience=60, traffic=2)
SETTINGS: dict[str, Any] = {
    "workflows": {"verify_after_seconds": 8, "engine": {"look_seconds": 0.2, "url": ""}},
    # Rates are taken over a minute at least, and here all is over sooner. Over 0.2, nothing would count as still there.
    "symptom": {"share": 0.18},
}


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """The demo sets up the process' logs; the next test's are its own again."""
    yield
    structlog.reset_defaults()


@pytest.mark.long
def test_path_of_both_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planes: list[ControlPlane] = []

    class Seen(ControlPlane):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            planes.append(self)

    monkeypatch.setattr(demo_live, "ControlPlane", Seen)
    chapters = play_live(tmp_path, Play(auto=0.5, pace=QUICK, settings=SETTINGS))

    told = capsys.readouterr().out
    assert [one.status for one in chapters] == [IncidentStatus.RESOLVED] * 2, told
    pool, deploy = chapters
    assert "DB_POOL_TIMEOUT" in pool.title
    assert "KeyError" in deploy.title
    assert [(act.answer, act.outcome) for act in pool.acts] == [(AUTO, "did not help, undone"), (AUTO, "helped")]
    assert [(act.answer, act.outcome) for act in deploy.acts] == [(AUTO, "helped")]
    assert "CFG-2291" in pool.acts[1].asked
    assert "checkout@4.19.0" in deploy.acts[0].asked
    assert all(one.ended is not None and 0 < one.found < one.ended for one in chapters)

    done = planes[0].done
    assert [(one.operation, one.undo) for one in done] == [
        ("revert", False), ("revert", True), ("revert", False), ("rollback", False)
    ]  # fmt: skip
    assert len({one.key for one in done}) == len(done)
    places = [told.index(words) for words in ("ASKS", "persists", "Taken back", "CFG-2291` of", "REMEDIATION_SUCCESS")]
    assert places == sorted(places)
