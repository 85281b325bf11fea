"""The first failing service of recorded faults: a part of what `benchmarks/rca.py` measures in full."""

from __future__ import annotations

from pathlib import Path

from benchmarks import _nezha, _petshop


def test_most_origins_of_recorded_issues_come_first(data_dir: Path) -> None:
    issues = list(_petshop.read_issues(data_dir / "petshop/dataset"))[::2]
    places = [_petshop.judge(issue)[0] for issue in issues]
    assert len(places) == 10
    assert sum(place == 1 for place in places) >= 9


def test_most_faults_of_pods_come_first(data_dir: Path) -> None:
    seen = data_dir / "nezha/rca_data" / _nezha.DAY
    metrics = _nezha.read_metrics(seen / "metric")
    usual = _nezha.read_calls(next((data_dir / "nezha/construct_data" / _nezha.DAY / "trace").iterdir()))
    faults = _nezha.read_faults(seen / f"{_nezha.DAY}-fault_list.json")[::3]
    first = [_nezha.judge(seen, fault, metrics, usual)[0].node == fault.service for fault in faults]
    assert len(first) == 6
    assert sum(first) >= 5
