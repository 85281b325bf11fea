"""What every analysis must hold in Korean: each text is there, and its claims hold where the English ones do."""

from __future__ import annotations

import re

from bdp.explain.grounding import check
from bdp.model.analysis import Analysis, Check

_HANGUL = re.compile(r"[가-힣]")


def assert_told_in_korean(analysis: Analysis) -> None:
    """Check the Korean texts of an analysis by rules against the same evidence."""
    korean, _ = check([one.model_copy(update={"text": one.text_ko}) for one in analysis.claims], analysis.evidence)
    wrong = [
        (ours.text_ko, theirs.reason)
        for ours, theirs in zip(analysis.claims, korean, strict=True)
        if ours.check is Check.SUPPORTED and theirs.check is not Check.SUPPORTED
    ]
    assert wrong == [], wrong
    texts = [analysis.root_cause_ko, analysis.summary_ko, analysis.confidence.reasoning_ko]
    texts += [one.text_ko for one in analysis.claims] + [one.text_ko for one in analysis.evidence]
    assert [text for text in texts if not _HANGUL.search(text)] == []
    assert len(analysis.confidence.suggestions) == len(analysis.confidence.suggestions_ko)
    assert all(bool(one.refutation) is bool(one.refutation_ko) for one in analysis.hypotheses)
