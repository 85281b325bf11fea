"""`bdp cost`: of a server, of a home, of files; what it refuses; JSON and drawings."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bdp.cli import cost_plot
from bdp.cli.cost import as_json
from tests.integration.serving import Served
from tests.unit.cli.conftest import HOSTILE, Bdp
from tests.unit.cli.cost_reports import EC2, report, result
from tests.unit.intake.bills.exports import azure, written

SVG = "{http://www.w3.org/2000/svg}"
FIELDS = {
    *("is_anomaly", "confidence_score", "raw_confidence_score", "severity", "service_name", "account_id"),
    *("account_name", "current_cost", "historical_average", "change_percent", "spike_duration_days"),
    *("spike_start_date", "trend_direction", "detection_results", "detected_methods", "pattern_contexts"),
    *("historical_costs", "timestamps", "analysis", "analysis_ko", "timestamp"),
}


@pytest.mark.parametrize(("verb", "teaches"), [("analyze", "POST /v1/costs"), ("forecast", "too few days")])
def test_a_home_without_costs_teaches(bdp: Bdp, served: Served, verb: str, teaches: str) -> None:
    told = bdp("cost", verb, "--home", served.home)
    assert told.code == 0, told.err
    assert teaches in told.out


def test_the_shadow_of_nothing_teaches(bdp: Bdp, served: Served) -> None:
    told = bdp("cost", "shadow", "--since", "2026-05-01", "--home", served.home)
    assert told.code == 0, told.err
    assert "BDP_PATTERN_MODE=shadow" in told.out
    assert bdp("cost", "shadow", "--json", "--home", served.home).object["shadow"] == []


@pytest.mark.parametrize("verb", ["analyze", "forecast", "shadow"])
def test_a_home_that_is_not_there_is_not_made(bdp: Bdp, tmp_path: Path, verb: str) -> None:
    told = bdp("cost", verb, "--home", tmp_path / "misspelt")
    assert told.code == 3
    assert "There is no home" in told.err
    assert "bdp ingest FILE" in " ".join(told.err.split())
    assert not list(tmp_path.iterdir())


def test_two_forms_of_one_bill_are_told(process: Bdp, tmp_path: Path) -> None:
    actual = written(tmp_path / "actual.csv", azure(amortized=False))
    amortized = written(tmp_path / "amortized.csv", azure(amortized=True))
    for verb in ("analyze", "forecast", "shadow"):
        notes = process("cost", verb, actual, amortized, "--json").object["notes"]
        assert notes[0]["kind"] == "alike"
        assert "actual.csv and amortized.csv" in notes[0]["text"]
        assert "amortized.csv 파일" in notes[0]["text_ko"]
    told = " ".join(process("cost", "analyze", actual, amortized).out.split())
    assert "two forms of one bill" in told
    assert "give one of them alone" in told
    korean = " ".join(process("cost", "shadow", actual, amortized, "--ko").out.split())
    assert "하나만 주십시오" in korean
    assert "two forms" not in process("cost", "analyze", actual).out


def test_korean_and_json(bdp: Bdp, served: Served) -> None:
    for option in ("--korean", "--ko"):
        assert "청구 파일" in bdp("cost", "analyze", option, "--home", served.home).out
    told = bdp("cost", "analyze", "--json", "--korean", "--home", served.home).object
    assert (told["start"], told["anomalies"], told["quiet"]) == (None, [], [])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["analyze", "--since", "yesterday"], 3),
        (["analyze", "--since", "99999d", "--until", "2026-13-01"], 3),
        (["analyze", "--since", "2026-05-02", "--until", "2026-05-01"], 3),
        (["analyze", "--plot", "costs.png"], 3),
        (["analyze", "--plot", "nowhere/costs.svg"], 3),
        (["analyze", "--format", "focus"], 3),
        (["analyze", "--show", "-1"], 2),
        (["forecast", "--days", "366"], 2),
        (["analyze", "--generate", "-1"], 2),
        (["analyze", "--generate", "7", "bill.csv"], 2),
        (["guess"], 2),
    ],
)
def test_wrong_words_end_as_wrong_usage_or_bad_input(bdp: Bdp, served: Served, words: list[str], code: int) -> None:
    told = bdp("cost", *words, "--home", served.home)
    assert told.code == code, told.err
    assert "Traceback" not in told.err


def test_json_has_the_documented_fields_beside_each_other() -> None:
    told = json.loads(json.dumps(as_json(report())))
    (found,) = told["anomalies"]
    assert set(found) >= FIELDS
    assert (found["service_name"], found["account_name"]) == (EC2.service_name, "prod")
    assert found["detection_results"]["ecod"]["explanation_ko"]
    assert told["quiet"][0]["standing"] == "below_impact"
    assert told["budgets"][0]["overrun_day"] == "2026-05-19"


def drawn(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(path.read_text(encoding="utf-8"))


def test_a_drawing_has_a_chart_for_each_anomaly(tmp_path: Path) -> None:
    other = result(key=EC2.model_copy(update={"service_name": HOSTILE + "<script>"}))
    cost_plot.write(tmp_path / "costs.svg", report(anomalies=(result(), other)), "en")
    root = drawn(tmp_path / "costs.svg")
    assert len(list(root.iter(f"{SVG}circle"))) == 2
    assert len({clip.attrib["id"] for clip in root.iter(f"{SVG}clipPath")}) == 2
    assert not list(root.iter(f"{SVG}script"))
    text = " ".join(root.itertext())
    assert "Amazon Elastic Compute Cloud, prod 123456789012 (USD)" in text
    assert "2026-05-05: 455.60 USD, +261%" in text
    assert "\x1b" not in text


def test_a_drawing_without_anomalies_has_one_chart_a_currency(tmp_path: Path) -> None:
    cost_plot.write(tmp_path / "costs.svg", report(anomalies=()), "ko")
    text = " ".join(drawn(tmp_path / "costs.svg").itertext())
    assert "비용 (USD)" in text
    assert "비용 (KRW)" in text
    assert "측정값" in text


def test_a_drawing_of_nothing_says_so(tmp_path: Path) -> None:
    nothing = report(anomalies=(), services=(), totals=(), start=None, end=None)
    cost_plot.write(tmp_path / "costs.svg", nothing, "en")
    assert "no points" in " ".join(drawn(tmp_path / "costs.svg").itertext())


FOCUS = """ChargePeriodStart,ChargePeriodEnd,BillingAccountId,ServiceName,ChargeCategory,BilledCost,BillingCurrency
2026-05-01T00:00:00Z,2026-05-02T00:00:00Z,1,Amazon S3,Usage,1.5,USD
2026-05-01T00:00:00Z,2026-05-02T00:00:00Z,1,Amazon S3,Usage,nan,USD
2026-05-02T00:00:00Z,2026-05-03T00:00:00Z,1,Amazon S3,Usage,2.25,USD
"""


def test_a_bill_is_judged_and_leaves_nothing(process: Bdp, tmp_path: Path) -> None:
    bill, temporary = tmp_path / "focus.csv", tmp_path / "temporary"
    bill.write_text(FOCUS)
    temporary.mkdir()
    told = process("cost", "analyze", bill, "--json", environment={"TMPDIR": str(temporary)})
    assert told.code == 0, told.err
    assert "refused 1 line" in told.err
    assert {"start", "totals", "anomalies", "services"} <= told.object.keys()
    (note,) = [note for note in told.object["notes"] if note["kind"] == "refused"]
    assert note["text"].startswith("1 of 3 lines ")
    assert not list(temporary.iterdir())


def test_what_is_no_bill_is_said(process: Bdp, tmp_path: Path) -> None:
    for number in range(15):
        (tmp_path / f"note{number:02d}.txt").write_text("no bill at all\n")
    told = process("cost", "analyze", tmp_path)
    assert told.code == 3
    assert told.err.count("is not a bill") == 1
    assert "and 4 more" in " ".join(told.err.split())
    (tmp_path / "focus.csv").write_text(FOCUS)
    assert process("cost", "forecast", tmp_path).code == 0
    assert process("cost", "analyze", tmp_path / "nowhere").code == 3
    assert process("cost", "analyze", tmp_path / "focus.csv", "--format", "nope").code == 3


def test_costs_can_be_made_up(process: Bdp) -> None:
    told = process("cost", "analyze", "--generate", "7", "--json")
    assert told.code == 0, told.err
    assert "anomalies" in told.object


def test_every_reason_of_a_refusal_is_told_once(process: Bdp, tmp_path: Path) -> None:
    bill = tmp_path / "focus.csv"
    bill.write_text(FOCUS + "never,,1,Amazon S3,Usage,1,USD\nnever,,1,Amazon S3,Usage,1,USD\n")
    told = process("cost", "analyze", bill, "--json")
    assert told.code == 0
    assert "refused 3 lines" in told.err
    assert " ".join(told.err.split()).count("never") == 1
    assert "nan" in told.err


@pytest.mark.parametrize("verb", ["analyze", "forecast", "shadow"])
@pytest.mark.parametrize(
    ("text", "what"),
    [
        (FOCUS.split("\n", maxsplit=1)[0] + "\n", "There are no lines in"),
        (FOCUS.replace("1.5", "x").replace("2.25", "y"), "No line could be read in"),
    ],
)
def test_a_bill_without_a_charge_is_refused(process: Bdp, tmp_path: Path, verb: str, text: str, what: str) -> None:
    (tmp_path / "focus.csv").write_text(text)
    told = process("cost", verb, tmp_path / "focus.csv")
    assert told.code == 3
    assert what in told.err


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--account", "9", "There are: 1."),
        ("--service", "amazon s4", "Did you mean: Amazon S3?"),
        ("--currency", "EUR", "There are: USD."),
    ],
)
def test_what_no_cost_is_of_is_refused_with_what_there_is(
    process: Bdp, tmp_path: Path, option: str, name: str, said: str
) -> None:
    (tmp_path / "focus.csv").write_text(FOCUS)
    told = process("cost", "analyze", tmp_path / "focus.csv", option, name)
    assert told.code == 3
    assert said in " ".join(told.err.split())


def test_days_without_costs_are_told_with_those_that_have_some(process: Bdp, tmp_path: Path) -> None:
    (tmp_path / "focus.csv").write_text(FOCUS)
    told = process("cost", "analyze", tmp_path / "focus.csv", "--until", "2026-04-01")
    assert told.code == 0
    assert "from 2026-05-01 to 2026-05-02" in " ".join(told.out.split())
