"""What may be called, and how."""

from __future__ import annotations

import pytest

from bdp.errors import BadSetting, ChannelUnavailable, NotAllowed, NotPossible
from bdp.model.action import Message
from bdp.notify.endpoint import call, check_url, is_listed, no_secrets, resolve
from bdp.notify.webhook import WebhookChannel, WebhookChannelSettings
from tests.scenario.receiver import Receiver


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1.example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "//example.com/hook",
        "hook",
        "https://user:secret@example.com/",
        "https://example.com/#fragment",
        "https://example.com/a/../b",
        "https://example.com/a/%2e%2e/b",
        "https://example.com/a/%252e%252e/b",
        "https://example.com\\@evil.example/",
        "https://example.com/a b",
        "https://example.com/a\nHost: evil",
        "https://example.com:99999/",
        "https://[::1/",
        "",
    ],
)
def test_refused_addresses(url: str) -> None:
    with pytest.raises(NotAllowed):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.com/hook?a=1", "http://127.0.0.1:8080/x", "http://[::1]:1/", "http://localhost/"]
)
def test_allowed_addresses(url: str) -> None:
    assert check_url(url).hostname


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("https://hooks.example.com/ops/restart", True),
        ("https://hooks.example.com/ops", True),
        ("https://HOOKS.example.com:443/ops/x?y=1", True),
        ("https://hooks.example.com/opsx", False),
        ("https://hooks.example.com/", False),
        ("https://hooks.example.com:8443/ops/restart", False),
        ("https://hooks.example.com.evil.example/ops/restart", False),
        ("http://127.0.0.1/ops/restart", False),
    ],
)
def test_a_listed_prefix_is_held_part_by_part(url: str, listed: bool) -> None:
    assert is_listed(url, ("https://hooks.example.com/ops/",)) is listed
    assert not is_listed(url, ())


def test_secrets_are_looked_up_by_name() -> None:
    found = resolve({"Authorization": "env:TOKEN", "X-Plain": "value"}, lambda name: f"value of {name}")
    assert found == {"Authorization": "value of TOKEN", "X-Plain": "value"}
    with pytest.raises(BadSetting, match="env:TOKEN"):
        resolve({"Authorization": "env:TOKEN"}, no_secrets)


def test_a_call_carries_its_key() -> None:
    with Receiver() as receiver:
        answer = call("PUT", f"{receiver.url}/x", {"a": 1}, key="k1", headers={"X-A": "b"}, timeout=5)
    assert answer == {"status": 200, "answer": "understood"}
    [asked] = receiver.asked
    assert (asked.method, asked.key, asked.headers["x-a"], asked.body) == ("PUT", "k1", "b", {"a": 1})


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_come_again_later(status: int) -> None:
    with Receiver(answers=[status]) as receiver, pytest.raises(ChannelUnavailable):
        call("POST", receiver.url, {}, key="k", headers={}, timeout=5)


@pytest.mark.parametrize("status", [302, 307, 400, 404])
def test_refusals_and_redirects_end_it(status: int) -> None:
    with Receiver(answers=[status]) as receiver:
        with pytest.raises(NotPossible):
            call("POST", receiver.url, {}, key="k", headers={}, timeout=5)
        assert len(receiver.asked) == 1


def test_nobody_answers() -> None:
    with Receiver() as receiver:
        url = receiver.url
    with pytest.raises(ChannelUnavailable):
        call("POST", url, {}, key="k", headers={}, timeout=1)


def test_webhook_channel_posts_the_message_without_control_characters() -> None:
    with Receiver() as receiver:
        settings = WebhookChannelSettings(url=f"{receiver.url}/chat", headers={"Authorization": "env:CHAT"})
        WebhookChannel(settings, lambda name: f"value of {name}").send(
            Message(key="k", title="a\x1bb\nc", body="d\x00")
        )
    [asked] = receiver.asked
    assert (asked.path, asked.key, asked.headers["authorization"]) == ("/chat", "k", "value of CHAT")
    assert (asked.body["title"], asked.body["body"]) == ("ab c", "d")


def test_webhook_channel_refuses_a_bad_address_when_it_is_opened() -> None:
    with pytest.raises(NotAllowed):
        WebhookChannel(WebhookChannelSettings(url="http://example.com/"), no_secrets)
