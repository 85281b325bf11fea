"""Reading recorded series and their truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks._corpora import culprit_flags, data_folder, machine_series, msft_series, nab_series, read_nab

LABEL = np.array([0, 1, 1, 1, 0, 0, 1, 1, 0, 1], dtype=bool)


def test_only_the_named_metrics_are_anomalous_and_for_the_whole_run() -> None:
    flags = culprit_flags(LABEL, "1-3:1,3\n6-8:2\n", 3)
    assert flags.T.astype(int).tolist() == [
        [0, 1, 1, 1, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 1, 0, 0],
        [0, 1, 1, 1, 0, 0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("line", ["0-3:1", "4-5:1", "8-9:2"])
def test_segment_that_starts_where_nothing_is_labelled_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="labelled"):
        culprit_flags(LABEL, line, 3)


def test_run_up_to_the_end_is_a_segment() -> None:
    assert culprit_flags(LABEL, "9-9:1", 1)[:, 0].tolist() == [False] * 9 + [True]


def test_absent_data_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BDP_DATA", str(tmp_path))
    assert data_folder("nab") is None
    assert f"{tmp_path / 'nab'} is absent" in capsys.readouterr().err
    (tmp_path / "nab").mkdir()
    assert data_folder("nab") == tmp_path / "nab"


def test_recorded_machine_metrics(data_dir: Path) -> None:
    series = machine_series(data_dir / "smd-asd", "asd")
    assert len(series) % 19 == 0
    first = series[:19]
    assert {(len(one.values), one.scored_from, one.interval) for one in first} == {(12_960, 8_640, 300)}
    assert not any(one.truth[: one.scored_from].any() for one in series)
    ever = np.any([one.truth for one in first], axis=0)
    with np.load(data_dir / "smd-asd/asd/omi-1.npz") as recorded:
        np.testing.assert_array_equal(ever[8_640:], recorded["test_label"].astype(bool))
    assert first[0].weeks == pytest.approx(4_320 * 300 / 604_800)


def test_metrics_that_never_change_are_no_culprits(data_dir: Path) -> None:
    """That metrics are counted from one shows here: from zero, constant ones would be among the culprits."""
    series = machine_series(data_dir / "smd-asd", "asd") + machine_series(data_dir / "smd-asd", "smd")
    still = [one for one in series if one.constant]
    assert still
    assert not any(one.truth.any() for one in still)


def test_recorded_cloud_metrics(data_dir: Path) -> None:
    series = msft_series(data_dir / "msft-cloud-monitoring")
    assert all(one.interval in (60, 3600) and np.all(np.diff(one.ts) > 0) for one in series)
    assert any(one.truth.any() for one in series)


def test_nab_without_windows(data_dir: Path) -> None:
    names = {one.name for one in nab_series(data_dir / "nab")}
    assert names == {one.name for one in read_nab(data_dir / "nab") if not one.windows}
    assert len(names) == 6
