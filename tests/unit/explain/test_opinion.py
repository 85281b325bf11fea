"""Playbooks and the inquest side by side: who tells the story, and which change is to blame."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bdp.explain.analyst import Told
from bdp.explain.bilingual import Bilingual
from bdp.explain.opinion import Opinion, leading
from bdp.model.analysis import Check, Verdict
from bdp.model.change import Change, ChangeKind
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.scene import ONSET, event, explain, fill, incident, normal, points

POOL = "HikariPool-1 - Connection is not available, request timed out after 30000ms"
SMALLER = """--- a/payment/src/main/resources/application.yml
+++ b/payment/src/main/resources/application.yml
@@ -10,4 +10,4 @@ spring:
     hikari:
-      maximum-pool-size: 40
+      maximum-pool-size: 4
"""
WORDS = """--- a/payment/README.md
+++ b/payment/README.md
@@ -1,2 +1,2 @@
-Payment takes money.
+Payment takes your money.
"""


def changed(seconds_before: float, ref: str, diff: str) -> Change:
    at = ONSET - timedelta(seconds=seconds_before)
    return Change(ts=at, kind=ChangeKind.DEPLOY, service="payment", ref=ref, diff=diff, summary=f"release {ref}")


def trouble(store: ClickHouseStore, *changes: Change, message: str = POOL) -> None:
    fill(store, [*normal(600), *(event(i, message) for i in range(40))], list(changes))


def test_of_two_deploys_the_one_whose_diff_explains_the_failure_is_blamed(store: ClickHouseStore) -> None:
    trouble(store, changed(400, "small-pool", SMALLER), changed(60, "words-only", WORDS))
    analysis = explain(store)
    assert analysis.culprit_change == "small-pool"
    assert "maximum pool size` from `40` to `4`" in " ".join(
        claim.text for claim in analysis.claims if claim.check is Check.SUPPORTED
    )
    assert "small-pool" in analysis.summary
    assert analysis.remediation == "config-revert"


def test_a_deploy_that_changes_no_code_is_not_blamed_however_late_it_came(store: ClickHouseStore) -> None:
    trouble(store, changed(60, "words-only", WORDS))
    analysis = explain(store)
    assert (analysis.mechanism, analysis.culprit_change) == ("connection-pool", None)


def test_a_deploy_whose_diff_is_not_known_is_judged_by_its_time(store: ClickHouseStore) -> None:
    trouble(store, changed(60, "unknown", ""))
    assert explain(store).culprit_change == "unknown"


def test_an_investigation_tells_what_speaks_against_each_cause(store: ClickHouseStore) -> None:
    trouble(store, changed(60, "words-only", WORDS))
    asked = explain(store, incident(), told=Told(text="payment fails"))
    against = {one.statement: one.refutation for one in asked.hypotheses}
    assert [refutation for said, refutation in against.items() if "expired certificate" in said] != [""]
    assert "no code that runs" in " ".join(against.values())
    assert "certificate-expired" not in {one.mechanism for one in explain(store).hypotheses}


def test_an_address_in_a_message_accuses_no_provider(store: ClickHouseStore) -> None:
    trouble(store, message="widget went sideways, see https://pay.example/why")
    assert explain(store).verdict is Verdict.INCONCLUSIVE


def test_the_surer_opinion_tells_the_story() -> None:
    nothing = Bilingual()
    unsure = Opinion(Verdict.INCONCLUSIVE, "", "pay", nothing, nothing, nothing, None, None, (), ())
    likely, sure = replace(unsure, verdict=Verdict.LIKELY), replace(unsure, verdict=Verdict.CONFIRMED)
    blaming = replace(likely, culprit="abc")
    for asked in (True, False):
        assert leading(sure, likely, asked=asked, of_metrics=False) is sure
        assert leading(likely, sure, asked=asked, of_metrics=True) is sure
        assert leading(likely, blaming, asked=asked, of_metrics=False) is blaming
    assert leading(likely, blaming, asked=False, of_metrics=True) is likely
    assert leading(unsure, replace(unsure, place="bank"), asked=False, of_metrics=False) is unsure
    assert leading(unsure, replace(unsure, place="bank"), asked=True, of_metrics=False).place == "bank"


def test_a_metric_that_went_from_the_old_value_of_a_setting_to_its_new_one_tells_two_changes_apart(
    store: ClickHouseStore,
) -> None:
    """Both fit; only one of them can be seen at work."""
    diff = "--- a/payment/app.yml\n+++ b/payment/app.yml\n@@ -1 +1 @@\n-{0}: {1}\n+{0}: {2}\n"
    size = points("batch_size_avg", [500.0 + i % 5 for i in range(120)], [8100.0] * 10, entity="payment")
    lag = points("consumer_lag_records", [20.0 + i % 3 for i in range(120)], [90_000.0] * 10, entity="payment")
    fill(
        store,
        [*normal(600), *(event(i, "consumer poll timeout has expired, lag grows") for i in range(40))],
        [
            changed(50, "more-a-poll", diff.format("max-poll-records", 500, 8000)),
            changed(90, "fewer-threads", diff.format("max-threads", 9, 8)),
        ],
        [*size, *lag],
    )
    asked = explain(store, incident(), told=Told(text="payment falls behind"))
    reasons = {one.statement.split("`")[1]: one.statement for one in asked.hypotheses if "is to blame" in one.statement}
    assert "A metric went from its old value to its new one." in reasons["more-a-poll"]
    assert "A metric went" not in reasons["fewer-threads"]
    assert asked.culprit_change == "more-a-poll"
