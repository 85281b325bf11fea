from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bdp.clock import SystemClock
from bdp.errors import NoAnswer
from bdp.ids import Ids
from bdp.llm.ask import Ask, Prompt
from bdp.llm.gateway import Gateway, NoModel, open_gateway
from bdp.llm.providers import Context
from bdp.llm.settings import (
    AwaySettings,
    BudgetSettings,
    GatewaySettings,
    GeminiSettings,
    OpenAiSettings,
    PriceSettings,
    RetrySettings,
)
from bdp.model.spending import Bounds, Demand, Grant, Reason, Standing
from bdp.store.state import State, open_state
from bdp.telemetry import REGISTRY
from tests.scenario.llm.fake_provider import FakeProvider

Serve = Callable[..., FakeProvider]


class Word(BaseModel):
    """One word."""

    model_config = ConfigDict(extra="forbid")

    word: str = Field(max_length=100)


@pytest.fixture
def state() -> Iterator[State]:
    found = open_state("sqlite://")
    yield found
    found.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    served: list[FakeProvider] = []

    def start(*manners: str, answer: Callable[[str], str] = lambda text: '{"word": "yes"}') -> FakeProvider:
        served.append(FakeProvider(7, SystemClock(), answer, dict.fromkeys(manners, 1.0)))
        return served[-1]

    yield start
    for provider in served:
        provider.close()


@pytest.fixture
def opened(state: State, tmp_path: Path) -> Iterator[Callable[[GatewaySettings], Gateway]]:
    gateways: list[Gateway] = []

    def start(settings: GatewaySettings) -> Gateway:
        gateways.append(Gateway(settings, state.spending, Context(tmp_path), SystemClock(), Ids()))
        return gateways[-1]

    yield start
    for gateway in gateways:
        gateway.close()


def chain(provider: FakeProvider, **changed: object) -> GatewaySettings:
    vllm = OpenAiSettings(
        model="fake-1",
        base_url=provider.url,
        api_key=SecretStr("k"),
        seconds=20,
        price=PriceSettings(input_usd=1, output_usd=4),
    )
    retry = RetrySettings(first_seconds=0.01, longest_seconds=0.05)
    return GatewaySettings(chain=("vllm",), vllm=vllm, retry=retry).model_copy(update=changed)


def asked(text: str = "Say yes.", seconds: float = 30.0, **more: object) -> Ask[Word]:
    return Ask("test", lambda tokens: Prompt("You answer.", text), Word, seconds, **more)  # type: ignore[arg-type]


def reason_of(gateway: Gateway | NoModel, ask: Ask[Word]) -> str:
    with pytest.raises(NoAnswer) as caught:
        gateway.ask(ask)
    return caught.value.reason


def ending_of(gateway: Gateway, ask: Ask[Word]) -> str:
    try:
        gateway.ask(ask)
    except NoAnswer as error:
        return error.reason
    return "ok"


def day_of(state: State) -> Standing:
    """The day's budget, once all is settled."""
    deadline = time.monotonic() + 10
    while True:
        day = state.spending.standings(SystemClock().now(), Bounds())[1]
        if not day.reserved or time.monotonic() > deadline:
            return day
        time.sleep(0.01)


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_an_answer_says_what_it_took(serve: Serve, opened: Callable[..., Gateway], state: State) -> None:
    provider = serve("well")
    answer = opened(chain(provider)).ask(asked())
    assert answer.value == Word(word="yes")
    assert (answer.model, answer.provider, answer.requests) == ("fake-1", "vllm", 1)
    assert answer.nano_usd == provider.billed > 0
    day = day_of(state)
    assert (day.spent, day.reserved) == (provider.billed, 0)


