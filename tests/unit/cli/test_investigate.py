"""`bdp investigate`: a frozen folder, as people read it in either language."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Bdp

FOLDER = Path(__file__).parents[2] / "evals/frozen/pricing-listener-leak"
ENGLISH = ("CONFIRMED", "confidence", "Claims", "Evidence", "Proposed next", "Tested", "hypothesis", "without a model")
KOREAN = ("확정", "신뢰도", "주장", "근거", "다음 조치 제안", "검토한 가설", "반대 근거", "모델 없이")


@pytest.mark.parametrize(("words", "there", "absent"), [([], ENGLISH, KOREAN), (["--ko"], KOREAN, ENGLISH)])
def test_a_folder_is_told_in_either_language(
    bdp: Bdp, words: list[str], there: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    told = bdp("investigate", FOLDER, *words)
    assert told.code == 0
    assert [word for word in there if word not in told.out] == []
    assert [word for word in absent if word in told.out] == []


def test_scripts_get_both_languages(bdp: Bdp) -> None:
    told = bdp("investigate", FOLDER, "--json").object
    assert told["summary_ko"] != told["summary"]
    assert all(claim["text_ko"] and claim["text_ko"] != claim["text"] for claim in told["claims"])


def test_without_a_model_asking_one_changes_nothing_and_costs_nothing(bdp: Bdp) -> None:
    alone, asked = bdp("investigate", FOLDER, "--json").object, bdp("investigate", FOLDER, "--ai", "--json").object
    assert {key: asked[key] for key in ("source", "tokens", "usd")} == {"source": "rules", "tokens": 0, "usd": 0.0}
    assert asked["culprit_change"] == alone["culprit_change"]
    assert "No model is set up" in bdp("investigate", FOLDER, "--ai").out


def test_a_path_that_is_no_folder_is_told_as_one(bdp: Bdp) -> None:
    for path in ("no/such/folder", str(FOLDER / "alert.json")):
        told = bdp("investigate", path)
        assert told.code != 0
        assert "There is no folder" in told.err
