"""Every sentence of an analysis, in English and Korean, by its key. Text that telemetry brought is never translated.

Both languages of a sentence name the same values. A value is the same in both, or a text in both (`Bilingual`).
"""

from __future__ import annotations

from typing import Final

from bdp.explain.bilingual import Bilingual
from bdp.explain.sentences.causes import CAUSES
from bdp.explain.sentences.changes import CHANGES
from bdp.explain.sentences.costs import COSTS
from bdp.explain.sentences.facts import FACTS
from bdp.model.noun import Language

SENTENCES: Final[dict[str, dict[Language, str]]] = FACTS | CHANGES | CAUSES | COSTS


def kind_of(kind: str, *, begins: bool = True) -> Bilingual:
    """Return what kind of change it is: `Deploy`, or `deploy` inside of a sentence, and `배포`."""
    said = say(f"kind_{kind}") if f"kind_{kind}" in SENTENCES else Bilingual.alike(kind)
    return Bilingual(said.en.capitalize() if begins else said.en, said.ko)


def say(key: str, /, **values: object) -> Bilingual:
    """Return a sentence in both languages, with its values put in; a value is never read as a template itself."""
    sentence = SENTENCES[key]
    english = {name: value.en if isinstance(value, Bilingual) else value for name, value in values.items()}
    korean = {name: value.ko if isinstance(value, Bilingual) else value for name, value in values.items()}
    return Bilingual(sentence["en"].format(**english), sentence["ko"].format(**korean))
