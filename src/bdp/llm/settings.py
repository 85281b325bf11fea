"""Which models may be asked, how hard, and for how much money."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bdp.breaker import BreakerSettings
from bdp.model.spending import NANO, Bounds

KINDS: Final = ("vllm", "gemini", "bedrock", "local", "recorded")
Kind = Literal["vllm", "gemini", "bedrock", "local", "recorded"]


class Part(BaseModel):
    """Settings that refuse unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PriceSettings(Part):
    """What a model costs, where the price table does not know it or knows it wrongly."""

    input_usd: float = Field(ge=0, description="US dollars for a million tokens of the prompt")
    output_usd: float = Field(ge=0, description="US dollars for a million tokens of the answer")


class Candidate(Part):
    """What every model has."""

    model: str = Field(default="", description="name of the model at its provider")
    context_tokens: int = Field(
        default=32_768, ge=2048, description="tokens that prompt and answer may have together; picks the prompt's size"
    )
    max_tokens: int = Field(default=1000, ge=64, le=32_768, description="most tokens of an answer")
    temperature: float = Field(default=0.3, ge=0, le=2, description="randomness of an answer")
    top_p: float = Field(default=0.9, gt=0, le=1, description="share of the likeliest tokens that is drawn from")
    seconds: float = Field(default=30.0, gt=0, le=600, description="longest time for one request")
    tools: bool = Field(
        default=True, description="it can call tools; false: agents give it their evidence and ask it once"
    )
    requests_per_minute: int = Field(default=1800, ge=1, description="requests in any minute, of all workers together")
    tokens_per_minute: int = Field(
        default=2_000_000, ge=1000, description="tokens of prompts and answers in any minute, of all workers together"
    )
    price: PriceSettings | None = Field(
        default=None,
        description="input_usd and output_usd for a million tokens, instead of the price table; a model that nobody "
        "knows the price of is not asked",
    )


class OpenAiSettings(Candidate):
    """Any server with OpenAI's chat completions: vLLM, llama.cpp, Ollama, OpenAI itself."""

    base_url: str = Field(default="", description="such as http://gpu-1:8000/v1")
    api_key: SecretStr = Field(default=SecretStr(""), description="env:NAME or file:/path; empty: none is sent")


class GeminiSettings(Candidate):
    """Google's Gemini API."""

    base_url: str = Field(default="", description="empty: Google's own")
    api_key: SecretStr = Field(default=SecretStr(""), description="env:NAME or file:/path")
    context_tokens: int = Field(default=131_072, ge=2048, description="tokens of prompt and answer together")


class BedrockSettings(Candidate):
    """Amazon Bedrock's Converse; access as boto3 finds it."""

    region: str = Field(default="", description="AWS region; empty: as boto3 finds it")
    endpoint_url: str = Field(default="", description="another address than AWS's own")
    context_tokens: int = Field(default=131_072, ge=2048, description="tokens of prompt and answer together")


class LocalSettings(Candidate):
    """A GGUF model on this machine; `bdp model install` fetches one."""

    model: str = Field(default="smollm2-135m", description="an installed model, see bdp model list; or a .gguf file")
    context_tokens: int = Field(
        default=4096, ge=2048, description="tokens of prompt and answer together; more makes longer prompts, and slower"
    )
    tools: bool = Field(
        default=False, description="it can call tools, which small models cannot; false: it is asked once"
    )
    threads: int = Field(default=2, ge=1, le=256, description="threads that the model computes with")
    seconds: float = Field(default=60.0, gt=0, le=600, description="longest time for one request")


class RecordedSettings(Candidate):
    """Answers that were recorded, for demonstrations, tests and benchmarks."""

    file: str = Field(default="", description="NDJSON, as bdp.llm.providers.recorded describes")


class RetrySettings(Part):
    """How often a request is tried again."""

    tries: int = Field(default=3, ge=1, le=10, description="tries of one model when it throttles or fails")
    first_seconds: float = Field(default=0.5, gt=0, description="first wait; each further one is twice as long")
    longest_seconds: float = Field(default=20.0, gt=0, description="longest wait")
    asks_again: int = Field(default=2, ge=0, le=5, description="times that an answer of the wrong form is asked again")


