"""What every channel must do: each key once, Korean and hostile text, a failure that says so and keeps its secrets."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bdp.clock import ManualClock
from bdp.errors import ChannelUnavailable
from bdp.model.action import Link, Message
from bdp.notify.apprise import AppriseChannel, AppriseSettings
from bdp.notify.channels import CHANNELS
from bdp.notify.kakaotalk import LONGEST, KakaoTalkChannel, KakaoTalkSettings
from bdp.notify.slack import SlackChannel, SlackSettings
from tests.contract.channel_rig import RIGS, SECRET, Rig, Site, Threads, rig, secrets

HOSTILE = (
    "\x1b[2J\x07<!channel> <@U1> @everyone http://evil.example/x `code` *bold* \u202eabc\u2066 &lt; $(rm) | 'q' \x00"
)
CLOCK = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))


def message(key: str = "k1", **fields: Any) -> Message:
    given: dict[str, Any] = {
        "key": key,
        "title": "Burst of KeyError in checkout",
        "title_ko": "결제에서 오류 급증",
        "body": "128 abnormal events\nMore: `bdp incident 01A`",
        "body_ko": "비정상 이벤트 128건\n자세히: `bdp incident 01A`",
        "severity": "critical",
        "event": "INCIDENT_OPENED",
        "incident_id": "01A",
        "links": (Link(words="Approve", words_ko="승인", url="https://bdp.example/a?t=1&u=2"),),
    }
    return Message(**given | fields)


@pytest.fixture(params=list(RIGS))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with rig(request.param, tmp_path) as opened:
        yield opened


def test_every_kind_has_a_rig() -> None:
    assert {name.partition("-")[0] for name in RIGS} == set(CHANNELS)


class TestEvery:
    def test_a_key_comes_once(self, bench: Rig) -> None:
        for key in ("k1", "k1", "k2", "k1"):
            bench.channel.send(message(key))
        arrived = bench.arrived()
        assert len(arrived) == 2 or _keys_tell(arrived, {"k1": 3, "k2": 1})

    def test_after_a_restart_it_comes_once_or_with_its_key(self, bench: Rig) -> None:
        bench.channel.send(message())
        bench.again().send(message())
        arrived = bench.arrived()
        assert len(arrived) == 1 or not bench.keyed or all("k1" in text for text in arrived)

    def test_korean_arrives(self, bench: Rig) -> None:
        bench.channel.send(message(title="결제에서 오류 급증", body="비정상 이벤트 128건"))
        (arrived,) = bench.arrived()
        assert "비정상 이벤트 128건" in arrived

    def test_nothing_that_steers_or_hides_arrives(self, bench: Rig) -> None:
        bench.channel.send(message(title=HOSTILE, body=HOSTILE, event="E\x1b", incident_id="01A"))
        (arrived,) = bench.arrived()
        text = _decoded(arrived)
        if bench.channel.name != "memory":
            assert not [
                sign for sign in text if unicodedata.category(sign) in {"Cc", "Cs", "Co"} and sign not in "\n\t"
            ]
            assert not {"\u202e", "\u2066"} & set(text)
        assert "abc" in text

    def test_a_long_text_arrives(self, bench: Rig) -> None:
        bench.channel.send(message(title="t" * 3000, body="\n".join(["x" * 200] * 500)))
        (arrived,) = bench.arrived()
        assert len(arrived) > 150

    def test_an_empty_text_arrives(self, bench: Rig) -> None:
        bench.channel.send(message(title="only a title", body="", body_ko="", links=(), severity="", event=""))
        assert len(bench.arrived()) == 1

    def test_a_failure_says_so_and_keeps_its_secrets(self, bench: Rig, caplog: pytest.LogCaptureFixture) -> None:
        bench.channel.send(message("before"))
        bench.fail()
        if bench.channel.name == "memory":
            return
        with pytest.raises(ChannelUnavailable) as told:
            bench.channel.send(message("k2"))
        chain: BaseException | None = told.value
        assert SECRET not in str(chain)
        assert SECRET not in caplog.text
        assert "env:" in str(chain) or SECRET[:8] not in str(chain)


def _keys_tell(arrived: list[str], counts: dict[str, int]) -> bool:
    """Return whether each repeat carries the key by which its receiver tells."""
    return all(sum(f'"{key}"' in text for text in arrived) == count for key, count in counts.items())


def _decoded(arrived: str) -> str:
    def texts(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for item in value.values():
                yield from texts(item)
        elif isinstance(value, list):
            for item in value:
                yield from texts(item)
        elif isinstance(value, str):
            try:
                yield from texts(json.loads(value)) if value[:1] in "{[" and value else [value]
            except ValueError:
                yield value

    try:
        return "\n".join(texts(json.loads(arrived)))
    except ValueError:
        return arrived


class TestSlack:
    @pytest.fixture
    def site(self) -> Iterator[Site]:
        with Site() as opened:
            numbers = iter(range(1, 100))
            opened.answer = lambda path, headers, body: (200, {"ok": True, "ts": f"{next(numbers)}.0"})
            yield opened

    def channel(self, site: Site, threads: Threads, **fields: Any) -> SlackChannel:
        settings = SlackSettings(token="env:TOKEN", channel="C1", api=site.url)
        return SlackChannel(settings, secrets(), threads, CLOCK, **fields)

    def test_messages_of_one_incident_are_one_thread_also_after_a_restart(self, site: Site) -> None:
        threads = Threads()
        for number, incident in enumerate(("a", "a", "b", "a", "")):
            channel = self.channel(site, threads)
            channel.send(message(f"k{number}", incident_id=incident))
            channel.close()
        sent = [body.get("thread_ts") for _, _, body in site.asked]
        assert sent == [None, "1.0", None, "1.0", None]
        assert all(headers["authorization"] == f"Bearer {SECRET}" for _, headers, _ in site.asked)

    def test_a_thread_that_was_deleted_begins_anew(self, site: Site) -> None:
        threads = Threads()
        threads.keep_thread("slack", "01A", "0.9", CLOCK.now())
        site.answer = lambda path, headers, body: (
            200,
            {"ok": False, "error": "thread_not_found"} if body.get("thread_ts") else {"ok": True, "ts": "2.0"},
        )
        channel = self.channel(site, threads)
        channel.send(message())
        channel.close()
        assert [body.get("thread_ts") for _, _, body in site.asked] == ["0.9", None]

    def test_telemetry_calls_nobody_and_links_nothing(self, site: Site) -> None:
        channel = self.channel(site, Threads())
        channel.send(message(title=HOSTILE, body=HOSTILE))
        channel.close()
        ((_, _, body),) = site.asked
        sections = [block["text"] for block in body["blocks"]]
        shown = "".join(section["text"] for section in sections[:-1])
        assert "<!channel>" not in shown
        assert "<@U1>" not in shown
        assert "@everyone" not in shown
        assert all(section["verbatim"] for section in sections[:-1])
        assert sections[-1]["text"] == "<https://bdp.example/a?t=1&amp;u=2|Approve>"
        assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)
        assert all(len(section["text"]) <= 3000 for section in sections)

    def test_a_question_shows_its_buttons_and_reaches_who_follows_no_thread(self, site: Site) -> None:
        buttons = {"type": "actions", "elements": [{"type": "button"}]}
        threads = Threads()
        threads.keep_thread("slack", "01A", "0.9", CLOCK.now())
        channel = self.channel(site, threads, buttons=lambda asked, language: [buttons] if asked.approval_id else [])
        channel.send(message("k1", approval_id="q"))
        channel.send(message("k2"))
        channel.close()
        assert [body["blocks"][-1] == buttons for _, _, body in site.asked] == [True, False]
        assert [body["reply_broadcast"] for _, _, body in site.asked] == [True, False]

    @pytest.mark.parametrize("error", ["invalid_auth", "not_in_channel", "ratelimited", ""])
    def test_a_refusal_says_what_to_do(self, site: Site, error: str) -> None:
        site.answer = lambda path, headers, body: (200, {"ok": False, "error": error})
        channel = self.channel(site, Threads())
        with pytest.raises(ChannelUnavailable, match=error or "no reason"):
            channel.send(message())
        channel.close()

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"token": "env:A"},
            {"token": "xoxb-1", "channel": "C"},
            {"token": "env:A", "webhook": "env:B", "channel": "C"},
        ],
    )
    def test_settings_that_cannot_work_are_refused(self, wrong: dict[str, str]) -> None:
        with pytest.raises(ValueError, match=r"token|channel"):
            SlackSettings.model_validate(wrong)


class TestKakaoTalk:
    def channel(self, site: Site, home: Path, known: dict[str, str] | None = None, **fields: Any) -> KakaoTalkChannel:
        settings = KakaoTalkSettings(
            rest_api_key="env:TOKEN", refresh_token="env:REFRESH", api=site.url, auth=site.url, **fields
        )
        return KakaoTalkChannel(settings, secrets(**(known or {"REFRESH": "refresh-1"})), home)

    @staticmethod
    def kakao(renew: bool = False) -> tuple[list[str], Any]:
        """Return the tokens that hold, and an answer as Kakao gives it."""
        good: list[str] = []

        def answer(path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
            if path == "/oauth/token":
                good.append(f"access-{len(good) + 1}")
                told = {"access_token": good[-1]}
                return 200, told | ({"refresh_token": f"renewed-after-{body['refresh_token']}"} if renew else {})
            if headers["authorization"] != f"Bearer {good[-1]}" or (len(good) == 1 and len(site_calls) == 1):
                return 401, {"code": -401, "msg": "this access token does not exist"}
            return 200, {"result_code": 0, "successful_receiver_uuids": ["u1"]}

        site_calls: list[str] = []
        return site_calls, answer

    def test_a_text_of_200_characters_with_a_link(self, tmp_path: Path) -> None:
        _, answer = self.kakao()
        with Site(answer) as site:
            channel = self.channel(site, tmp_path)
            channel.send(message(body="가" * 500))
            channel.close()
        path, headers, body = site.asked[-1]
        template = json.loads(body["template_object"])
        assert (path, headers["authorization"]) == ("/v2/api/talk/memo/default/send", "Bearer access-1")
        assert (template["object_type"], len(template["text"])) == ("text", LONGEST)
        assert template["text"].startswith("[심각] ")
        assert template["link"]["mobile_web_url"] == "https://bdp.example/a?t=1&u=2"

    def test_a_token_that_ran_out_is_fetched_again_once(self, tmp_path: Path) -> None:
        calls, answer = self.kakao()
        with Site(answer) as site:
            channel = self.channel(site, tmp_path)
            channel.send(message("k1"))
            calls.append("the first token holds no more")
            channel.send(message("k2"))
            channel.close()
        assert [path.rsplit("/", 1)[-1] for path, _, _ in site.asked] == ["token", "send", "send", "token", "send"]

    def test_a_new_refresh_token_is_kept_for_its_owner_and_used_after_a_restart(self, tmp_path: Path) -> None:
        _, answer = self.kakao(renew=True)
        with Site(answer) as site:
            for number in range(2):
                channel = self.channel(site, tmp_path)
                channel.send(message(f"k{number}"))
                channel.close()
            other = self.channel(site, tmp_path, {"REFRESH": "refresh-2"})  # somebody logged in anew
            other.send(message("k9"))
            other.close()
        used = [body["refresh_token"] for path, _, body in site.asked if path == "/oauth/token"]
        assert used == ["refresh-1", "renewed-after-refresh-1", "refresh-2"]
        (kept,) = tmp_path.glob("*.token")
        assert kept.stat().st_mode & 0o777 == 0o600

    def test_friends(self, tmp_path: Path) -> None:
        _, answer = self.kakao()
        with Site(answer) as site:
            channel = self.channel(site, tmp_path, friends=("u1", "u2"))
            channel.send(message())
            channel.close()
        path, _, body = site.asked[-1]
        assert path == "/v1/api/talk/friends/message/default/send"
        assert json.loads(body["receiver_uuids"]) == ["u1", "u2"]

    def test_a_result_that_is_no_success_is_a_failure(self, tmp_path: Path) -> None:
        with Site(lambda path, headers, body: (200, {"access_token": "a", "result_code": -1})) as site:
            channel = self.channel(site, tmp_path)
            with pytest.raises(ChannelUnavailable):
                channel.send(message())
            channel.close()

    def test_a_token_in_the_settings_is_refused(self) -> None:
        with pytest.raises(ValueError, match="env:NAME"):
            KakaoTalkSettings(rest_api_key="abc", refresh_token="env:A")


class TestApprise:
    def test_an_address_that_failed_is_tried_again_and_the_other_is_not(self) -> None:
        with Site() as good, Site(lambda path, headers, body: (500, {})) as bad:
            known = {"A": good.url.replace("http", "json"), "B": bad.url.replace("http", "json")}
            channel = AppriseChannel(AppriseSettings(urls=("env:A", "env:B")), secrets(**known))
            with pytest.raises(ChannelUnavailable, match="env:B") as told:
                channel.send(message())
            assert "env:A" not in str(told.value)
            bad.answer = lambda path, headers, body: (200, {})
            channel.send(message())
        assert (len(good.asked), len(bad.asked)) == (1, 2)

    def test_a_severe_message_is_no_mere_information(self) -> None:
        with Site() as site:
            channel = AppriseChannel(AppriseSettings(urls=("env:A",)), secrets(A=site.url.replace("http", "json")))
            channel.send(message())
        ((_, _, body),) = site.asked
        assert (body["type"], body["attachments"]) == ("failure", [])
        assert body["title"] == "[critical] Burst of KeyError in checkout"

    def test_an_address_in_the_settings_is_refused(self) -> None:
        with pytest.raises(ValueError, match="env:NAME"):
            AppriseSettings(urls=("json://localhost",))


def test_a_fifo_topic_is_given_the_key_and_keeps_an_incident_in_order(tmp_path: Path) -> None:
    from bdp.notify.aws import SnsChannel, SnsSettings, subject_of

    asked: list[dict[str, Any]] = []

    class Client:
        def publish(self, **given: Any) -> None:
            asked.append(given)

    channel = SnsChannel(SnsSettings(topic="arn:aws:sns:us-east-1:123456789012:t.fifo", region="us-east-1"))
    channel._client = Client()  # type: ignore[assignment]
    for key, incident in (("k1", "01A"), ("k1", "01A"), ("k2", "한국 id")):
        channel.send(message(key, incident_id=incident))
    first, again, other = asked
    assert first["MessageDeduplicationId"] == again["MessageDeduplicationId"] != other["MessageDeduplicationId"]
    assert (first["MessageGroupId"], len(other["MessageGroupId"])) == ("01A", 64)
    for title in ("결제에서 오류 급증", "x" * 500, "a\nb\tc", ""):
        subject = subject_of(message(title=title))
        assert 0 < len(subject) <= 100
        assert subject.isascii()
        assert subject.isprintable()


def test_a_connection_is_kept(tmp_path: Path) -> None:
    from bdp.notify.webhook import WebhookChannel, WebhookChannelSettings

    with Site() as site:
        channel = WebhookChannel(WebhookChannelSettings(url=site.url), secrets())
        for number in range(5):
            channel.send(message(f"k{number}"))
        assert (len(site.asked), site.connections) == (5, 1)
        channel.close()