@pytest.mark.parametrize("manner", ["garbles", "wrong_form", "empty", "cut_off", "long", "obeys", "deep"])
def test_a_useless_answer_is_asked_again_twice_and_paid_for(
    manner: str, serve: Serve, opened: Callable[..., Gateway], state: State
) -> None:
    provider = serve(manner)
    labels = {"agent": "test", "provider": "vllm", "model": "fake-1"}
    before = sample("bdp_llm_refused_answers_total", **labels)
    assert reason_of(opened(chain(provider)), asked()) == Reason.INVALID
    assert sample("bdp_llm_refused_answers_total", **labels) == before + 3
    assert len(provider.arrivals) == 3
    assert "refused" in provider.seen[1]
    day = day_of(state)
    assert day.spent >= provider.billed > 0


@pytest.mark.parametrize("manner", ["throttles", "fails"])
def test_throttling_and_failures_are_tried_three_times(
    manner: str, serve: Serve, opened: Callable[..., Gateway], state: State
) -> None:
    provider = serve(manner)
    assert reason_of(opened(chain(provider)), asked()) in {Reason.THROTTLED, Reason.AWAY}
    assert len(provider.arrivals) == 3
    assert day_of(state).spent == 0


def test_a_refused_request_is_not_tried_again(serve: Serve, opened: Callable[..., Gateway]) -> None:
    provider = serve("refuses")
    assert reason_of(opened(chain(provider)), asked()) == Reason.REJECTED
    assert len(provider.arrivals) == 1


def test_a_check_of_the_caller_counts_as_a_wrong_form(serve: Serve, opened: Callable[..., Gateway]) -> None:
    provider = serve("well", answer=lambda text: json.dumps({"word": "good" if "refused: no yes" in text else "yes"}))
    answer = opened(chain(provider)).ask(asked(check=lambda word: "no yes, please." if word.word == "yes" else None))
    assert answer.value.word == "good"
    assert answer.requests == 2


def test_the_next_model_of_the_chain_answers(serve: Serve, opened: Callable[..., Gateway]) -> None:
    away, well = serve("fails"), serve("well")
    local = OpenAiSettings(model="second", base_url=well.url)
    settings = chain(away).model_copy(update={"chain": ("gemini", "vllm")})
    # Gemini is set up without a key: it is passed over, and the rest of the chain is asked.
    settings = settings.model_copy(update={"gemini": GeminiSettings(model="gemini-2.5-flash"), "vllm": local})
    answer = opened(settings).ask(asked())
    assert (answer.provider, answer.model) == ("vllm", "second")


def test_the_breaker_spares_a_model_that_is_away(serve: Serve, opened: Callable[..., Gateway]) -> None:
    provider = serve("fails")
    breaker = AwaySettings(failures=3, probe_seconds=60, longest_probe_seconds=60)
    gateway = opened(chain(provider, breaker=breaker))
    reason_of(gateway, asked())
    assert reason_of(gateway, asked()) == Reason.BREAKER
    assert len(provider.arrivals) == 3
    assert sample("bdp_llm_provider_away", provider="vllm") == 1


def test_a_probe_whose_first_answer_is_of_no_use_may_ask_again(serve: Serve, opened: Callable[..., Gateway]) -> None:
    answers = iter(["no JSON", *['{"word": "yes"}'] * 9])
    provider = serve("fails", answer=lambda text: next(answers))
    breaker = AwaySettings(failures=3, probe_seconds=0.2, longest_probe_seconds=60)
    gateway = opened(chain(provider, breaker=breaker))
    assert ending_of(gateway, asked()) == Reason.AWAY
    provider.manners = {"well": 1.0}
    answers = iter(["no JSON", *['{"word": "yes"}'] * 9])
    assert ending_of(gateway, asked()) == Reason.BREAKER
    time.sleep(0.25)
    assert [ending_of(gateway, asked()) for _ in range(3)] == ["ok"] * 3


@pytest.mark.parametrize("manner", ["refuses", "stalls"])
def test_a_probe_that_shows_nothing_leaves_the_next_question_free_to_try(
    serve: Serve, opened: Callable[..., Gateway], manner: str
) -> None:
    provider = serve("fails")
    breaker = AwaySettings(failures=3, probe_seconds=0.2, longest_probe_seconds=60)
    gateway = opened(chain(provider, breaker=breaker))
    assert ending_of(gateway, asked()) == Reason.AWAY
    time.sleep(0.25)
    provider.manners = {manner: 1.0}
    probe = gateway.submit(asked())
    while provider.arrivals[-1].manner != manner:
        time.sleep(0.01)
    probe.cancel()  # it may have ended by itself
    provider.manners = {"well": 1.0}
    deadline = time.monotonic() + 5
    while (ending := ending_of(gateway, asked())) == Reason.BREAKER and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ending == "ok"


