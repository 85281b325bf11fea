"""Our detector on the NAB corpus by NAB's own score, beside the published field.

    python benchmarks/nab.py [--quick] [--json] [--per-file] [--detector NAME …]

Scores are between 0 (says nothing) and 100 (perfect), for the three profiles of weights; `benchmarks/_nab.py` tells the
rules. One parameter set for all files, no look-ahead; the threshold is the best one for the corpus, as NAB prescribes,
and is printed. Besides:

- even, odd: the corpus' files at even and at odd places in sorted order. Parameters were chosen on the even half. The
  odd half is scored at the threshold that is best for the even half, and (own) at the one that is best for itself;
- missed: windows without a detection; false: points detected outside of all windows;
- alarms: the detector's own alarms at its default settings in place of a threshold that knows the corpus.

The windowed Gaussian checks the scorer: its published scores are 39.6, 20.9 and 47.4; the threshold search here is
exact, where that of the publication went by steps, and finds a little more. `--quick` takes every third file, so its
scores stand beside no published one. `--detector` also takes `package.module:function`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._corpora import NabFile, data_folder, read_nab
from benchmarks._detectors import Detector, choose, short_name
from benchmarks._nab import File, Profile, Score, places, read_profiles, score_at, sweep

SHORT = {"standard": "standard", "reward_low_FP_rate": "low FP", "reward_low_FN_rate": "low FN"}
Figures = dict[str, Any]


def main() -> None:
    """Score the detectors and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every third file")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no table")
    parser.add_argument("--per-file", action="store_true", help="also what the standard profile gives for each file")
    parser.add_argument("--detector", action="append", default=[], help="only this one; may be given again")
    arguments = parser.parse_args()
    folder = data_folder("nab")
    if folder is None:
        return
    profiles = read_profiles(folder / "config/profiles.json")
    corpus = list(enumerate(read_nab(folder)))[:: 3 if arguments.quick else 1]
    results = {name: judge(run, corpus, profiles) for name, run in choose(arguments.detector).items()}
    published = json.loads((folder / "results/final_results.json").read_text(encoding="utf-8"))
    if arguments.json:
        print(json.dumps({"files": len(corpus), "measured": results, "published": published}))
        return
    show(results, {} if arguments.quick else published)
    if arguments.per_file:
        show_files(results)


def judge(detector: Detector, corpus: Sequence[tuple[int, NabFile]], profiles: dict[str, Profile]) -> Figures:
    """Run a detector over the corpus once and score what it told; files with their place in the whole corpus."""
    told = detector([file.stream for _, file in corpus])
    where = [places(len(file.values), file.windows) for _, file in corpus]
    files: list[File] = [(place, np.asarray(one[0])) for place, one in zip(where, told, strict=True)]
    alarms: list[File] = [(place, np.asarray(one[2]).astype(float)) for place, one in zip(where, told, strict=True)]
    halves = [[file for (at, _), file in zip(corpus, files, strict=True) if at % 2 == half] for half in (0, 1)]
    figures = {name: profile_figures(files, halves, alarms, profile) for name, profile in profiles.items()}
    standard = profiles["standard"]
    at = figures["standard"]["threshold"]
    at = np.inf if at is None else at
    by_file = {file.name: file_figures(one, standard, at) for (_, file), one in zip(corpus, files, strict=True)}
    return {"profiles": figures, "files": by_file}


def profile_figures(files: list[File], halves: list[list[File]], alarms: list[File], profile: Profile) -> Figures:
    """Return the scores of one profile."""
    whole, even, odd = sweep(files, profile), sweep(halves[0], profile), sweep(halves[1], profile)
    return figures_of(whole) | {
        "even": even.score,
        "odd": score_at(halves[1], profile, even.threshold).score,
        "odd_own": odd.score,
        "alarms": figures_of(score_at(alarms, profile, 1.0)) if any(s.any() for _, s in alarms) else None,
    }


def file_figures(file: File, profile: Profile, threshold: float) -> Figures:
    """Return one file's windows, misses and false alarms at the corpus' threshold; a score only if it has windows."""
    place, scores = file
    if not place.windows:
        false = int(((scores >= threshold) & (place.window == -1)).sum())
        return {"windows": 0, "missed": 0, "false_alarms": false, "score": None}
    return figures_of(score_at([file], profile, threshold))


def figures_of(score: Score) -> Figures:
    """Return a score as JSON knows it: no threshold where nothing is detected at all."""
    return asdict(score) | {"threshold": score.threshold if np.isfinite(score.threshold) else None}


def show(results: dict[str, Figures], published: dict[str, dict[str, float]]) -> None:
    """Print a line for each detector and profile, then the published field."""
    print(f"{'measured':<28}{'profile':<10}{'score':>7}{'threshold':>12}{'even':>7}{'odd':>7}{'(own)':>7}"
          f"{'missed':>12}{'false':>7}{'alarms':>9}")  # fmt: skip
    for name, result in results.items():
        for profile, row in result["profiles"].items():
            at = "none" if row["threshold"] is None else f"{row['threshold']:.7g}"
            own = f"{row['alarms']['score']:9.1f}" if row["alarms"] else f"{'none':>9}"
            print(f"{short_name(name):<28}{SHORT.get(profile, profile):<10}{row['score']:>7.1f}{at:>12}"
                  f"{row['even']:>7.1f}{row['odd']:>7.1f}{row['odd_own']:>7.1f}"
                  f"{row['missed']:>6} of {row['windows']:<3}{row['false_alarms']:>6}{own}")  # fmt: skip
    if published:
        print(f"\n{'published':<28}" + "".join(f"{short:>10}" for short in SHORT.values()))
    for name, scores in sorted(published.items(), key=lambda item: -item[1]["standard"]):
        print(f"{name:<28}" + "".join(f"{scores[profile]:>10.1f}" for profile in SHORT))


def show_files(results: dict[str, Figures]) -> None:
    """Print what each file gave in the standard profile at the corpus' threshold."""
    for name, result in results.items():
        print(f"\n{short_name(name) + ': by file, standard':<60}{'windows':>9}{'missed':>8}{'false':>7}{'score':>9}")
        for file, row in result["files"].items():
            score = "" if row["score"] is None else f"{row['score']:.1f}"
            print(f"  {file:<58}{row['windows']:>9}{row['missed']:>8}{row['false_alarms']:>7}{score:>9}")


if __name__ == "__main__":
    main()