class AwaySettings(BreakerSettings):
    """When a model counts as away, and how often it is tried."""

    failures: int = Field(default=5, ge=1, description="failures in a row after which a model counts as away")
    probe_seconds: float = Field(default=5.0, gt=0, description="first wait before it is tried again; doubles")
    longest_probe_seconds: float = Field(default=300.0, gt=0, description="longest wait between two tries")


class BudgetSettings(Part):
    """Money in US dollars; 0: nothing may be spent, empty: no limit."""

    incident_usd: float | None = Field(
        default=0.5, ge=0, le=1e6, description="for one incident, where an agent asks for one"
    )
    day_usd: float | None = Field(default=10.0, ge=0, le=1e6, description="for a day (UTC)")
    month_usd: float | None = Field(default=200.0, ge=0, le=1e6, description="for a month (UTC)")
    at_limit: Literal["degrade", "ask", "stop"] = Field(
        default="degrade",
        description="at the limit of a day or month: degrade: what does not fit is left to the rules; ask: it is, and "
        "people are asked for more; stop: no model is asked any more until bdp spending resume",
    )
    hour_alarm_usd: float = Field(default=2.0, gt=0, description="people are told of an hour that cost more")

    def bounds(self) -> Bounds:
        """Return the budgets as bounds of a request, in nano-dollars."""
        limits = {name: getattr(self, name) for name in ("incident_usd", "day_usd", "month_usd")}
        nano = {name: None if limit is None else round(limit * NANO) for name, limit in limits.items()}
        return Bounds(**nano, stops=self.at_limit == "stop")


class GatewaySettings(Part):
    """The model gateway."""

    enabled: bool = Field(default=True, description="false: no model is asked, whatever else is set")
    chain: tuple[Kind, ...] = Field(
        default=(), description="models in the order in which they are tried; empty: none, rules decide"
    )
    vllm: OpenAiSettings = OpenAiSettings()
    gemini: GeminiSettings = GeminiSettings()
    bedrock: BedrockSettings = BedrockSettings()
    local: LocalSettings = LocalSettings()
    recorded: RecordedSettings = RecordedSettings()
    retry: RetrySettings = RetrySettings()
    breaker: AwaySettings = AwaySettings()
    budget: BudgetSettings = BudgetSettings()
    agents: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default={"improvement": 5}, description="requests in any minute, by agent; others have no bound of their own"
    )

    @field_validator("chain")
    @classmethod
    def _each_once(cls, chain: tuple[Kind, ...]) -> tuple[Kind, ...]:
        if len(set(chain)) < len(chain):
            raise ValueError("chain: it names a model twice")
        return chain

    concurrency: int = Field(default=8, ge=1, le=256, description="requests of this process at a time")
    answer_kib: int = Field(default=256, ge=4, le=8192, description="longest body of an answer that is read, in KiB")
    log_prompts: bool = Field(default=False, description="log prompts and answers, pseudonymised")


WELL_KNOWN: Final[dict[str, tuple[str, ...]]] = {
    "LLM_PROVIDER": ("llm", "chain"),
    "VLLM_BASE_URL": ("llm", "vllm", "base_url"),
    "VLLM_MODEL_NAME": ("llm", "vllm", "model"),
    "VLLM_API_KEY": ("llm", "vllm", "api_key"),
    "GEMINI_API_KEY": ("llm", "gemini", "api_key"),
    "GEMINI_MODEL_ID": ("llm", "gemini", "model"),
    "BEDROCK_MODEL_ID": ("llm", "bedrock", "model"),
    "AI_ENABLED": ("llm", "enabled"),
    "AI_SAMPLING_RATE": ("insights", "sampling_rate"),
}
"""Environment variables without our prefix that say the same as a setting; weaker than those with it."""


def models_of(text: str) -> list[str]:
    """Return the chain that `LLM_PROVIDER` means: names with commas between them; `none` is none.

    >>> models_of("vllm, gemini"), models_of("openai"), models_of("none")
    (['vllm', 'gemini'], ['vllm'], [])
    """
    names = [name.strip().lower() for name in text.split(",")]
    return ["vllm" if name == "openai" else name for name in names if name not in ("", "none", "rules")]
