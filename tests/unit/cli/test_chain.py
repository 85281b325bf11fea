"""What `bdp doctor` says about models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bdp.cli.chain import checks
from bdp.llm.settings import GatewaySettings
from bdp.settings import Settings
from tests.unit.llm.providers.loopback import Loopback, loopback


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one


def told(home: Path, **models: Any) -> list[tuple[str, bool, str]]:
    return list(checks(Settings(home=home, llm=GatewaySettings.model_validate(models))))


def test_without_a_model_it_says_how_to_get_one(tmp_path: Path) -> None:
    assert told(tmp_path) == [("models", True, "none: rules decide; 'bdp model install' gives a local model")]
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny.gguf").touch()
    [(_, well, text)] = told(tmp_path)
    assert well
    assert "tiny is installed, llm.chain" in text
    assert told(tmp_path, enabled=False, chain=["vllm"]) == [("models", True, "switched off: rules decide")]


def test_each_model_of_the_chain_is_looked_at(server: Loopback, tmp_path: Path) -> None:
    server.answers({"data": [{"id": "llama-3"}]})
    there = {"base_url": f"{server.url}/v1", "model": "llama-3"}
    chain, vllm, local = told(tmp_path, chain=["vllm", "local"], vllm=there)
    assert chain == ("models", True, "vllm > local; rules decide where they fail")
    assert vllm == ("vllm", True, f"llama-3 at {server.url}/v1; costs nothing here")
    missing = "The local model smollm2-135m is not installed. Run 'bdp model install smollm2-135m'."
    assert local == ("local", False, missing)
    assert [one.path for one in server.asked] == ["/v1/models"]


def test_a_model_without_a_price_is_told(server: Loopback, tmp_path: Path) -> None:
    server.answers({"name": "models/nobody-knows"})
    given = {"base_url": server.url, "model": "nobody-knows", "api_key": "k"}
    _, (name, well, text) = told(tmp_path, chain=["gemini"], gemini=given)
    assert (name, well) == ("gemini", False)
    assert "nobody knows the price of nobody-knows" in text
    priced = given | {"price": {"input_usd": 1, "output_usd": 2}}
    _, (_, well, text) = told(tmp_path, chain=["gemini"], gemini=priced)
    assert well
    assert text.endswith("its price is known")
    assert "generateContent" not in str(server.asked)
