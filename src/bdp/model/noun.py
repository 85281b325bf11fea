"""What the nouns that people read have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Language = Literal["en", "ko"]


class Noun(BaseModel):
    """An immutable value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def worded(self, field: str, language: Language) -> str:
        """Return the text of a field in a language: for Korean that of `<field>_ko`; English where that is empty."""
        korean = getattr(self, f"{field}_ko", "") if language == "ko" else ""
        return str(korean or getattr(self, field))