def test_no_request_is_sent_that_would_only_be_cut_off(
    serve: Serve, opened: Callable[..., Gateway], state: State
) -> None:
    provider = serve("well")
    reserve = state.spending.reserve
    waits = iter([1.9])

    def late(demand: Demand, bounds: Bounds) -> Grant:
        wait = next(waits, 0)
        return Grant(reason=Reason.RATE, wait_seconds=wait) if wait else reserve(demand, bounds)

    state.spending.reserve = late  # type: ignore[method-assign]
    assert reason_of(opened(chain(provider)), asked(seconds=2)) == Reason.RATE
    assert provider.arrivals == []


def test_half_a_character_in_an_answer_stops_nothing(
    serve: Serve, opened: Callable[..., Gateway], state: State
) -> None:
    provider = serve("half_a_character")
    assert opened(chain(provider)).ask(asked()).value.word == "yes"
    day = day_of(state)
    assert day.reserved == 0
    assert provider.billed <= day.spent


def test_the_log_tells_nothing_of_what_was_answered(serve: Serve, opened: Callable[..., Gateway]) -> None:
    provider = serve("echoes")
    gateway = opened(chain(provider, breaker=AwaySettings(failures=1, probe_seconds=60, longest_probe_seconds=60)))
    with structlog.testing.capture_logs() as logs:
        reason_of(gateway, asked("weather"))
    assert "llm.away" in {log["event"] for log in logs}
    assert "weather" not in str(logs)


def test_the_log_says_when_a_model_is_away_and_why(serve: Serve, opened: Callable[..., Gateway]) -> None:
    gateway = opened(chain(serve("fails"), breaker=AwaySettings(failures=3, probe_seconds=0.01)))
    with structlog.testing.capture_logs() as entries:
        reason_of(gateway, asked())
    (away,) = [entry for entry in entries if entry["event"] == "llm.away"]
    assert (away["log_level"], away["provider"], away["reason"]) == ("warning", "vllm", Reason.AWAY)


def test_a_stalled_model_ends_by_the_deadline_and_counts_as_dear_as_can_be(
    serve: Serve, opened: Callable[..., Gateway], state: State
) -> None:
    provider = serve("stalls")
    begun = time.monotonic()
    assert reason_of(opened(chain(provider)), asked(seconds=0.5)) == Reason.TIMEOUT
    assert time.monotonic() - begun < 2
    day = day_of(state)
    assert day.spent >= provider.billed > 0


def test_a_model_that_stalls_again_and_again_is_left_alone(serve: Serve, opened: Callable[..., Gateway]) -> None:
    provider = serve("stalls")
    breaker = AwaySettings(failures=2, probe_seconds=60, longest_probe_seconds=60)
    gateway = opened(chain(provider, breaker=breaker))
    endings = [reason_of(gateway, asked(seconds=0.3)) for _ in range(3)]
    assert endings == [Reason.TIMEOUT, Reason.TIMEOUT, Reason.BREAKER]
    assert len(provider.arrivals) == 2


def test_a_budget_that_is_spent_ends_in_the_rules_answer(serve: Serve, opened: Callable[..., Gateway]) -> None:
    provider = serve("well")
    gateway = opened(chain(provider, budget=BudgetSettings(day_usd=0)))
    assert reason_of(gateway, asked()) == Reason.DAY_BUDGET
    assert not provider.arrivals


