"""Where settings come from, which is stronger, and that a wrong name is refused by its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

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
    assert settings.engine.url.get_secret_value() == f"sqlite:///{tmp_path / 'mine/workflows.db'}"


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
        ("BDP_STREAM__SINKS", "kafka,table", "BDP_STREAM__SINKS"),
        ("BDP_NOTIFY__CHANNELS", "[{", "BDP_NOTIFY__CHANNELS"),
        ("BDP_STREAM__SINKS", '["files"]', r"^Setting stream\.sinks: exactly the first"),
    ],
)
def test_a_wrong_name_or_value_in_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=said) as caught:
        load(tmp_path)
    assert name in caught.value.next_step or said == name
    assert "bdp.toml" not in caught.value.next_step


def test_a_value_that_is_no_list_says_how_lists_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bdp.toml").write_text("[web]\nport = 1\n")
    monkeypatch.setenv("BDP_STREAM__SINKS", "kafka,table")
    with pytest.raises(BadSetting) as caught:
        load(tmp_path)
    assert "JSON" in caught.value.next_step
    assert """BDP_STREAM__SINKS='["one", "two"]'""" in caught.value.next_step


def test_of_several_mistakes_the_misspelt_name_comes_first(tmp_path: Path) -> None:
    (tmp_path / "bdp.toml").write_text('[[feeds]]\nkind = "kafka"\ntopics = ["a"]\nbrokers = "b:9092"\n')
    with pytest.raises(BadSetting) as caught:
        load(tmp_path)
    assert caught.value.what == (
        "Setting feeds.0.kafka.brokers: nobody knows this name, and bootstrap_servers is missing there."
    )


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
        {
            "state": {"url": "postgresql://u:hush-1@h/d"},
            "store": {"dsn": "https://u:hush-2@h:8443/"},
            "workflows": {"engine": {"url": "postgresql://u:hush-3@h/d"}},
        },
    )
    assert "hush" not in repr(settings)
    assert "hush-1" in settings.state_url


def test_a_secret_is_read_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_HOOK", "https://x")
    assert (secret("OUR_HOOK"), secret("NOT_SET")) == ("https://x", None)


ADDRESSES: list[tuple[dict[str, Any], str]] = [
    ({"state": {"url": "%s"}}, "state.url"),
    ({"store": {"dsn": "%s"}}, "store.dsn"),
    ({"stream": {"table": {"url": "%s"}}}, "stream.table.url"),
    ({"workflows": {"engine": {"url": "%s"}}}, "workflows.engine.url"),
    ({"notify": {"channels": [{"kind": "webhook", "url": "%s"}]}}, "notify.channels.0.url"),
    ({"act": {"webhook": {"operations": {"rollback": {"url": "%s"}}}}}, "act.webhook.operations.rollback.url"),
]


def filled(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {name: filled(item, text) for name, item in value.items()}
    return [filled(item, text) for item in value] if isinstance(value, list) else value.replace("%s", text)


def found(settings: Any, path: str) -> str:
    for part in path.split("."):
        if isinstance(settings, dict):
            settings = settings[part]
        else:
            settings = settings[int(part)] if part.isdigit() else getattr(settings, part)
    return settings.get_secret_value() if isinstance(settings, SecretStr) else str(settings)


@pytest.mark.parametrize(("given", "path"), ADDRESSES, ids=[path for _, path in ADDRESSES])
def test_every_address_may_stand_in_the_environment_or_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], path: str
) -> None:
    monkeypatch.setenv("OUR_ADDRESS", "https://u:hush@h/")
    (tmp_path / "address").write_text("https://u:hush@f/\n")
    assert found(load(tmp_path, filled(given, "env:OUR_ADDRESS")), path) == "https://u:hush@h/"
    assert found(load(tmp_path, filled(given, f"file:{tmp_path / 'address'}")), path) == "https://u:hush@f/"
    assert found(load(tmp_path, filled(given, "https://x/")), path) == "https://x/"
    for wrong in ("env:NOT_SET", f"file:{tmp_path / 'nothing'}"):
        with pytest.raises(BadSetting, match=path):
            load(tmp_path, filled(given, wrong))


def test_a_variable_with_our_prefix_is_known_once_a_setting_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDP_PASSWORD", "hush")
    with pytest.raises(BadSetting, match="BDP_PASSWORD") as caught:
        load(tmp_path)
    assert "env:NAME" in caught.value.next_step
    (tmp_path / "bdp.toml").write_text('[stream.kafka.options]\n"sasl.password" = "env:BDP_PASSWORD"\n')
    assert load(tmp_path).stream.kafka.options == {"sasl.password": "env:BDP_PASSWORD"}
    (tmp_path / "bdp.toml").unlink()
    monkeypatch.setenv("BDP_STATE__URL", "env:BDP_PASSWORD")
    assert load(tmp_path).state_url == "hush"
    monkeypatch.delenv("BDP_STATE__URL")
    monkeypatch.setenv(
        "BDP_NOTIFY__CHANNELS", '[{"kind":"webhook","url":"https://x/","headers":{"a":"env:BDP_PASSWORD"}}]'
    )
    assert load(tmp_path).notify.channels


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


def test_a_shadow_is_the_live_settings_with_others_over_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bdp.toml").write_text(
        "[detect]\nthreshold = 21\nwindow_seconds = 60\n[shadow.detect]\nthreshold = 7\n"
        '[[shadow.detect.overrides]]\nservice = "a"\nthreshold = 3\n'
    )
    monkeypatch.setenv("BDP_SHADOW__SERIES__THRESHOLD", "0.4")
    settings = load(tmp_path)
    other = settings.shadow_detection
    assert other is not None
    assert (other.detect.threshold, other.detect.window_seconds, other.detect.overrides[0].threshold) == (7, 60, 3)
    assert other.series == settings.series.model_copy(update={"threshold": 0.4})
    assert other.fabric == settings.fabric
    assert settings.detect.threshold == 21


@pytest.mark.parametrize("text", ["", "[shadow]\n", "[shadow.series]\n"])
def test_an_empty_shadow_is_off(tmp_path: Path, text: str) -> None:
    (tmp_path / "bdp.toml").write_text(text)
    assert load(tmp_path).shadow_detection is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[shadow.web]\nport = 1\n", "Setting shadow.web: nobody knows this name."),
        ("[shadow.series]\ntreshold = 1\n", "Setting shadow.series.treshold: nobody knows this name."),
        ("[shadow.series]\nthreshold = 7\n", "Setting shadow.series.threshold: Input should be less than 1."),
        ("[shadow]\nseries = 3\n", "Setting shadow.series: "),
    ],
)
def test_a_wrong_shadow_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bdp.toml").write_text(text)
    with pytest.raises(BadSetting) as caught:
        load(tmp_path)
    assert caught.value.what.startswith(said)
    assert "bdp.toml" in caught.value.next_step


def test_names_that_others_use_for_models_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bdp.toml").write_text('[llm]\nchain = ["gemini"]\n[llm.vllm]\nmodel = "kept"\n')
    given = {
        "LLM_PROVIDER": "openai, local",
        "VLLM_BASE_URL": "http://gpu:8000/v1",
        "VLLM_API_KEY": "env:MODEL_KEY",
        "MODEL_KEY": "k-1",
        "AI_ENABLED": "false",
        "AI_SAMPLING_RATE": "0.25",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load(tmp_path)
    assert settings.llm.chain == ("vllm", "local")
    assert (settings.llm.vllm.base_url, settings.llm.vllm.model) == ("http://gpu:8000/v1", "kept")
    assert settings.llm.vllm.api_key.get_secret_value() == "k-1"
    assert "k-1" not in repr(settings)
    assert not settings.llm.enabled
    assert settings.insights.sampling_rate == 0.25


def test_our_own_name_is_stronger_than_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_PROVIDER", "none")
    monkeypatch.setenv("BDP_LLM__CHAIN", '["local"]')
    assert load(tmp_path).llm.chain == ("local",)


def test_a_model_that_nobody_has_is_refused_by_the_name_that_said_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_PROVIDER", "oracle")
    with pytest.raises(BadSetting) as caught:
        load(tmp_path)
    assert "LLM_PROVIDER" in caught.value.next_step
