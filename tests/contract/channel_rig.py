"""Real receivers on loopback for each kind of channel: what a channel sends is read where it arrives."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest

from bdp.clock import ManualClock
from bdp.notify.apprise import AppriseChannel, AppriseSettings
from bdp.notify.aws import EventBridgeChannel, EventBridgeSettings, SnsChannel, SnsSettings
from bdp.notify.console import ConsoleChannel, ConsoleSettings
from bdp.notify.file import FileChannel, FileSettings
from bdp.notify.kakaotalk import KakaoTalkChannel, KakaoTalkSettings
from bdp.notify.memory import MemoryChannel, MemorySettings
from bdp.notify.slack import SlackChannel, SlackSettings
from bdp.notify.webhook import WebhookChannel, WebhookChannelSettings
from bdp.ports import Channel
from tests.contract.kinesis_rig import REGION, allow, endpoint

SECRET = "xoxb-very-secret-0123456789"
Answer = Callable[[str, dict[str, str], Any], tuple[int, Any]]


@dataclass
class Site:
    """An HTTP server that remembers what it was asked, and answers as it is told."""

    answer: Answer = lambda path, headers, body: (200, {"ok": True})
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Site:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections are kept
            timeout = 30

            def setup(self) -> None:
                super().setup()
                site.connections += 1

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = _read(raw, headers.get("content-type", ""))
                site.asked.append((self.path, headers, body))
                status, said = site.answer(self.path, headers, body)
                told = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _read(raw: bytes, kind: str) -> Any:
    if "form-urlencoded" in kind:
        return {name: values[0] for name, values in parse_qs(raw.decode()).items()}
    try:
        return json.loads(raw or b"null")
    except ValueError:
        return raw.decode(errors="replace")


class Threads:
    """Threads in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def thread(self, channel: str, incident_id: str) -> str:
        return self.kept.get((channel, incident_id), "")

    def keep_thread(self, channel: str, incident_id: str, reference: str, now: datetime) -> None:
        self.kept.setdefault((channel, incident_id), reference)


@dataclass
class Rig:
    """One channel and its receiver.

    Attributes:
        arrived: returns what came, as one text a message.
        fail: makes the receiver fail from now on.
        again: opens the channel anew, as after a restart.
        keyed: the receiver is given the key, to tell repeats after a restart.
    """

    channel: Channel
    arrived: Callable[[], list[str]]
    fail: Callable[[], object]
    again: Callable[[], Channel]
    keyed: bool = True


def secrets(**known: str) -> Callable[[str], str | None]:
    return {"TOKEN": SECRET, **known}.get


@contextmanager
def rig(kind: str, home: Path) -> Iterator[Rig]:
    """Open a channel of a kind with its receiver."""
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context())
        yield RIGS[kind](home, stack)


def _console(home: Path, stack: ExitStack) -> Rig:
    out = io.StringIO()

    def arrived() -> list[str]:
        return [part for part in out.getvalue().split("\n[") if part]

    return Rig(
        ConsoleChannel(ConsoleSettings(), out),
        arrived,
        out.close,
        lambda: ConsoleChannel(ConsoleSettings(), out),
        False,
    )


def _file(home: Path, stack: ExitStack) -> Rig:
    path = home / "notifications.ndjson"

    def fail() -> None:
        path.unlink(missing_ok=True)
        path.mkdir()

    def arrived() -> list[str]:
        return [json.dumps(json.loads(line), ensure_ascii=False) for line in path.read_text().splitlines()]

    return Rig(FileChannel(FileSettings(), home), arrived, fail, lambda: FileChannel(FileSettings(), home))


def _memory(home: Path, stack: ExitStack) -> Rig:
    channel = MemoryChannel(MemorySettings())
    return Rig(channel, lambda: [one.model_dump_json() for one in channel.messages], lambda: None, lambda: channel)


def _site(stack: ExitStack, answer: Answer) -> tuple[Site, Callable[[], None]]:
    site = stack.enter_context(Site(answer))

    def fail() -> None:
        site.answer = lambda path, headers, body: (503, {"echo": SECRET, "headers": headers})

    return site, fail


def _opened(stack: ExitStack, make: Callable[[], Any]) -> Callable[[], Any]:
    def open_one() -> Any:
        channel = make()
        stack.callback(getattr(channel, "close", lambda: None))
        return channel

    return open_one


def _webhook(home: Path, stack: ExitStack) -> Rig:
    site, fail = _site(stack, lambda path, headers, body: (200, {}))
    settings = WebhookChannelSettings(url=f"{site.url}/hook", headers={"Authorization": "env:TOKEN"})
    make = _opened(stack, lambda: WebhookChannel(settings, secrets()))

    def arrived() -> list[str]:
        # As a receiver does that knows keys.
        firsts = {headers["idempotency-key"]: body for _, headers, body in reversed(site.asked)}
        return [json.dumps(body, ensure_ascii=False) for body in reversed(firsts.values())]

    return Rig(make(), arrived, fail, make)


