"""How the chain of models stands, for `bdp doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bdp.errors import BdpError
from bdp.llm import weights

if TYPE_CHECKING:
    from bdp.llm.settings import Candidate
    from bdp.settings import Settings


def checks(settings: Settings) -> Iterator[tuple[str, bool, str]]:
    """Yield name, whether it is well, and words: for the chain, and for each model in it."""
    models = settings.llm
    if not (models.enabled and models.chain):
        yield "models", True, _none(settings)
        return
    yield "models", True, " > ".join(models.chain) + "; rules decide where they fail"
    for name in dict.fromkeys(models.chain):
        try:
            yield name, True, _looked(name, getattr(models, name), settings.home)
        except BdpError as error:
            yield name, False, str(error)


def _none(settings: Settings) -> str:
    if not settings.llm.enabled:
        return "switched off: rules decide"
    given = {
        "vllm": settings.llm.vllm.base_url,
        "gemini": settings.llm.gemini.model,
        "bedrock": settings.llm.bedrock.model,
    }
    if named := next((name for name, value in given.items() if value), ""):
        return f"none: rules decide; {named} is set up, but not named: set LLM_PROVIDER={named}, or llm.chain"
    if here := [one.name for one in weights.installed(settings.home)]:
        return f'none: rules decide; {", ".join(here)} is installed, llm.chain = ["local"] switches it on'
    return "none: rules decide; 'bdp model install' gives a local model"


def _looked(name: str, candidate: Candidate, home: Path) -> str:
    """Build the model, see whether it is there, and let it go. Costs no tokens.

    Raises:
        BdpError: it would not be asked.
    """
    import asyncio

    from bdp.llm.prices import price_of
    from bdp.llm.providers import Context, build

    async def look() -> str:
        provided = build(name, candidate, Context(home))
        try:
            return await provided.probe()
        finally:
            await provided.close()

    found = asyncio.run(look())
    price = price_of(name, candidate)
    if price is None:
        raise BdpError(
            f"{found}; nobody knows the price of {candidate.model}, so it is not asked.",
            f"Set llm.{name}.price.input_usd and output_usd.",
        )
    return f"{found}; {'costs nothing here' if price.is_free else 'its price is known'}"
