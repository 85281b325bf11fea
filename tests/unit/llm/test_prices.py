"""Prices: from settings, from the table, or none; what is reserved is never less than what is billed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from bdp.clock import ManualClock
from bdp.llm.prices import Price, price_of
from bdp.llm.settings import (
    BedrockSettings,
    Candidate,
    GeminiSettings,
    LocalSettings,
    OpenAiSettings,
    PriceSettings,
    RecordedSettings,
)
from bdp.model.spending import NANO

CLOCK = ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))
OPENAI = "https://api.openai.com/v1"
LISTED: list[tuple[str, Candidate, str, str]] = [
    ("vllm", OpenAiSettings(base_url=OPENAI, model="gpt-4o-mini-2024-07-18"), "openai", "gpt-4o-mini"),
    ("vllm", OpenAiSettings(base_url=OPENAI, model="gpt-5.4"), "openai", "gpt-5.4"),
    ("gemini", GeminiSettings(model="models/gemini-2.5-pro"), "google", "gemini-2.5-pro"),
    ("gemini", GeminiSettings(model="gemini-2.5-flash", base_url="http://localhost:1"), "google", "gemini-2.5-flash"),
    (
        "bedrock",
        BedrockSettings(model="us.anthropic.claude-sonnet-4-20250514-v1:0"),
        "aws",
        "anthropic.claude-sonnet-4-20250514-v1:0",
    ),
    (
        "bedrock",
        BedrockSettings(model="arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"),
        "aws",
        "anthropic.claude-3-haiku-20240307-v1:0",
    ),
]


def listed(number: int) -> Price:
    kind, settings, _, _ = LISTED[number]
    price = price_of(kind, settings, CLOCK)
    assert price is not None
    return price


@pytest.mark.parametrize("number", range(len(LISTED)), ids=lambda number: str(LISTED[number][3]))
@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "cached"),
    [(1000, 200, 0), (8001, 333, 7000), (0, 0, 0), (199_999, 1, 0), (200_001, 7, 150_000), (300_000, 1000, 1)],
)
def test_listed_models_cost_what_the_table_says(number: int, tokens_in: int, tokens_out: int, cached: int) -> None:
    _, _, provider, model = LISTED[number]
    usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out, cache_read_tokens=cached)
    told = calc_price(usage, model, provider_id=provider, genai_request_timestamp=CLOCK.now()).total_price * NANO
    assert 0 <= listed(number).exact(tokens_in, tokens_out, cached) - told < 1


def test_a_known_price_is_what_its_vendor_prints() -> None:
    # Claude 3 Haiku on Bedrock: 0.25 and 1.25 US dollars for a million tokens.
    assert listed(5).exact(1_000_000, 1_000_000, 0) == Decimal("1.5") * NANO
    assert listed(0).exact(1_000_000, 0, 400_000) == int(Decimal("0.12") * NANO)  # 0.15, cached 0.075


tokens = st.integers(0, 500_000)


@given(number=st.integers(0, len(LISTED) - 1), most_in=tokens, most_out=tokens, data=st.data())
def test_the_reservation_is_never_below_the_bill(number: int, most_in: int, most_out: int, data: st.DataObject) -> None:
    used_in = data.draw(st.integers(0, most_in))
    used_out = data.draw(st.integers(0, most_out))
    cached = data.draw(st.integers(0, used_in))
    written = data.draw(st.integers(0, used_in - cached))
    price = listed(number)
    assert price.most(most_in, most_out) >= price.exact(used_in, used_out, cached, written)


def test_a_price_that_is_about_to_change_is_reserved_at_the_dearer_one() -> None:
    # o3 became five times cheaper on 2025-06-10.
    clock = ManualClock(datetime(2025, 6, 9, 23, 50, tzinfo=UTC))
    price = price_of("vllm", OpenAiSettings(base_url=OPENAI, model="o3"), clock)
    assert price is not None
    before = price.most(1000, 1000)
    clock.at = datetime(2025, 6, 10, 0, 5, tzinfo=UTC)
    assert before == 5 * price.most(1000, 1000)


def test_settings_come_before_the_table() -> None:
    own = PriceSettings(input_usd=0.123456, output_usd=3)
    for kind, settings in [
        ("vllm", OpenAiSettings(base_url=OPENAI, model="gpt-4o", price=own)),
        ("vllm", OpenAiSettings(base_url="http://gpu-1:8000/v1", model="x", price=own)),
        ("bedrock", BedrockSettings(model="new", price=own)),
        ("recorded", RecordedSettings(price=own)),
        ("local", LocalSettings(price=own)),
    ]:
        price = price_of(kind, settings, CLOCK)
        assert price is not None
        assert price.exact(1000, 10, 500) == price.most(1000, 10) == 123_456 + 30_000
        assert price.exact(1, 0, 0) == 124  # rounded up
        assert not price.is_free


def test_a_price_beyond_all_measure_stays_a_number() -> None:
    price = price_of("local", LocalSettings(price=PriceSettings(input_usd=float("inf"), output_usd=0)), CLOCK)
    assert price is not None
    assert price.most(1, 0) == NANO


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("local", LocalSettings()),
        ("recorded", RecordedSettings(model="gpt-4o")),
        ("vllm", OpenAiSettings(base_url="http://gpu-1:8000/v1", model="gpt-4o")),
        ("vllm", OpenAiSettings(base_url="http://127.0.0.1:8000/api.openai.com", model="gpt-4o")),
        ("vllm", OpenAiSettings(base_url="http://10.1.2.3:8000/v1", model="gpt-4o")),
        ("vllm", OpenAiSettings(base_url="http://[fd00::1]:8000/v1", model="gpt-4o")),
        ("vllm", OpenAiSettings(base_url="http://vllm.models.svc.cluster.local/v1", model="gpt-4o")),
    ],
)
def test_machines_of_ones_own_cost_nothing(kind: str, settings: Candidate) -> None:
    price = price_of(kind, settings, CLOCK)
    assert price is not None
    assert price.is_free


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.openai.com/v1",
        "https://API.OpenAI.com:443/v1/",
        "https://me:secret@api.openai.com/v1",
        "https://api.openai.com./v1",
        " https://openrouter.ai/api/v1",
        "https://my-place.openai.azure.com/openai/v1",
        "https://api.groq.com/openai/v1",
        "https://eu.api.openai.com/v1",
    ],
)
def test_no_spelling_of_a_sellers_address_makes_it_free(base_url: str) -> None:
    unknown = OpenAiSettings(base_url=base_url, model="a-model-that-nobody-lists")
    assert price_of("vllm", unknown, CLOCK) is None


@pytest.mark.parametrize("host", ["models.example.com", "8.8.8.8", "[::ffff:8.8.8.8]", "[2001:4860::8888]"])
def test_a_server_of_the_internet_is_not_free_unless_its_owner_says_so(host: str) -> None:
    address = f"https://{host}/v1"
    assert price_of("vllm", OpenAiSettings(base_url=address, model="gpt-4o"), CLOCK) is None
    free = PriceSettings(input_usd=0, output_usd=0)
    price = price_of("vllm", OpenAiSettings(base_url=address, model="gpt-4o", price=free), CLOCK)
    assert price is not None
    assert price.is_free


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("gemini", GeminiSettings(model="tunedModels/mine")),
        ("gemini", GeminiSettings()),
        ("bedrock", BedrockSettings(model="arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/x1")),
        ("vllm", OpenAiSettings(base_url=OPENAI, model="whisper-1")),  # sold by the hour
    ],
)
def test_what_nobody_knows_has_no_price(kind: str, settings: Candidate) -> None:
    assert price_of(kind, settings, CLOCK) is None
