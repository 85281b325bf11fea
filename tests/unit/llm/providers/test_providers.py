from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bdp.errors import MissingExtra
from bdp.llm.providers import BUILDERS, EXTRAS, Context, build
from bdp.llm.settings import KINDS, GatewaySettings


def test_every_kind_of_the_settings_can_be_built() -> None:
    assert set(BUILDERS) == set(EXTRAS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_library_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    extra, libraries = EXTRAS[kind]
    really = importlib.util.find_spec

    def gone(name: str, *more: Any) -> Any:
        return None if name == libraries[-1] else really(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", gone)
    with pytest.raises(MissingExtra, match=rf"bdp-agent\[{extra}\]"):
        build(kind, getattr(GatewaySettings(), kind), Context(tmp_path))


def test_no_library_of_a_model_is_imported_before_one_is_built() -> None:
    heavy = "{'pydantic_ai', 'openai', 'google.genai', 'boto3', 'botocore', 'httpx2', 'xllamacpp', 'genai_prices'}"
    code = f"import sys, bdp.llm.providers, bdp.llm.failure, bdp.llm.weights; print({heavy} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "set()"
