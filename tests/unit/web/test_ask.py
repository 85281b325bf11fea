"""Questions over HTTP."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.explain.agents.reply import Reply
from bdp.model.analysis import Check

ROW = {"ts": "2026-05-01T12:00:00Z", "service": "pay", "level": "ERROR", "error_code": "E1", "message": "timed out"}


@pytest.fixture(autouse=True)
def _trouble(app: App, client: TestClient) -> None:
    client.post("/v1/events", content=json.dumps([ROW] * 20))
    app.pipeline.drain()
    app.pipeline.finish()


@pytest.mark.parametrize(
    ("question", "language", "said"),
    [
        ("Which errors did pay have?", "en", "20 abnormal events of 20 events at `pay`"),
        ("pay에 어떤 오류가 있었나요?", "ko", "`pay`에서 이벤트 20건 중 비정상 20건"),
    ],
)
def test_a_question_is_answered_in_its_language(client: TestClient, question: str, language: str, said: str) -> None:
    answer = client.post("/v1/ask", json={"question": question})
    reply = Reply.model_validate(answer.json())
    assert (answer.status_code, reply.language, reply.source, reply.reason) == (200, language, "rules", "no_model")
    assert said in reply.claims[0].text
    assert reply.claims[0].check is Check.SUPPORTED
    assert client.post("/v1/query", json={"sql": reply.evidence[0].query}).json()


def test_a_question_about_an_incident(client: TestClient) -> None:
    incident_id = client.get("/v1/incidents").json()[0]["incident_id"]
    reply = client.post("/v1/ask", json={"question": "What is to be done?", "incident_id": incident_id}).json()
    assert reply["analysis"]["incident_id"] == incident_id
    assert client.get(f"/v1/incidents/{incident_id}").json()["analysis"] is None  # asking keeps nothing


def test_what_cannot_be_answered_says_why(client: TestClient) -> None:
    def status(**asked: object) -> int:
        return client.post("/v1/ask", json=asked).status_code

    assert status(question="Why?", incident_id="01JNZ0000000000000000000ZZ") == 404
    assert (status(question=""), status(question="x" * 2001), status(question="why", sql="DROP")) == (422, 422, 422)
    assert status(question=" ") == 400
    assert (
        client.post("/v1/ask", json={"question": "why"}, headers={"Authorization": "Bearer wrong"}).status_code == 401
    )