def _slack(home: Path, stack: ExitStack) -> Rig:
    site, fail = _site(stack, lambda path, headers, body: (200, {"ok": True, "ts": "1.1"}))
    settings = SlackSettings(token="env:TOKEN", channel="C1", api=site.url)
    threads = Threads()
    make = _opened(
        stack, lambda: SlackChannel(settings, secrets(), threads, ManualClock(datetime(2026, 3, 1, tzinfo=UTC)))
    )
    return Rig(make(), lambda: [json.dumps(body, ensure_ascii=False) for _, _, body in site.asked], fail, make)


def _slack_hook(home: Path, stack: ExitStack) -> Rig:
    site, fail = _site(stack, lambda path, headers, body: (200, "ok"))
    hook = f"{site.url}/services/T0/B0/{SECRET}"
    settings = SlackSettings(webhook="env:HOOK", name="hook")
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    make = _opened(stack, lambda: SlackChannel(settings, secrets(HOOK=hook), Threads(), clock))
    return Rig(make(), lambda: [json.dumps(body, ensure_ascii=False) for _, _, body in site.asked], fail, make, False)


def _kakaotalk(home: Path, stack: ExitStack) -> Rig:
    def answer(path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        if path == "/oauth/token":
            return 200, {"access_token": f"access-{SECRET}", "expires_in": 21599}
        return 200, {"result_code": 0}

    site, fail = _site(stack, answer)
    settings = KakaoTalkSettings(rest_api_key="env:TOKEN", refresh_token="env:TOKEN", api=site.url, auth=site.url)
    make = _opened(stack, lambda: KakaoTalkChannel(settings, secrets(), home))

    def arrived() -> list[str]:
        return [body["template_object"] for path, _, body in site.asked if path != "/oauth/token"]

    return Rig(make(), arrived, fail, make, False)


def _apprise(home: Path, stack: ExitStack) -> Rig:
    site, fail = _site(stack, lambda path, headers, body: (200, {}))
    address = f"{site.url.replace('http', 'json')}/{SECRET}"
    settings = AppriseSettings(urls=("env:CHAT",))
    make = _opened(stack, lambda: AppriseChannel(settings, secrets(CHAT=address)))
    return Rig(make(), lambda: [json.dumps(body, ensure_ascii=False) for _, _, body in site.asked], fail, make, False)


def _sns(home: Path, stack: ExitStack, kind: str = "") -> Rig:
    """A topic with a queue behind it; `.fifo` drops repeats by itself."""
    allow(stack.enter_context(pytest.MonkeyPatch.context()))
    client = boto3.client("sns", region_name=REGION, endpoint_url=endpoint())
    queues: Any = boto3.client("sqs", region_name=REGION, endpoint_url=endpoint())
    name, fifo = f"{home.name}{kind}", {"FifoTopic": "true"} if kind else {}
    topic = client.create_topic(Name=name, Attributes=fifo)["TopicArn"]
    url = queues.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if kind else {})["QueueUrl"]
    client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:{name}")
    settings = SnsSettings(topic=topic, region=REGION, endpoint_url=endpoint())
    kept: list[str] = []

    def arrived() -> list[str]:
        while found := queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for one in found:
                kept.append(json.dumps(json.loads(one["Body"]), ensure_ascii=False))
                queues.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return list(kept)

    return Rig(SnsChannel(settings), arrived, lambda: client.delete_topic(TopicArn=topic), lambda: SnsChannel(settings))


def _sns_fifo(home: Path, stack: ExitStack) -> Rig:
    return _sns(home, stack, ".fifo")


def _eventbridge(home: Path, stack: ExitStack) -> Rig:
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    allow(patch)
    events = boto3.client("events", region_name=REGION, endpoint_url=endpoint())
    logs = boto3.client("logs", region_name=REGION, endpoint_url=endpoint())
    name = f"bus-{home.name}"
    group = f"/aws/events/{name}"
    events.create_event_bus(Name=name)
    logs.create_log_group(logGroupName=group)
    events.put_rule(Name="all", EventBusName=name, EventPattern=json.dumps({"source": ["bdp.agent"]}))
    arn = f"arn:aws:logs:{REGION}:123456789012:log-group:{group}"
    events.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "1", "Arn": arn}])
    settings = EventBridgeSettings(bus=name, region=REGION, endpoint_url=endpoint())
    state = {"settings": settings}

    def arrived() -> list[str]:
        found = logs.filter_log_events(logGroupName=group)["events"]
        return [json.dumps(json.loads(one["message"]), ensure_ascii=False) for one in found]

    def fail() -> None:
        refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttled"}]}
        site, _ = _site(stack, lambda path, headers, body: (200, refusal))
        state["settings"] = settings.model_copy(update={"endpoint_url": site.url})

    channel = EventBridgeChannel(settings)

    class Switching:
        """The channel, at the address that holds now."""

        name = channel.name

        def send(self, message: Any) -> None:
            (channel if state["settings"] is settings else EventBridgeChannel(state["settings"])).send(message)

    return Rig(Switching(), arrived, fail, lambda: EventBridgeChannel(settings))


RIGS: dict[str, Callable[[Path, ExitStack], Rig]] = {
    "console": _console,
    "file": _file,
    "memory": _memory,
    "webhook": _webhook,
    "slack": _slack,
    "slack-hook": _slack_hook,
    "kakaotalk": _kakaotalk,
    "apprise": _apprise,
    "sns": _sns,
    "sns-fifo": _sns_fifo,
    "eventbridge": _eventbridge,
}