def test_an_incidents_budget_is_its_own(serve: Serve, opened: Callable[..., Gateway]) -> None:
    provider = serve("well")
    gateway = opened(chain(provider, budget=BudgetSettings(incident_usd=0.007)))
    assert gateway.ask(asked(incident_id="inc_1")).value.word == "yes"
    endings = [ending_of(gateway, asked(incident_id="inc_1")) for _ in range(100)]
    assert endings.index(Reason.INCIDENT_BUDGET) > 0
    assert set(endings) == {"ok", Reason.INCIDENT_BUDGET}
    assert gateway.ask(asked(incident_id="inc_2")).value.word == "yes"


def test_a_cancelled_question_ends_its_request(serve: Serve, opened: Callable[..., Gateway], state: State) -> None:
    provider = serve("stalls")
    future = opened(chain(provider)).submit(asked(seconds=60))
    while not provider.arrivals:
        time.sleep(0.01)
    future.cancel()
    with pytest.raises(CancelledError):
        future.result()
    assert day_of(state).reserved == 0


def test_closing_ends_every_question(serve: Serve, opened: Callable[..., Gateway], state: State) -> None:
    provider = serve("stalls")
    gateway = opened(chain(provider))
    told: list[str] = []
    asker = threading.Thread(target=lambda: told.append(reason_of(gateway, asked(seconds=60))))
    asker.start()
    while not provider.arrivals:
        time.sleep(0.01)
    gateway.close()
    asker.join(5)
    assert told == [Reason.CANCELLED]
    assert state.spending.standings(SystemClock().now(), Bounds())[1].reserved == 0
    assert reason_of(gateway, asked()) == Reason.CANCELLED


def test_closing_gives_back_what_is_just_being_reserved(serve: Serve, state: State, tmp_path: Path) -> None:
    provider = serve("well")
    entered, goes_on = threading.Event(), threading.Event()
    reserve = state.spending.reserve

    def slowly(demand: Demand, bounds: Bounds) -> Grant:
        grant = reserve(demand, bounds)
        entered.set()
        assert goes_on.wait(10)
        return grant

    state.spending.reserve = slowly  # type: ignore[method-assign]
    gateway = Gateway(chain(provider), state.spending, Context(tmp_path), SystemClock(), Ids())
    question = gateway.submit(asked())
    assert entered.wait(10)
    closing = threading.Thread(target=gateway.close)
    closing.start()
    with pytest.raises(CancelledError):
        question.result(10)
    goes_on.set()
    closing.join(10)
    assert provider.arrivals == []
    assert state.spending.standings(SystemClock().now(), Bounds())[1].reserved == 0


def test_a_place_within_the_rates_that_came_late_is_not_used(
    serve: Serve, opened: Callable[..., Gateway], state: State
) -> None:
    provider = serve("well")
    reserve = state.spending.reserve
    taken: list[float] = []

    def slowly(demand: Demand, bounds: Bounds) -> Grant:
        grant = reserve(demand, bounds)
        taken.append(time.monotonic())
        if len(taken) == 1:
            time.sleep(1.5)
        return grant

    state.spending.reserve = slowly  # type: ignore[method-assign]
    answer = opened(chain(provider)).ask(asked())
    assert (answer.requests, len(provider.arrivals), len(taken)) == (1, 1, 2)
    assert provider.arrivals[0].at - taken[1] < 1.0
    assert day_of(state).spent == answer.nano_usd


def test_a_prompt_is_made_for_the_models_context(serve: Serve, opened: Callable[..., Gateway]) -> None:
    provider = serve("well")
    vllm = OpenAiSettings(model="m", base_url=provider.url, context_tokens=8192, max_tokens=1000)
    given: list[int] = []

    def prompt(tokens: int) -> Prompt:
        given.append(tokens)
        return Prompt("You answer.", "Say yes.")

    opened(chain(provider, vllm=vllm)).ask(Ask("test", prompt, Word, 30))
    assert given == [7192]


def test_a_question_that_does_not_fit_is_left_to_the_rules(serve: Serve, opened: Callable[..., Gateway]) -> None:
    def prompt(tokens: int) -> Prompt:
        raise NoAnswer("It does not fit.", reason=Reason.REJECTED)

    provider = serve("well")
    assert reason_of(opened(chain(provider)), Ask("test", prompt, Word, 30)) == Reason.REJECTED
    assert not provider.arrivals


