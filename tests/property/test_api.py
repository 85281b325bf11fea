"""The HTTP API against its own description: no request makes it fail, every answer has a described form."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import one_of
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bdp.app import App
from bdp.settings import load
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings
from bdp.web.api import create_api

TOKEN = "the-token"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES, MORE = 10, 50
schemathesis.serializer.alias("application/x-protobuf", "application/octet-stream")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    """The description of a product that is open and empty."""
    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}", query_rows=1000, query_seconds=2))
    with App(load(tmp_path_factory.mktemp("api") / "home"), store=store) as app:
        yield schemathesis.openapi.from_asgi("/openapi.json", create_api(app, TOKEN))


@pytest.mark.parametrize(
    "examples", [EXAMPLES, pytest.param(MORE, marks=[pytest.mark.long, pytest.mark.timeout(1200)])]
)
def test_any_request_gets_a_described_answer(described: BaseSchema, examples: int) -> None:
    labels = [
        check_operation(found.ok(), examples) for found in described.get_all_operations() if isinstance(found, Ok)
    ]
    assert {"POST /v1/events", "POST /v1/costs", "POST /metrics/ingest", "POST /v1/query"} <= set(labels)


def check_operation(operation: APIOperation[Any, Any, Any, Any], examples: int) -> str:
    """Send requests, fitting and unfitting ones, to one operation; return its name."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=one_of([operation.as_strategy(mode) for mode in GenerationMode]))
    def send(case: Case[Any]) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {TOKEN}"})
        case.validate_response(answer, checks=CHECKS)

    send()
    return operation.label
