"""The reader of exporters' texts against the well-known library: whatever that reads, ours reads the same."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from bdp.ids import Ids
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.exposition import TEXT, read_exposition
from bdp.model.batch import Batch, RecordKind
from tests.unit.intake.reading import NOW, rows

SETTINGS = settings(max_examples=300, deadline=None)
NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True).filter(lambda name: name != "__name__")
LABELS = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,5}", fullmatch=True).filter(lambda name: not name.startswith("__"))
# Lines end with \n alone; a lone surrogate is no UTF-8; NUL becomes U+FFFD with us.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\\"\n,{}= #\t'), max_size=8)
SPACE = st.sampled_from(["", " ", "  "])
NUMBERS = st.floats().map(repr) | st.integers(-(10**20), 10**20).map(str) | st.sampled_from(["+Inf", "-Inf", "NaN"])
TIMES = st.none() | st.integers(0, int(NOW.timestamp()) * 1000).map(str)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


@st.composite
def lines(draw: st.DrawFn) -> str:
    labels = draw(st.dictionaries(LABELS, TEXTS, max_size=4))
    gap = draw(SPACE)
    inside = f",{gap}".join(f'{name}{gap}={gap}"{escaped(value)}"' for name, value in labels.items())
    braces = "{" + gap + inside + draw(st.sampled_from(["", ","] if inside else [""])) + "}" if inside else ""
    stamp = draw(TIMES)
    return f"{draw(NAMES)}{braces} {draw(NUMBERS)}" + (f" {stamp}" if stamp else "")


def ours(text: str) -> Batch:
    parcel = Parcel(RecordKind.METRICS, Edge(NOW, IntakeSettings()), "exposition")
    read_exposition(text.encode(), TEXT, parcel)
    return parcel.batch("b", Ids.seeded(1))


def theirs(text: str) -> list[Any]:
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


@SETTINGS
@given(st.lists(lines(), max_size=6))
def test_what_the_library_reads_is_read_the_same(found: list[str]) -> None:
    # The library ends a line wherever Python does; ours at \n, as the format says.
    text = "\n".join(line for line in found if len(line.splitlines()) == 1)
    samples = theirs(text)
    finite = [sample for sample in samples if math.isfinite(float(sample.value))]
    batch = ours(text)
    assert [(row["name"], row["labels"], row["value"]) for row in rows(batch)] == [
        (sample.name, {name: value for name, value in sample.labels.items() if value}, float(sample.value))
        for sample in finite
    ]
    assert len(batch.refused) == sum(math.isinf(float(sample.value)) for sample in samples)


@SETTINGS
@given(st.lists(lines(), min_size=2, max_size=4), st.data())
def test_a_bent_line_never_harms_its_neighbours(found: list[str], data: st.DataObject) -> None:
    bent = found[0]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(bent)))
        end = data.draw(st.integers(place, min(len(bent), place + 3)))
        bent = bent[:place] + data.draw(st.sampled_from(["", '"', "{", "}", "\\", ",", "=", "#", " "])) + bent[end:]
    whole = [line for line in found[1:] if len(line.splitlines()) == 1]
    alone, beside = ours("\n".join(whole)), ours("\n".join([bent, *whole]))
    kept, extra = rows(alone), rows(beside)
    assert extra[len(extra) - len(kept) :] == kept
    assert len(extra) - len(kept) + len(beside.refused) - len(alone.refused) <= 1
