"""Cost Explorer's answers, as boto3's own parser returns them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.parsers
import botocore.session
import pytest

from bdp.errors import BadRequest
from bdp.intake.bills.cost_explorer import lines_of
from bdp.intake.refusal import RefusedRecord
from bdp.model.cost import ALL_SERVICES
from tests.unit.intake.bills.reading import batches_of, read, reasons_in, sums


def amount(value: str, unit: str = "USD") -> dict[str, str]:
    return {"Amount": value, "Unit": unit}


def day(number: int, *groups: dict[str, Any], total: dict[str, Any] | None = None) -> dict[str, Any]:
    period = {"Start": f"2026-02-{number:02}", "End": f"2026-02-{number + 1:02}"}
    return {"TimePeriod": period, "Total": total or {}, "Groups": list(groups), "Estimated": number > 20}


def group(*keys: str, **metrics: str) -> dict[str, Any]:
    return {"Keys": list(keys), "Metrics": {name: amount(value) for name, value in metrics.items()}}


def answer(*results: dict[str, Any], by: tuple[str, ...] = (), tags: tuple[str, ...] = ()) -> dict[str, Any]:
    known = [{"Type": "DIMENSION", "Key": key} for key in by] + [{"Type": "TAG", "Key": key} for key in tags]
    return {"GroupDefinitions": known, "ResultsByTime": list(results), "DimensionValueAttributes": []}


def parsed(body: dict[str, Any]) -> Any:
    """The answer as boto3 gives it: a member that is not in its model would be lost here."""
    model = botocore.session.get_session().get_service_model("ce").operation_model("GetCostAndUsage")
    sent = {"body": json.dumps(body).encode(), "headers": {}, "status_code": 200}
    assert model.output_shape is not None
    return botocore.parsers.create_parser("json").parse(sent, model.output_shape)


def test_groups_become_columns() -> None:
    body = answer(
        day(1, group("Amazon EC2", "123456789012", UnblendedCost="1.5", AmortizedCost="1.25")), by=("SERVICE",)
    )
    body["GroupDefinitions"].append({"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"})
    body["DimensionValueAttributes"] = [{"Value": "123456789012", "Attributes": {"description": "prod"}}]
    (line,) = lines_of(parsed(body), billing_account_id="999", statement="s")
    assert (line.service_name, line.sub_account_id, line.sub_account_name) == ("Amazon EC2", "123456789012", "prod")
    assert (line.billed_cost, line.effective_cost, line.billing_currency) == (1.5, 1.25, "USD")
    assert (line.provider_name, line.billing_account_id, line.statement) == ("AWS", "999", "s")
    assert f"{line.charge_period_start:%F} {line.charge_period_end:%F}" == "2026-02-01 2026-02-02"


def test_other_groups_and_metrics() -> None:
    body = answer(
        day(1, group("eu-west-1", "Savings Plan Recurring Fee", NetUnblendedCost="2", BlendedCost="3")),
        day(2, group("", "Tax", NetUnblendedCost="-2")),
        by=("REGION", "RECORD_TYPE"),
    )
    first, second = lines_of(parsed(body), sub_account_id="7", account_names={"7": "seven"})
    assert (first.region_id, first.charge_category, first.billed_cost) == ("eu-west-1", "Purchase", 2)
    assert (second.charge_category, second.billed_cost, second.service_name) == ("Tax", -2, ALL_SERVICES)
    assert (first.sub_account_id, first.effective_cost) == ("7", 2)


def test_tags_and_totals() -> None:
    tagged = answer(day(1, group("Env$prod", UnblendedCost="1"), group("Env$", UnblendedCost="2")), tags=("Env",))
    assert [line.tags for line in lines_of(parsed(tagged))] == [{"Env": "prod"}, {}]
    whole = answer(day(1, total={"UnblendedCost": amount("5")}))
    assert [(line.service_name, line.billed_cost) for line in lines_of(parsed(whole))] == [(ALL_SERVICES, 5)]
    nothing = answer(day(1, total={"UnblendedCost": amount("5")}), by=("SERVICE",))
    assert list(lines_of(parsed(nothing))) == []


def test_a_month_has_no_days() -> None:
    body = answer(day(1, total={"UnblendedCost": amount("5")}))
    body["ResultsByTime"][0]["TimePeriod"]["End"] = "2026-03-01"
    with pytest.raises(BadRequest, match=r"2026-02-01 to 2026-03-01, which has no days in it\..*DAILY"):
        list(lines_of(parsed(body)))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "", "1_0", "٣"])
def test_a_group_that_is_no_cost_is_refused_alone(value: str) -> None:
    body = answer(day(1, group("a", UnblendedCost=value), group("b", UnblendedCost="1")), by=("SERVICE",))
    refused: list[tuple[RefusedRecord, bytes]] = []
    lines = list(lines_of(parsed(body), refuse=lambda error, raw: refused.append((error, raw))))
    assert [line.service_name for line in lines] == ["b"]
    ((error, raw),) = refused
    assert "UnblendedCost: expected a finite number" in error.what
    assert json.loads(raw)["Keys"] == ["a"]
    with pytest.raises(RefusedRecord):
        list(lines_of(parsed(body)))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ResultsByTime": 1},
        {"ResultsByTime": [1]},
        {"ResultsByTime": [{}]},
        {"ResultsByTime": [{"TimePeriod": {"Start": "x", "End": "y"}}]},
        answer(day(1, group("a", UsageQuantity="1")), by=("SERVICE",)),
        answer({**day(1), "Groups": "x"}),
    ],
)
def test_what_is_no_answer_raises(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        list(lines_of(body))


def test_files_of_one_page_of_pages_and_of_a_page_a_line(tmp_path: Path) -> None:
    pages = [answer(day(n, group("S3", UnblendedCost=f"{n}.5")), by=("SERVICE",)) for n in (1, 2, 3)]
    path = tmp_path / "ce.json"
    path.write_text(json.dumps(pages[0], indent=2))
    assert sums(read(path), "service_name") == {("S3",): 1.5}
    path.write_text(json.dumps(pages))
    assert sums(read(path), "service_name") == {("S3",): 7.5}
    path.write_text("\n".join(map(json.dumps, pages)))
    assert sums(read(path), "service_name") == {("S3",): 7.5}


def test_a_bad_group_of_a_file_is_a_dead_letter(tmp_path: Path) -> None:
    path = tmp_path / "ce.json"
    body = answer(day(1, group("a", UnblendedCost="x"), group("b", UnblendedCost="1")), by=("SERVICE",))
    path.write_text(json.dumps(body))
    batches = batches_of(path)
    assert [batch.count for batch in batches] == [1]
    assert reasons_in(batches) == ["ce.json row 1: UnblendedCost: expected a finite number, got 'x'"]
    path.write_text(json.dumps(body)[:-3])
    with pytest.raises(BadRequest, match=r"ce\.json is not valid JSON"):
        batches_of(path)
