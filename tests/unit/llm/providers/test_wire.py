"""Addresses are shown and logged: one that holds a secret is refused, without telling it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bdp.errors import BadSetting
from bdp.llm.providers import Context, build
from bdp.llm.settings import BedrockSettings, GeminiSettings, OpenAiSettings


@pytest.mark.parametrize(
    "address", ["https://me:s3cret@host/v1", "https://host/v1?api_key=s3cret", "https://host/#s3cret"]
)
@pytest.mark.parametrize("kind", ["vllm", "gemini", "bedrock"])
def test_a_secret_in_an_address_is_refused(kind: str, address: str, tmp_path: Path) -> None:
    made: dict[str, Any] = {
        "vllm": OpenAiSettings(base_url=address, model="m"),
        "gemini": GeminiSettings(base_url=address, model="m", api_key=SecretStr("k")),
        "bedrock": BedrockSettings(endpoint_url=address, model="m", region="us-east-1"),
    }
    with pytest.raises(BadSetting) as caught:
        build(kind, made[kind], Context(tmp_path))
    assert "s3cret" not in str(caught.value)
