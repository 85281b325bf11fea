"""What a request to a model was like: for `/metrics`, and as OpenTelemetry spans and metrics of generative AI.

Attribute and metric names: OpenTelemetry semantic conventions for generative AI, version 1.37 (`gen_ai.*`). Prompts and
answers are never in them. Without an OpenTelemetry SDK in the process, spans and its metrics cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import metrics, trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from bdp.llm.settings import Candidate
from bdp.model.spending import NANO, Bill
from bdp.telemetry import LLM_COST, LLM_REQUESTS, LLM_SECONDS, LLM_TOKENS

_SCOPE: Final = "bdp.llm"


class Observer:
    """Tells of the requests to one model.

    Args:
        system: `gen_ai.provider.name`.
    """

    def __init__(self, provider: str, system: str, model: str, candidate: Candidate) -> None:
        self._labels = {"provider": provider, "model": model}
        self._attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": system,
            "gen_ai.request.model": model,
        }
        self._asked: dict[str, str | int | float] = {
            "gen_ai.request.max_tokens": candidate.max_tokens,
            "gen_ai.request.temperature": candidate.temperature,
            "gen_ai.request.top_p": candidate.top_p,
        }
        meter = metrics.get_meter(_SCOPE)
        self._tracer = trace.get_tracer(_SCOPE)
        self._name = f"chat {model}"
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}", "Tokens of prompts and answers")
        self._seconds = meter.create_histogram("gen_ai.client.operation.duration", "s", "Time of requests to models")

    @contextmanager
    def span(self, agent: str) -> Iterator[Span]:
        """Give a span around one request."""
        attributes = {**self._attributes, **self._asked, "gen_ai.agent.name": agent}
        with self._tracer.start_as_current_span(
            self._name,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def told(self, span: Span, agent: str, bill: Bill, finish: str = "", response_model: str = "") -> None:
        """Tell how a request ended."""
        labels = {"agent": agent, **self._labels}
        LLM_REQUESTS.labels(outcome=bill.outcome, **labels).inc()
        LLM_SECONDS.labels(**labels).observe(bill.seconds)
        LLM_COST.labels(**labels).inc(bill.nano_usd / NANO)
        tokens = {"input": bill.tokens_in, "output": bill.tokens_out, "cached": bill.tokens_cached}
        for kind, count in tokens.items():
            LLM_TOKENS.labels(kind=kind, **labels).inc(count)
        error = {} if bill.outcome == "ok" else {"error.type": bill.outcome}
        self._seconds.record(bill.seconds, self._attributes | error)
        for kind in ("input", "output"):
            if tokens[kind]:
                self._tokens.record(tokens[kind], self._attributes | {"gen_ai.token.type": kind})
        if span.is_recording():
            _describe(span, bill, finish, response_model)


def _describe(span: Span, bill: Bill, finish: str, response_model: str) -> None:
    span.set_attribute("gen_ai.usage.input_tokens", bill.tokens_in)
    span.set_attribute("gen_ai.usage.output_tokens", bill.tokens_out)
    span.set_attribute("gen_ai.usage.cache_read.input_tokens", bill.tokens_cached)
    span.set_attribute("bdp.cost.usd", bill.nano_usd / NANO)
    if finish:
        span.set_attribute("gen_ai.response.finish_reasons", [finish])
    if response_model:
        span.set_attribute("gen_ai.response.model", response_model)
    if bill.outcome != "ok":
        span.set_attribute("error.type", bill.outcome)
        span.set_status(StatusCode.ERROR, bill.outcome)
