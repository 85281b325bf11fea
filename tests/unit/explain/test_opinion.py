"""Playbooks and the inquest side by side: who tells the story, and which change is to blame."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bdp.explain.analyst import Told
from bdp.explain.bilingual import Bilingual
from bdp.explain.opinion import Opinion, leading
from bdp.model.analysis import Check, Verdict
from bdp.model.change import Change, ChangeKind
from bdp.model.event import Event
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


def test_each_that_lost_says_why_and_what_is_named_does_not(store: ClickHouseStore) -> None:
    trouble(store, changed(400, "small-pool", SMALLER), changed(60, "words-only", WORDS))
    for told in (explain(store), explain(store, incident(), told=Told())):
        stands = {told.mechanism, told.playbook}
        lost = {one.statement: one.refutation for one in told.hypotheses if one.mechanism not in stands}
        assert lost
        assert all(lost.values())
        blamed = [one for one in told.hypotheses if "`small-pool`" in one.statement]
        assert [one.refutation for one in blamed] == [""]
    # Who asked for an investigation is told of each change that was tested, however little it fits.
    assert any("words-only" in one.statement and one.refutation for one in told.hypotheses)


def test_where_nothing_is_named_each_hypothesis_says_what_is_missing(store: ClickHouseStore) -> None:
    fill(store, [*normal(100), *(event(i, POOL) for i in range(3))])
    told = explain(store)
    assert told.verdict is Verdict.INCONCLUSIVE
    assert told.hypotheses
    assert all(one.refutation for one in told.hypotheses)


def test_what_is_named_is_checked_and_counted_like_other_claims(store: ClickHouseStore) -> None:
    trouble(store, changed(400, "small-pool", SMALLER))
    told = explain(store)
    assert told.cause is not None
    assert (told.cause.check, "`small-pool`" in told.cause.text) == (Check.SUPPORTED, True)
    assert told.grounding.supported == 1 + sum(one.check is Check.SUPPORTED for one in told.claims)
    assert f"[{', '.join(told.cause.evidence)}]" in told.root_cause


def test_a_fact_is_told_once(store: ClickHouseStore) -> None:
    trouble(store, changed(400, "small-pool", SMALLER))
    told = explain(store)
    assert len({one.text for one in told.claims}) == len(told.claims)
    assert not [one.text for one in told.claims if one.text.rstrip(".") in told.root_cause]


def test_what_helps_and_what_is_proposed_first_agree(store: ClickHouseStore) -> None:
    trouble(store, changed(400, "small-pool", SMALLER))
    told = explain(store)
    first = next(one for one in told.actions if one.type == "webhook")
    assert (told.remediation, first.parameters["operation"]) == ("config-revert", "revert")
    assert "altered back" in first.description


def test_a_release_that_is_rolled_back_is_not_mended_forward(store: ClickHouseStore) -> None:
    trouble(store, changed(60, "rel-9", ""), message="KeyError: 'tier'")
    told = explain(store)
    first = next(one for one in told.actions if one.type == "webhook")
    assert (told.culprit_change, told.remediation) == ("rel-9", "rollback")
    assert first.parameters["operation"] == "rollback"


def test_only_an_alert_is_said_to_be_one(store: ClickHouseStore) -> None:
    trouble(store)
    about = incident().model_copy(update={"title": "Burst of pool exhausted in payment"})
    live = explain(store, about, told=Told(text=about.title))
    alerted = explain(store, about, told=Told(text=about.title, alerted=True))
    said = [" ".join(one.statement for one in told.hypotheses) for told in (live, alerted)]
    assert ["the alert says so" in one for one in said] == [False, True]
    assert ["the incident's title says so" in one for one in said] == [True, False]


def test_counts_of_one_service_say_their_stretch(store: ClickHouseStore) -> None:
    early = [event(-1500, POOL)]
    fill(store, [*normal(600), *early, *(event(i, POOL) for i in range(40))])
    told = explain(store, incident(), told=Told(whole=True))
    counts = [one.text for one in told.claims if "abnormal events" in one.text and " had " in one.text]
    assert counts
    assert all(" from 1" in one and " to 1" in one for one in counts)
    assert len(counts) == len(set(counts))


def restarts(since: float) -> list[Event]:
    lines = ("process exited with code 1", "back-off restarting failed container", "failed to start: no main loop")
    return [event(since + 20 * i + k, line) for i in range(12) for k, line in enumerate(lines)]


FULL = "write /var/lib/data/segment.7: No space left on device"


@pytest.mark.parametrize(("full_at", "named"), [(0, True), (230, False)], ids=["before", "after"])
def test_a_disk_that_was_full_before_the_restarts_is_their_cause(
    store: ClickHouseStore, full_at: float, named: bool
) -> None:
    fill(store, [*normal(600), *(event(full_at + i, FULL) for i in range(3)), *restarts(10)])
    told = explain(store, incident(), told=Told(whole=True))
    assert ((told.mechanism, told.remediation) == ("disk-full", "scale")) is named
    if named:
        restarting = next(one for one in told.hypotheses if one.mechanism == "crash-loop")
        assert "It followed from what was told before it: no room left on a disk." in restarting.refutation
