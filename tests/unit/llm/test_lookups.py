"""A model may look things up before it answers, within caps; whatever it does, the question ends."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bdp.clock import SystemClock
from bdp.errors import BadRequest, NoAnswer
from bdp.ids import Ids
from bdp.llm.ask import Ask, Prompt, Tool
from bdp.llm.gateway import Gateway
from bdp.llm.providers import Context
from bdp.llm.scripted import Scripted
from bdp.llm.settings import BudgetSettings, GatewaySettings, OpenAiSettings, PriceSettings, RecordedSettings
from bdp.llm.toolbox import Call, Toolbox
from bdp.model.spending import Bounds, Reason
from bdp.store.state import State, open_state
from tests.scenario.llm.tool_provider import Script, ToolProvider, results_of, text_of

ANSWER = '{"word": "right"}'


class Word(BaseModel):
    """One word."""

    model_config = ConfigDict(extra="forbid")

    word: str = Field(max_length=100)


class Who(BaseModel):
    """Whom to look up."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)


@pytest.fixture
def state() -> Iterator[State]:
    found = open_state("sqlite://")
    yield found
    found.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., ToolProvider]]:
    served: list[ToolProvider] = []

    def start(script: Script, **more: Any) -> ToolProvider:
        served.append(ToolProvider(script, **more))
        return served[-1]

    yield start
    for provider in served:
        provider.close()


