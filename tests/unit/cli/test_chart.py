"""The drawing of a series: valid XML, every spike in it, and no text that acts."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from bdp.cli.chart import HEIGHT, WIDTH, Curve, Mark, draw
from tests.unit.cli.conftest import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"
START = 1_777_636_800.0
Numbers = NDArray[np.float64]


def curve(values: Numbers, step: float = 60.0) -> Curve:
    low, high = np.full(len(values), np.median(values) - 3), np.full(len(values), np.median(values) + 3)
    low[:50] = high[:50] = np.nan
    return Curve(START + step * np.arange(len(values), dtype=np.float64), values, low, high)


def drawn(shown: Curve, marks: tuple[Mark, ...] = (), title: str = "cpu.csv") -> ElementTree.Element:
    return ElementTree.fromstring("".join(draw(title, shown, marks)))


def paths(root: ElementTree.Element, kind: str) -> list[str]:
    group = root.find(f"{SVG}g")
    assert group is not None
    return [path.attrib["d"] for path in group.iter(f"{SVG}path") if path.attrib["class"] == kind]


def heights(path: str) -> list[float]:
    return [float(y) for _, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


def noise(points: int) -> Numbers:
    return np.random.default_rng(1).normal(100, 1, points)


def test_it_says_what_it_shows() -> None:
    text = " ".join(drawn(curve(noise(500))).itertext())
    for word in ("cpu.csv", "500 points", "0 anomalies", "2026-05-01 12:00", "UTC", "measured", "expected", "anomaly"):
        assert word in text


def test_light_and_dark_are_both_readable() -> None:
    style = drawn(curve(noise(100))).find(f"{SVG}style")
    assert style is not None
    assert "prefers-color-scheme: dark" in (style.text or "")


@pytest.mark.parametrize("points", [200, 300_000])
@pytest.mark.parametrize("spike", [130.0, 70.0])
def test_a_spike_of_one_point_never_vanishes(points: int, spike: float) -> None:
    values = noise(points)
    values[points // 3] = spike
    (line,) = paths(drawn(curve(values)), "line")
    ys = sorted(heights(line))
    extreme, others = (ys[0], ys[5]) if spike > 100 else (ys[-1], ys[-6])
    assert abs(extreme - others) > 100
    assert len(ys) < 5 * WIDTH


def test_a_long_series_is_a_small_file() -> None:
    assert len("".join(draw("x", curve(noise(300_000)), ()))) < 200_000


def test_the_line_is_broken_over_a_gap_and_no_lone_point_is_lost() -> None:
    shown = curve(noise(300))
    shown.ts[100:] += 86_400
    shown.ts[200:] += 86_400
    shown.ts[201:] += 86_400
    (line,) = paths(drawn(shown), "line")
    assert line.count("M") == 4
    assert line.count("h1") == 1


def test_the_band_begins_where_it_is_known() -> None:
    shown = curve(noise(300))
    shown.low[150:160] = np.nan
    assert len(paths(drawn(shown), "band")) == 2


def test_anomalies_are_marked_with_their_reason() -> None:
    marks = (Mark(START + 600, START + 900, START + 660, 104.0, "104 is above <b> & so on"),)
    root = drawn(curve(noise(300)), marks)
    spans = [one for one in root.iter(f"{SVG}rect") if one.get("class") == "span"]
    (peak,) = root.iter(f"{SVG}circle")
    for one in (*spans, peak):
        title = one.find(f"{SVG}title")
        assert title is not None
        assert title.text == "104 is above <b> & so on"
    assert float(spans[0].attrib["width"]) >= 3
    assert 0 < float(peak.attrib["cy"]) < HEIGHT


@pytest.mark.parametrize("name", [HOSTILE, '"/><script>alert(1)</script>', "a\x00b\ufffe\uffff\ud800&#0;]]>"])
def test_a_hostile_name_is_only_text(name: str) -> None:
    mark = Mark(START, START, START, 100.0, name)
    root = drawn(curve(noise(100)), (mark,), name)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {
        *("svg", "title", "style", "rect", "text", "path", "g", "clipPath", "circle")
    }
    assert "\x1b" not in "".join(draw(name, curve(noise(100)), (mark,)))


@pytest.mark.parametrize(
    "values",
    [
        [5.0],
        [5.0, 5.0],
        [0.0] * 10,
        [1e15, 1e15 + 1],
        [-1.7e308, 1.7e308],
        [1e-300, 2e-300],
        [1.7e308],
        [5e-324, 0],
    ],
)
def test_any_values_can_be_drawn(values: list[float]) -> None:
    shown = curve(np.array(values))
    (line,) = paths(drawn(shown), "line")
    assert "nan" not in line
    assert "inf" not in line
    assert all(0 <= y <= HEIGHT for y in heights(line))


def test_nothing_is_drawn_of_nothing() -> None:
    none = np.zeros(0)
    assert "no points" in "".join(drawn(Curve(none, none, none, none)).itertext())
