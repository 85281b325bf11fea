"""Who fails first, and who is hit with it."""

from __future__ import annotations

from bdp.model.event import Event
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.scene import event, explain, fill, incident


def chain(number: int, *, linked: bool) -> list[Event]:
    """Shop calls payment calls bank; bank fails, and a caller's span begins before its callee's."""
    trace = f"trace{number}"
    services = ["shop", "payment", "bank"] if linked else ["bank", "payment", "shop"]
    return [
        event(
            number + 0.01 * depth,
            "call failed",
            service=service,
            trace_id=trace,
            span_id=f"{number}.{depth}" if linked else "",
            parent_id=f"{number}.{depth - 1}" if linked and depth else "",
        )
        for depth, service in enumerate(services)
    ]


def test_the_deepest_failing_span_is_first_where_spans_are_linked(store: ClickHouseStore) -> None:
    fill(store, [one for number in range(12) for one in chain(number, linked=True)])
    analysis = explain(store)
    assert analysis.first_failing_service == "bank"
    assert analysis.blast_radius == ("bank", "shop")


def test_the_earliest_event_is_first_where_they_are_not(store: ClickHouseStore) -> None:
    fill(store, [one for number in range(12) for one in chain(number, linked=False)])
    assert explain(store).first_failing_service == "bank"


def test_a_trace_with_two_services_at_the_same_time_does_not_count(store: ClickHouseStore) -> None:
    together = [event(i, "x", service=service, trace_id=f"t{i}") for i in range(9) for service in ("payment", "shop")]
    fill(store, [*together, *chain(20, linked=False)])
    found = [evidence for evidence in explain(store).evidence if "first_service" in evidence.value]
    assert [(evidence.value["first_service"], evidence.value["traces"]) for evidence in found] == [("bank", 1)]


def test_the_same_error_code_links_services_without_traces(store: ClickHouseStore) -> None:
    events = [event(i, "x", error_code="E_BANK") for i in range(9)]
    other = [event(i, "x", service="shop", error_code="E_BANK") for i in range(4)]
    apart = [event(i, "x", service="search", error_code="E_INDEX") for i in range(5)]
    fill(store, [*events, *other, *apart])
    analysis = explain(store, incident(error_code="E_BANK"))
    assert analysis.blast_radius == ("shop",)
    assert analysis.first_failing_service == ""
