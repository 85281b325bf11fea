"""Where settings come from, which is stronger, and that a wrong name is refused by its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from bdp.errors import BadSetting
from bdp.settings import Settings, load, secret


@pytest.fixture(autouse=True)
def _no_settings_of_the_tester(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BDP_")]:
        monkeypatch.delenv(name)


def test_arguments_beat_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bdp.toml").write_text('[web]\nhost = "::1"\nport = 1\n[detect]\nthreshold = 21\nwindow_seconds = 60\n')
    monkeypatch.setenv("BDP_WEB__PORT", "2")
    monkeypatch.setenv("BDP_DETECT__THRESHOLD", "22")
    settings = load(tmp_path, {"detect": {"threshold": 23}})
    assert (settings.web.host, settings.web.port) == ("::1", 2)
    assert (settings.detect.threshold, settings.detect.window_seconds) == (23, 60)
    assert load(tmp_path).detect.threshold == 22


def test_the_home_comes_from_the_argument_the_environment_or_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load().home.name == "bdp"
    monkeypatch.setenv("BDP_HOME", "~/mine")
    assert load().home == tmp_path / "mine"
    assert load(Path("~/other")).home == tmp_path / "other"
    settings = load()
    assert settings.state_url == f"sqlite:///{tmp_path / 'mine/state.db'}"
    assert settings.engine.url == f"sqlite:///{tmp_path / 'mine/workflows.db'}"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BDP_NOPE", "1", "BDP_NOPE"),
        ("BDP_WEBB__PORT", "1", "BDP_WEBB__PORT"),
        ("BDP_WEB__PROT", "1", "web.prot: nobody knows"),
        ("BDP_WEB__PORT", "70000", "web.port"),
        ("BDP_WEB__PORT", "many", "web.port"),
        ("BDP_WEB__AUTH", "maybe", "web.auth"),
        ("BDP_STORE__DATABASE", "a; DROP", "store.database"),
        ("BDP_WEB", "1", "web"),
    ],
)
def test_a_wrong_name_or_value_in_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=said) as caught:
        load(tmp_path)
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "prot: nobody knows"),
        ("[web]\nprot = 1", "web.prot: nobody knows"),
        ("[workflows.engine]\npolls = 1", "workflows.engine.polls: nobody knows"),
        ("[detect]\nthreshold = -1", "detect.threshold"),
        ("x = [", "cannot be read"),
        ('x = "\xff"', "x"),
    ],
)
def test_a_wrong_name_or_value_in_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bdp.toml").write_text(text)
    with pytest.raises(BadSetting, match=said) as caught:
        load(tmp_path)
    assert str(tmp_path / "bdp.toml") in caught.value.next_step


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "bdp.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSetting, match="cannot be read"):
        load(tmp_path)


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        {"state": {"url": "postgresql://u:hush-1@h/d"}, "store": {"dsn": "https://u:hush-2@h:8443/"}},
    )
    assert "hush" not in repr(settings)
    assert "hush-1" in settings.state_url


def test_a_secret_is_read_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_HOOK", "https://x")
    assert (secret("OUR_HOOK"), secret("NOT_SET")) == ("https://x", None)


def rooms(model: type[BaseModel], path: str = "") -> list[tuple[str, type[BaseModel]]]:
    found = [(path, model)]
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += rooms(field.annotation, f"{path}.{name}".strip("."))
    return found


def test_every_setting_says_what_it_is_and_no_room_takes_unknown_names() -> None:
    for path, model in rooms(Settings):
        assert model.model_config.get("extra") == "forbid", path
        assert model.model_config.get("frozen"), path
        for name, field in model.model_fields.items():
            kind = field.annotation
            assert field.description or (isinstance(kind, type) and issubclass(kind, BaseModel)), f"{path}.{name}"
