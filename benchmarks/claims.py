"""The claim checker on true claims of recorded incidents, and on the same claims made false in one place.

    python -m benchmarks.claims [--quick] [--json]

The product's own collectors gather the evidence of recorded incidents; sentences in English and Korean, none of which
the product writes, say true things of it (`_sentences.py`, `_truths.py`). Each claim is then corrupted: another
number, unit, service (or metric, address, message), time, order, direction. True claims should be supported;
corrupted ones are caught if they come out contradicted or unsupported.

- developed: the half of the incidents, and the sentences, that were looked at while the checker was made;
- kept: the other incidents, with other sentences. These were measured blind once and then mended with, too (on the
  developed incidents): what they give now is no forecast for a new wording; docs/reference/figures.md has the blind
  one.

Beside it SummEdits (two domains) and BEGIN (Wizard of Wikipedia, development part): the document is the text of one
piece of evidence and its numbers are its values, a claim counts as consistent unless it is contradicted or
unsupported. Balanced accuracy: the mean of the shares of consistent and of inconsistent texts that were told right;
50 is chance. The checker knows figures, times and names; of free prose it mostly says nothing. `--quick` takes the
first two recordings of each source.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bdp.explain.grounding import check
from bdp.explain.grounding.mentions import mentions
from bdp.model.analysis import Check, Claim
from bdp.model.evidence import Evidence, EvidenceKind
from benchmarks._corpora import data_folder
from benchmarks._recorded import recorded
from benchmarks._truths import KINDS, Truth, truths

CAUGHT = frozenset({Check.CONTRADICTED, Check.UNSUPPORTED})
_KEYS = {"%": "_percent", "s": "_seconds", "B": "_byte", "$": "_usd", "x": "_ratio"}
_AT = datetime(2026, 1, 1, tzinfo=UTC)
Tally = Counter[tuple[bool, str, str, bool]]


def main() -> None:
    """Check the claims and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first two recordings of each source")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no table")
    arguments = parser.parse_args()
    folder = data_folder("rootcausebench")
    if folder is None:
        return
    incidents = recorded(folder.parent, quick=arguments.quick)
    begun = time.perf_counter()
    told, claims = judge(truths(incidents))
    seconds = time.perf_counter() - begun
    prose = dict(free_prose(folder.parent))
    if arguments.json:
        rows = [
            {"kept": k, "kind": kind, "language": of, "right": right, "claims": n}
            for (k, kind, of, right), n in told.items()
        ]
        print(json.dumps({"incidents": len(incidents), "claims": rows, "prose": prose}))
        return
    show(told, len(incidents))
    print(f"\n{claims} claims in {seconds:.1f} s, {1000 * seconds / max(1, claims):.2f} ms each")
    for name, row in prose.items():
        print(f"{name:<22}balanced accuracy {row['balanced']:5.1f}   consistent told right {row['consistent']:5.1f}   "
              f"inconsistent {row['inconsistent']:5.1f}   of {row['items']}, nothing to check in {row['silent']}")  # fmt: skip  # noqa: E501


def judge(found: Iterable[Truth]) -> tuple[Tally, int]:
    """Return how many came out right, by half, kind of corruption (or `true`) and language, and how many there were."""
    told: Tally = Counter()
    claims = 0
    for truth in found:
        texts = [("true", truth.text), *truth.wrong]
        checked, _ = check([Claim(text=text, evidence=truth.cited) for _, text in texts], truth.evidence)
        claims += len(checked)
        for (kind, _), claim in zip(texts, checked, strict=True):
            right = claim.check is Check.SUPPORTED if kind == "true" else claim.check in CAUGHT
            told[truth.kept, kind, truth.language, right] += 1
    return told, claims


def show(told: Tally, incidents: int) -> None:
    """Print a line for the true claims and for each kind of corruption."""
    print(f"{incidents} incidents; aim 97 %")
    print(f"{'':<14}{'kept':^46}{'developed':^46}")
    print(f"{'':<14}" + 2 * f"{'English':>16}{'Korean':>16}{'both':>14}")
    for kind in ("true", *KINDS, "corrupted"):
        kinds = KINDS if kind == "corrupted" else (kind,)
        cells = [
            _cell(told, kept, kinds, languages)
            for kept in (True, False)
            for languages in (("en",), ("ko",), ("en", "ko"))
        ]
        print(f"{kind:<14}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, (16, 16, 14) * 2, strict=True)))


def _cell(told: Tally, kept: bool, kinds: Sequence[str], languages: Sequence[str]) -> str:
    right, wrong = (sum(told[kept, kind, of, good] for kind in kinds for of in languages) for good in (True, False))
    return f"{100 * right / (right + wrong):.1f} of {right + wrong}" if right + wrong else "none"


def free_prose(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what the checker says of texts that are not about figures of incidents."""
    for path in sorted((root / "groundedness/summedits").glob("*.json")):
        items = json.loads(path.read_text("utf-8"))
        yield path.stem.replace("_", " "), balanced((one["doc"], one["summary"], one["label"] == 1) for one in items)
    path = root / "groundedness/begin/wow/begin_dev_wow.tsv"
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        yield (
            "begin wow",
            balanced((r["knowledge"], r["response"], r["begin_label"] == "Fully attributable") for r in rows),
        )


def balanced(items: Iterable[tuple[str, str, bool]]) -> dict[str, Any]:
    """Return the shares told right of consistent and inconsistent texts, in percent, and their mean."""
    told: Counter[tuple[bool, bool]] = Counter()
    silent = 0
    for document, text, consistent in items:
        value: dict[str, Any] = {"text": document}
        for number in mentions(document).numbers:  # texts of telemetry support no figure, so these are given as values
            value.setdefault(f"figures{_KEYS.get(number.unit, '')}", []).append(number.value)
        evidence = Evidence(
            id="E1",
            kind=EvidenceKind.TEMPLATE,
            value=value,
            text="",
            source="text",
            start_time=_AT,
            end_time=_AT,
        )
        claim = check([Claim(text=text[:2000], evidence=("E1",))], [evidence])[0][0]
        silent += claim.check is Check.NOT_CHECKABLE
        told[consistent, claim.check not in CAUGHT] += 1
    good = 100 * told[True, True] / max(1, told[True, True] + told[True, False])
    bad = 100 * told[False, False] / max(1, told[False, True] + told[False, False])
    return {
        "balanced": (good + bad) / 2,
        "consistent": good,
        "inconsistent": bad,
        "items": told.total(),
        "silent": silent,
    }


if __name__ == "__main__":
    main()
