"""Evidence as a model reads it: JSON, in which every text from machines is one line without characters that hide.

`<` is written as an escape, so that no text can end a block that it stands in. What hides secrets on the way out reads
this as plain text: a text that ends like `password:`, or in the middle of a private key, would have it take what
stands behind for the secret, so its end is made plain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from bdp.explain.wording import clean
from bdp.model.evidence import Evidence

_OPENS: Final = "=:\\\"' "
_KEY: Final = "PRIVATE KEY-----"
_KEY_ENDS: Final = f"-----END {_KEY}"


def as_text(evidence: Evidence) -> str:
    """Return one piece of evidence as JSON text."""
    return as_json(whole(evidence))


def as_json(value: object) -> str:
    """Return a value as compact JSON, with its texts made harmless."""
    told = json.dumps(cleaned(value), ensure_ascii=False, separators=(",", ":"), default=str)
    return told.replace("<", "\\u003c")


def whole(evidence: Evidence) -> dict[str, Any]:
    """Return all that is told of it; samples only where its value has none of them."""
    return {**brief(evidence), "value": evidence.value, **_samples(evidence)}


def brief(evidence: Evidence) -> dict[str, Any]:
    """Return its number and its sentence."""
    return {"id": evidence.id, "kind": evidence.kind.value, "text": evidence.text}


def cleaned(value: Any) -> Any:
    """Return a JSON-like value whose texts have no control, direction or other unseen characters."""
    if isinstance(value, str):
        return _closed(clean(value))
    if isinstance(value, Mapping):
        return {clean(str(key)): cleaned(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(one) for one in value]
    return value


def _samples(evidence: Evidence) -> dict[str, Any]:
    return {"samples": list(evidence.samples)} if evidence.samples and "messages" not in evidence.value else {}


def _closed(text: str) -> str:
    begun, _, rest = text.rpartition(f"{_KEY}")
    if begun and "-----BEGIN" in begun[-60:] and "-----END" not in rest:
        text += f" {_KEY_ENDS}"
    return text.rstrip(_OPENS) if text[-1:] in _OPENS else text