def test_a_model_that_nobody_knows_the_price_of_is_not_asked(opened: Callable[..., Gateway]) -> None:
    gemini = GeminiSettings(model="nobody-knows-1", api_key=SecretStr("k"), base_url="http://127.0.0.1:9")
    assert reason_of(opened(GatewaySettings(chain=("gemini",), gemini=gemini)), asked()) == Reason.NO_PRICE


@pytest.mark.parametrize("settings", [GatewaySettings(), GatewaySettings(enabled=False, chain=("vllm",))])
def test_without_a_model_the_rules_decide(settings: GatewaySettings, state: State, tmp_path: Path) -> None:
    gateway = open_gateway(settings, state.spending, tmp_path, SystemClock(), Ids())
    assert isinstance(gateway, NoModel)
    assert reason_of(gateway, asked()) == Reason.NO_MODEL


def test_what_leaves_is_pseudonymised_and_the_answer_is_not(serve: Serve, opened: Callable[..., Gateway]) -> None:
    provider = serve("well", answer=lambda text: json.dumps({"word": "user <EMAIL_1>, key <SECRET_1>"}))
    answer = opened(chain(provider)).ask(asked("kim@example.com used password=hunter22 from 10.1.2.3"))
    assert not any(one in provider.seen[0] for one in ("kim@example.com", "hunter22", "10.1.2.3"))
    assert answer.value.word == "user kim@example.com, key <SECRET_1>"


@pytest.mark.parametrize("wanted", [False, True])
def test_prompts_are_logged_only_if_asked_for_and_pseudonymised(
    wanted: bool, serve: Serve, opened: Callable[..., Gateway]
) -> None:
    provider = serve("well", answer=lambda text: json.dumps({"word": "ask ops@example.com"}))
    gateway = opened(chain(provider, log_prompts=wanted))
    with structlog.testing.capture_logs() as entries:
        gateway.ask(asked("mail of kim@example.com, token=abc123def"))
    told = json.dumps([entry for entry in entries if entry["event"] in {"llm.prompt", "llm.answer"}])
    assert ("llm.prompt" in told) is wanted
    assert ("llm.answer" in told) is wanted
    assert not any(one in told for one in ("kim@example.com", "abc123def", "ops@example.com"))


def test_metrics_tell_tokens_money_and_who_answered(serve: Serve, opened: Callable[..., Gateway]) -> None:
    labels = {"agent": "metrics", "provider": "vllm", "model": "fake-1"}
    well, away = serve("well"), serve("refuses")
    ask = Ask("metrics", lambda tokens: Prompt("You answer.", "Say yes."), Word, 30)
    answer = opened(chain(well)).ask(ask)
    with pytest.raises(NoAnswer):
        opened(chain(away)).ask(ask)
    assert sample("bdp_llm_requests_total", outcome="ok", **labels) == 1
    assert sample("bdp_llm_requests_total", outcome="rejected", **labels) == 1
    assert sample("bdp_llm_tokens_total", kind="input", **labels) == answer.tokens_in > 0
    assert sample("bdp_llm_cost_usd_total", **labels) == pytest.approx(answer.nano_usd / 1e9)
    assert sample("bdp_llm_request_seconds_count", **labels) == 2
    assert sample("bdp_llm_answers_total", agent="metrics", source="ai", reason="") == 1
    assert sample("bdp_llm_answers_total", agent="metrics", source="rules", reason="rejected") == 1


def test_spans_carry_the_conventions_attributes_and_no_text(serve: Serve, opened: Callable[..., Gateway]) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    opened(chain(serve("well"))).ask(asked("the text of the prompt"))
    span = spans.get_finished_spans()[-1]
    attributes = dict(span.attributes or {})
    assert span.name == "chat fake-1"
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.request.model"] == "fake-1"
    assert attributes["gen_ai.agent.name"] == "test"
    assert attributes["gen_ai.usage.input_tokens"]
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert "the text of the prompt" not in span.to_json()
