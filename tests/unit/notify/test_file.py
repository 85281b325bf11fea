"""The file channel: one whole line per key, whatever happens."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from bdp.errors import ChannelUnavailable
from bdp.model.action import Message
from bdp.notify.file import FileChannel, FileSettings


def message(key: str, body: str = "text") -> Message:
    return Message(key=key, title="title", body=body)


def keys(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


def test_a_key_is_written_once_also_by_another_process(tmp_path: Path) -> None:
    FileChannel(FileSettings(), tmp_path).send(message("a"))
    again = FileChannel(FileSettings(), tmp_path)
    again.send(message("a"))
    again.send(message("b"))
    assert keys(tmp_path / "notifications.ndjson") == ["a", "b"]
    assert again.has("b")
    assert not again.has("c")


def test_a_torn_line_is_removed_and_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "notifications.ndjson"
    channel = FileChannel(FileSettings(), tmp_path)
    channel.send(message("a"))
    with open(path, "ab") as file:
        file.write(b'{"key": "b", "title": "ti')
    channel.send(message("b"))
    assert keys(path) == ["a", "b"]


def test_a_body_cannot_pass_for_another_key(tmp_path: Path) -> None:
    channel = FileChannel(FileSettings(), tmp_path)
    channel.send(message("a", '\n{"key": "b", "title": "forged"}'))
    channel.send(message("b"))
    assert keys(tmp_path / "notifications.ndjson") == ["a", "b"]


def test_keys_of_any_text(tmp_path: Path) -> None:
    channel = FileChannel(FileSettings(), tmp_path)
    for key in ('quote"', "line\nbreak", "한국어", "quote", "back\\slash"):
        channel.send(message(key))
        channel.send(message(key))
    assert len(keys(tmp_path / "notifications.ndjson")) == 5


def test_a_full_file_is_turned_over_and_still_known(tmp_path: Path) -> None:
    channel = FileChannel(FileSettings(max_mib=1), tmp_path)
    for number in range(300):
        channel.send(message(f"k{number}", "x" * 3900))
    first, second = tmp_path / "notifications.ndjson.1", tmp_path / "notifications.ndjson"
    assert first.stat().st_size <= 2**20
    channel.send(message(keys(first)[-1]))
    assert len(keys(first)) + len(keys(second)) == 300


def test_threads_take_turns(tmp_path: Path) -> None:
    channels = [FileChannel(FileSettings(), tmp_path) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda channel=channel: [channel.send(message(f"k{n}")) for n in range(10)])
        for channel in channels
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(keys(tmp_path / "notifications.ndjson")) == sorted(f"k{n}" for n in range(10))


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "notifications.ndjson").mkdir()
    with pytest.raises(ChannelUnavailable):
        FileChannel(FileSettings(), tmp_path).send(message("a"))