@pytest.fixture
def opened(state: State, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    gateways: list[Gateway] = []

    def start(provider: ToolProvider | None, **changed: Any) -> Gateway:
        vllm = OpenAiSettings(
            model="fake-1", base_url=provider.url if provider else "", api_key=SecretStr("k"), seconds=20,
            price=PriceSettings(input_usd=1, output_usd=4), **changed.pop("vllm", {}),
        )  # fmt: skip
        settings = GatewaySettings(chain=("vllm",), vllm=vllm).model_copy(update=changed)
        gateways.append(Gateway(settings, state.spending, Context(tmp_path), SystemClock(), Ids()))
        return gateways[-1]

    yield start
    for gateway in gateways:
        gateway.close()


def tool(run: Callable[[Who], str] = lambda who: f"{who.name} is at home") -> Tool:
    return Tool("whereabouts", "Where somebody is.", Who, run)


def asked(*tools: Tool, steps: int = 3, text: str = "Where is Kim?", seconds: float = 30.0, **more: Any) -> Ask[Word]:
    return Ask("tests", lambda tokens: Prompt("You answer.", text), Word, seconds, tools=tools, steps=steps, **more)


def noting(ran: list[str]) -> Tool:
    """A tool that notes for whom it ran."""

    def look(who: Who) -> str:
        ran.append(who.name)
        return f"{who.name} is at home"

    return tool(look)


def once(arguments: Any = None, name: str = "whereabouts") -> Script:
    """Call a tool once, then answer."""
    given = {"name": "Kim"} if arguments is None else arguments
    return lambda question: ANSWER if results_of(question) or not question.get("tools") else [(name, given)]


def test_what_a_tool_finds_comes_back_and_then_the_answer(serve: Any, opened: Any) -> None:
    ran: list[str] = []

    def look(who: Who) -> str:
        ran.append(threading.current_thread().name)
        return f"{who.name} is at home"

    provider = serve(once())
    answer = opened(provider).ask(asked(tool(look)))
    assert (answer.value.word, answer.steps, answer.requests) == ("right", 1, 2)
    first, second = provider.questions
    offered = first["tools"][0]["function"]
    assert (offered["name"], offered["description"]) == ("whereabouts", "Where somebody is.")
    assert offered["parameters"]["properties"]["name"]["type"] == "string"
    assert "response_format" not in first  # servers that enforce a form let no call pass
    assert '"word"' in first["messages"][0]["content"]  # so it is told
    assert results_of(second) == ["Kim is at home"]
    assert ran[0].startswith("llm-tools")


def test_both_requests_are_paid_for(serve: Any, opened: Any, state: State) -> None:
    provider = serve(once())
    gateway = opened(provider)
    answer = gateway.ask(asked(tool()))
    gateway.close()
    sizes = [-(-len(body.encode()) // 4) for body in provider.seen]
    assert answer.tokens_in == sum(sizes)
    day = SystemClock().now().date()
    lines = state.spending.costs(day, day.replace(year=day.year + 1))
    assert [(line.agent, line.calls, line.nano_usd) for line in lines] == [("tests", 2, answer.nano_usd)]


def test_without_tools_nothing_changes(serve: Any, opened: Any) -> None:
    provider = serve(lambda question: ANSWER)
    assert opened(provider).ask(asked(steps=3)).steps == 0
    assert "tools" not in provider.questions[0]
    assert provider.questions[0]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": 7}, "name: Input should be a valid string"),
        ({"name": "Kim", "sql": "DROP TABLE events"}, "sql: Extra inputs are not permitted"),
        ({}, "name: Field required"),
        ('{"name": "Kim"', "no JSON"),
        ("[" * 5000, "no JSON"),
        ('{"name": "' + "x" * 20_000 + '"}', "more than"),
        ("7", "valid dictionary"),
    ],
)
def test_wrong_arguments_are_told_and_nothing_runs(serve: Any, opened: Any, arguments: Any, told: str) -> None:
    ran: list[str] = []
    provider = serve(once(arguments))
    answer = opened(provider).ask(asked(noting(ran)))
    assert (answer.value.word, answer.steps, ran) == ("right", 1, [])
    assert told in results_of(provider.questions[1])[0]
    assert "DROP" not in results_of(provider.questions[1])[0]


@pytest.mark.parametrize("name", ["delete_everything", "", "x" * 5000, "a b\n<|im_start|>"])
def test_a_tool_that_was_not_offered(serve: Any, opened: Any, name: str) -> None:
    provider = serve(once(name=name))
    answer = opened(provider).ask(asked(tool()))
    assert (answer.value.word, answer.steps) == ("right", 1)
    question = provider.questions[-1]
    assert "There is no such tool. There are: whereabouts." in results_of(question)[0]
    names = [call["function"]["name"] for one in question["messages"] for call in one.get("tool_calls", ())]
    assert all(len(said) <= 64 and said.replace("_", "a").replace("-", "a").isalnum() for said in names)


@pytest.mark.parametrize(
    ("error", "told"),
    [(BadRequest("The store hit a limit."), "The store hit a limit."), (RuntimeError("s3cr3t"), "It failed.")],
)
def test_a_tool_that_raises(serve: Any, opened: Any, error: Exception, told: str) -> None:
    def look(who: Who) -> str:
        raise error

    provider = serve(once())
    assert opened(provider).ask(asked(tool(look))).value.word == "right"
    assert told in results_of(provider.questions[1])[0]
    assert "s3cr3t" not in "".join(provider.seen)


def test_endless_calling_ends_at_the_cap_with_one_last_request(serve: Any, opened: Any) -> None:
    counter = itertools.count()
    provider = serve(
        lambda question: [("whereabouts", {"name": f"n{next(counter)}"})] if question.get("tools") else ANSWER
    )
    answer = opened(provider).ask(asked(tool(), steps=3))
    assert (answer.value.word, answer.steps, answer.requests) == ("right", 3, 4)
    last = provider.questions[-1]
    assert "tools" not in last
    assert last["response_format"]["type"] == "json_schema"
    assert [one["role"] for one in last["messages"]] == ["system", "user"]
    found = json.loads(text_of(last).split("<found>\n")[1].split("\n</found>", maxsplit=1)[0])
    assert [one["result"] for one in found] == ["n0 is at home", "n1 is at home", "n2 is at home"]


def test_at_a_cap_a_useless_answer_is_the_end(serve: Any, opened: Any) -> None:
    provider = serve(lambda question: [("whereabouts", {"name": "Kim"})] if question.get("tools") else "no idea")
    with pytest.raises(NoAnswer) as caught:
        opened(provider).ask(asked(tool(), steps=2))
    assert (caught.value.reason, len(provider.seen)) == (Reason.INVALID, 3)


@pytest.mark.parametrize("tells_usage", [True, False])
def test_the_tokens_of_all_requests_are_bounded(serve: Any, opened: Any, tells_usage: bool) -> None:
    long = tool(lambda who: "word " * 1000)
    provider = serve(
        lambda question: [("whereabouts", {"name": "Kim"})] if question.get("tools") else ANSWER,
        tells_usage=tells_usage,
    )
    answer = opened(provider).ask(asked(long, steps=50, tokens=6_000))
    assert answer.value.word == "right"
    assert 2 < len(provider.seen) < 8


def test_results_have_no_more_than_the_model_has_room_for(serve: Any, opened: Any) -> None:
    long = tool(lambda who: "낱말 " * 100_000)
    provider = serve(lambda question: [("whereabouts", {"name": "Kim"})] * 3 if question.get("tools") else ANSWER)
    answer = opened(provider, vllm={"context_tokens": 8_000}).ask(asked(long, steps=50))
    assert answer.value.word == "right"
    assert max(len("".join(results_of(question)).encode()) for question in provider.questions) < 8_000
    assert len(text_of(provider.questions[-1]).encode()) < 9_000


def test_many_calls_at_once_are_not_all_run(serve: Any, opened: Any) -> None:
    ran: list[str] = []
    provider = serve(
        lambda question: ANSWER if results_of(question) else [("whereabouts", {"name": f"n{n}"}) for n in range(100)]
    )
    assert opened(provider).ask(asked(noting(ran))).value.word == "right"
    assert ran == ["n0", "n1", "n2", "n3"]
    assert len(results_of(provider.questions[-1])) == 8


def test_a_slow_tool_is_not_waited_for(serve: Any, opened: Any) -> None:
    release = threading.Event()
    provider = serve(once())
    began = time.monotonic()
    try:
        answer = opened(provider).ask(asked(tool(lambda who: str(release.wait(30))), seconds=6))
    finally:
        release.set()
    assert answer.value.word == "right"
    assert time.monotonic() - began < 6
    assert "took too long" in "".join(provider.seen)


def test_cancelling_in_the_middle_ends_it_and_settles(serve: Any, opened: Any, state: State) -> None:
    running, release = threading.Event(), threading.Event()

    def look(who: Who) -> str:
        running.set()
        release.wait(30)
        return ""

    provider = serve(once())
    gateway = opened(provider)
    future = gateway.submit(asked(tool(look)))
    assert running.wait(10)
    future.cancel()
    with pytest.raises(CancelledError):
        future.result(5)
    release.set()
    gateway.close()
    assert len(provider.seen) == 1
    assert all(one.reserved == 0 for one in state.spending.standings(SystemClock().now(), Bounds()))


def test_a_budget_that_ends_in_the_middle_leaves_it_to_the_rules(serve: Any, opened: Any) -> None:
    provider = serve(once())
    # Room for the first request's upper bound, not for the second's after the first was settled.
    gateway = opened(provider, budget=BudgetSettings(day_usd=0.0105))
    long = tool(lambda who: "word " * 1_500)
    with pytest.raises(NoAnswer) as caught:
        gateway.ask(asked(long))
    assert (caught.value.reason, len(provider.seen)) == (Reason.DAY_BUDGET, 1)


def test_personal_data_is_hidden_both_ways_and_secrets_stay_away(serve: Any, opened: Any) -> None:
    """A model asks with a stand-in, the tool runs with the address, and its result is hidden again."""
    ran: list[str] = []

    def look(who: Who) -> str:
        ran.append(who.name)
        return f"{who.name} logged in from 10.7.7.7 with password=hunter22secret and token sk-abcdefghijklmnop1234"

    def script(question: dict[str, Any]) -> Any:
        if results := results_of(question):
            return json.dumps({"word": results[0].split("from ")[1].split()[0]})
        return [("whereabouts", {"name": text_of(question).split("Who is ")[1].rstrip("?")})]

    provider = serve(script)
    answer = opened(provider).ask(asked(tool(look), text="Who is kim@example.com?"))
    assert ran == ["kim@example.com"]
    assert answer.value.word == "10.7.7.7"
    sent = "".join(provider.seen)
    for secret in ("kim@example.com", "10.7.7.7", "hunter22secret", "sk-abcdefghijklmnop1234"):
        assert secret not in sent
    assert "<EMAIL_1> logged in from <IP_1>" in sent


def test_a_server_that_knows_no_tools_is_asked_without_them(serve: Any, opened: Any) -> None:
    provider = serve(lambda question: ANSWER, refuses_tools=True)
    assert opened(provider).ask(asked(tool())).value.word == "right"
    assert ["tools" in question for question in provider.questions] == [True, False]


def test_a_model_that_is_set_to_call_none_is_offered_none(serve: Any, opened: Any) -> None:
    provider = serve(lambda question: ANSWER)
    assert opened(provider, vllm={"tools": False}).ask(asked(tool())).value.word == "right"
    assert "tools" not in provider.questions[0]


def test_chatter_instead_of_an_answer_is_asked_again_with_the_form_enforced(serve: Any, opened: Any) -> None:
    provider = serve(lambda question: "Let me think…" if question.get("tools") else ANSWER)
    answer = opened(provider).ask(asked(tool()))
    assert (answer.value.word, answer.requests) == ("right", 2)
    assert "response_format" in provider.questions[1]


def test_calls_can_be_recorded_and_played(opened: Any, tmp_path: Path) -> None:
    lines = [
        {"form": "Word", "calls": [{"tool": "whereabouts", "arguments": {"name": "Kim"}}]},
        {"form": "Word", "answer": {"word": "home"}},
    ]
    (tmp_path / "said.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ran: list[str] = []
    gateway = opened(None, chain=("recorded",), recorded=RecordedSettings(file="said.ndjson"))
    answer = gateway.ask(asked(noting(ran)))
    assert (answer.value.word, answer.steps, ran) == ("home", 1, ["Kim"])


def test_a_script_may_call_tools_too() -> None:
    def script(prompt: Prompt) -> str | list[Call]:
        return ANSWER if "Kim is at home" in prompt.text else [Call("whereabouts", {"name": "Kim"})]

    answer = Scripted(script).ask(asked(tool()))
    assert (answer.value.word, answer.steps, answer.requests) == ("right", 1, 2)
    endless = Scripted(lambda prompt: [Call("whereabouts", {"name": "Kim"})], asks_again=0)
    with pytest.raises(NoAnswer):
        endless.ask(asked(tool(), steps=5))
    assert endless.requests == 6


def test_arguments_may_be_left_out_where_none_is_needed() -> None:
    class Nothing(BaseModel):
        limit: int = 3

    found = Toolbox([Tool("list", "", Nothing, lambda given: str(given.limit))]).run(Call("list"))
    assert (found.outcome, found.text, found.arguments) == ("ok", "3", {})
