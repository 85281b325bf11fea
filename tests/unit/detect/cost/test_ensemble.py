"""The methods together: weights, which of them run, and which of them only look on."""

from __future__ import annotations

import numpy as np
import pytest

from bdp.detect.cost.ensemble import Ensemble
from bdp.detect.cost.methods import luminol
from bdp.detect.cost.settings import WEIGHTS, CostSettings, Method
from bdp.errors import MissingExtra
from tests.unit.detect.cost.bills import noisy, seen
from tests.unit.detect.cost.methods.test_methods import outlook, with_last

PRESENT: tuple[Method, ...] = ("ecod", "ratio", "stddev", "trend")
DEAR = with_last(noisy(100, 71), 140.0)


def test_the_weights_that_nobody_changed() -> None:
    assert WEIGHTS == {"ecod": 0.40, "ratio": 0.25, "stddev": 0.25, "trend": 0.10, "luminol": 0.10}


def test_weights_add_up_to_one_over_those_that_run() -> None:
    weights = Ensemble(CostSettings(detection_methods=PRESENT)).weights
    assert weights == pytest.approx({"ecod": 0.40, "ratio": 0.25, "stddev": 0.25, "trend": 0.10})
    two = Ensemble(CostSettings(detection_methods=("ratio", "ecod"))).weights
    assert two == pytest.approx({"ratio": 0.25 / 0.65, "ecod": 0.40 / 0.65})


def test_what_is_not_installed_leaves_its_weight_to_the_others() -> None:
    ensemble = Ensemble(CostSettings())
    assert sum(ensemble.weights.values()) == pytest.approx(1)
    assert ("luminol" in ensemble.weights) is not bool(luminol.absent())
    assert set(ensemble.weights) | set(ensemble.absent) == set(WEIGHTS)


def test_weights_of_ones_own() -> None:
    settings = CostSettings(ensemble_weights={"ratio": 0.9, "stddev": 0.3, "trend": 0.0})
    assert Ensemble(settings).weights == pytest.approx({"ratio": 0.75, "stddev": 0.25})


def test_no_weight_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="weight above 0"):
        CostSettings(detection_methods=("trend",), ensemble_weights={"ratio": 1.0})


def test_the_confidence_is_the_weighted_mean() -> None:
    ensemble = Ensemble(CostSettings(detection_methods=PRESENT))
    votes = ensemble.ask(outlook(DEAR, noisy(50, 71, seed=5)))
    mean = sum(weight * votes.by_method[name].confidence for name, weight in ensemble.weights.items())
    assert votes.confidence == pytest.approx(np.asarray(mean))
    assert votes.confidence[0] > votes.confidence[1]


@pytest.mark.parametrize("name", PRESENT)
def test_one_method_alone_decides_alone(name: Method) -> None:
    votes = Ensemble(CostSettings(detection_methods=(name,))).ask(outlook(DEAR))
    assert list(votes.by_method) == [name]
    assert votes.confidence == pytest.approx(votes.by_method[name].confidence)


def test_a_method_in_the_shadow_is_recorded_and_does_not_decide() -> None:
    about = outlook(DEAR)
    without = Ensemble(CostSettings(detection_methods=("ecod", "ratio"))).ask(about)
    with_it = Ensemble(CostSettings(detection_methods=("ecod", "ratio", "stddev"), shadow_methods=("stddev",)))
    votes = with_it.ask(about)
    assert set(with_it.weights) == {"ecod", "ratio"}
    assert with_it.shadow == ("stddev",)
    assert votes.confidence == pytest.approx(without.confidence)
    assert votes.by_method["stddev"].confidence[0] > 0


def test_a_shadow_shows_in_the_result_and_in_the_count() -> None:
    costs = with_last(noisy(100, 71), 300.0)
    plain = seen(costs, detection_methods=("ecod", "ratio")).only()
    found = seen(costs, detection_methods=("ecod", "ratio"), shadow_methods=("stddev",))
    assert found.only().confidence_score == plain.confidence_score
    assert found.only().detection_results.keys() == {"ecod", "ratio", "stddev"}
    assert found.days[-1].shadow["methods"].tolist() == [True]


def test_all_in_the_shadow_decide_all_the_same() -> None:
    ensemble = Ensemble(CostSettings(detection_methods=("ratio",), shadow_methods=("ratio",)))
    assert ensemble.weights == {"ratio": 1.0}
    assert ensemble.shadow == ()


@pytest.mark.skipif(not luminol.absent(), reason="luminol is installed")
def test_none_of_them_installed() -> None:
    with pytest.raises(MissingExtra, match="No method is left"):
        Ensemble(CostSettings(detection_methods=("luminol",)))
