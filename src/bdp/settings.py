"""All settings: from arguments, the environment and `bdp.toml` in the home, the strongest first; their only reader.

A nested setting is `BDP_DETECT__THRESHOLD=20` in the environment and `threshold = 20` under `[detect]` in the file. A
name that nobody knows is refused. A secret is given by reference: `env:NAME` or `file:/path`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from bdp.act.action import ActSettings
from bdp.decide.gate import GateSettings
from bdp.decide.policy import PolicySettings
from bdp.detect.burst import BurstSettings
from bdp.detect.dedup import DedupSettings
from bdp.errors import BadSetting
from bdp.explain.settings import ExplainSettings
from bdp.flow.letters import LetterSettings
from bdp.flow.pipeline import PipelineSettings
from bdp.flow.settings import EngineSettings, WorkflowSettings
from bdp.flow.symptom import SymptomSettings
from bdp.flow.work import WorkSettings
from bdp.intake.feeds import FeedSettings
from bdp.intake.limits import IntakeSettings
from bdp.notify.channels import NotifySettings
from bdp.store.settings import StoreSettings
from bdp.stream.settings import StreamSettings

FILE = "bdp.toml"
_PREFIX = "BDP_"
_NOT_SETTINGS = frozenset({"BDP_DATA"})
"""Names with our prefix that belong to tests and benchmarks."""
ALONE: dict[str, Any] = {
    "feeds": (),
    "stream": {"sinks": ("journal", "table", "files"), "table": {"url": ""}, "files": {"folder": ""}},
    "store": {"dsn": "", "retention_days": 0},
    "state": {"url": ""},
    "workflows": {"engine": {"url": ""}},
}
"""Overrides for a home that shares nothing with other processes and keeps old records."""


class StateSettings(BaseModel):
    """Where incidents, approvals, executions and audit are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr = Field(default=SecretStr(""), description="postgresql://…; empty: state.db in the home")


class WebSettings(BaseModel):
    """The HTTP face."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8700, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    auth: Literal["token", "none"] = Field(default="token", description="none: who reaches the port may do all")


class Settings(BaseSettings):
    """Everything that can be set, by room."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )
    toml: ClassVar[Path | None] = None

    home: Path = Field(description="folder that holds everything of one installation")
    intake: IntakeSettings = IntakeSettings()
    feeds: tuple[FeedSettings, ...] = Field(default=(), description="topics and streams to fetch from, by `bdp serve`")
    stream: StreamSettings = StreamSettings()
    store: StoreSettings = StoreSettings()
    state: StateSettings = StateSettings()
    pipeline: PipelineSettings = PipelineSettings()
    work: WorkSettings = WorkSettings()
    letters: LetterSettings = LetterSettings()
    detect: BurstSettings = BurstSettings()
    dedup: DedupSettings = DedupSettings()
    explain: ExplainSettings = ExplainSettings()
    gate: GateSettings = GateSettings()
    policy: PolicySettings = PolicySettings()
    act: ActSettings = ActSettings()
    notify: NotifySettings = NotifySettings()
    workflows: WorkflowSettings = WorkflowSettings()
    symptom: SymptomSettings = SymptomSettings()
    web: WebSettings = WebSettings()

    @property
    def state_url(self) -> str:
        """Address of the state database."""
        return self.state.url.get_secret_value() or f"sqlite:///{self.home / 'state.db'}"

    @property
    def engine(self) -> EngineSettings:
        """The durable engine's settings with its database filled in."""
        url = self.workflows.engine.url or f"sqlite:///{self.home / 'workflows.db'}"
        return self.workflows.engine.model_copy(update={"url": url})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the home's file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.toml)


def load(home: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read all settings.

    Args:
        home: stronger than BDP_HOME and the platform's user data folder.
        overrides: nested values that are stronger than environment and file.

    Raises:
        BadSetting: a name is unknown or a value out of range; the text names it.
    """
    where = (home or Path(os.environ.get("BDP_HOME") or platformdirs.user_data_path("bdp"))).expanduser().absolute()
    reader = type("Settings", (Settings,), {"toml": where / FILE})
    try:
        _refuse_unknown(os.environ)
        given = {"home": where, **(overrides or {})}
        settings: Settings = reader(**given)
        settings = _with_secrets(settings)
    except ValidationError as error:
        place = f"in {where / FILE}, or in the environment" if (where / FILE).exists() else "in the environment"
        raise BadSetting(_told(error), f"Correct it {place}.") from error
    except (OSError, ValueError) as error:
        raise BadSetting(f"The settings cannot be read: {error}.", f"Correct {where / FILE}.") from error
    return settings


def secret(name: str) -> str | None:
    """Return the value of an environment variable that a setting names; None if it is not set."""
    return os.environ.get(name)


def _with_secrets(settings: Settings) -> Settings:
    store = settings.store.model_copy(update={"dsn": _resolved(settings.store.dsn, "store.dsn")})
    state = settings.state.model_copy(update={"url": _resolved(settings.state.url, "state.url")})
    return settings.model_copy(update={"store": store, "state": state})


def _resolved(given: SecretStr, name: str) -> SecretStr:
    text = given.get_secret_value()
    kind, _, where = text.partition(":")
    if kind == "file":
        return SecretStr(Path(where).read_text(encoding="utf-8").strip())
    if kind != "env":
        return given
    value = secret(where)
    if not value:
        raise BadSetting(f"Setting {name} names {text}, which is not set.", "Set that environment variable.")
    return SecretStr(value)


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {f"{_PREFIX}{name}".upper() for name in Settings.model_fields}
    for name in environment:
        if name.startswith(_PREFIX) and name not in _NOT_SETTINGS and name.split("__")[0] not in known:
            raise BadSetting(f"Nobody knows the environment variable {name}.", f"Known: {', '.join(sorted(known))}.")


def _told(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "settings"
    reason = "nobody knows this name" if first["type"] == "extra_forbidden" else first["msg"]
    return f"Setting {place}: {reason}."
