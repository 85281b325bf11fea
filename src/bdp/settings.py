"""All settings: from arguments, the environment and `bdp.toml` in the home, the strongest first; their only reader.

A nested setting is `BDP_DETECT__THRESHOLD=20` in the environment and `threshold = 20` under `[detect]` in the file. A
name that nobody knows is refused. Any address (`url`, `dsn`) may be given by reference, so that a password in it stands
elsewhere: `env:NAME` or `file:/path`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from bdp.act.action import ActSettings
from bdp.decide.approvers import ApproverSettings
from bdp.decide.gate import GateSettings
from bdp.decide.policy import PolicySettings
from bdp.detect.burst.detector import BurstSettings
from bdp.detect.cost.settings import KNOWN as COST_NAMES
from bdp.detect.cost.settings import CostSettings
from bdp.detect.cost.settings import read as read_cost
from bdp.detect.dedup import DedupSettings
from bdp.detect.fabric.settings import FabricSettings
from bdp.detect.series.settings import SeriesSettings
from bdp.errors import BadRequest, BadSetting
from bdp.explain.agents.settings import AgentSettings
from bdp.explain.settings import ExplainSettings
from bdp.flow.counsel import AdviceSettings
from bdp.flow.letters import LetterSettings
from bdp.flow.links import LinkSettings
from bdp.flow.mend.symptom import SymptomSettings
from bdp.flow.pipeline import PipelineSettings
from bdp.flow.settings import Detection, EngineSettings, ShadowSettings, WorkflowSettings
from bdp.flow.tell.triage import AlertingSettings
from bdp.flow.work import WorkSettings
from bdp.intake.feeds import FeedSettings
from bdp.intake.limits import IntakeSettings
from bdp.llm.settings import WELL_KNOWN, GatewaySettings, models_of
from bdp.notify.channels import NotifySettings
from bdp.notify.slack_buttons import SlackSettings
from bdp.store.settings import StoreSettings
from bdp.stream.settings import StreamSettings

FILE = "bdp.toml"
_PREFIX = "BDP_"
_NOT_SETTINGS = frozenset({"BDP_DATA"})
"""Names with our prefix that belong to tests and benchmarks."""
_ADDRESS = ("url", "dsn")
_LONGEST_NAME = 200
R = TypeVar("R", bound=BaseModel)
_REFERENCE = re.compile(r"""(?:^|["'])env:(\w+)""")
COSTS_KNOWN = {name: ("costs", field) for name, field in COST_NAMES.items()}
"""Short names of settings of costs; weaker than the long ones."""
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
    public_url: str = Field(
        default="",
        pattern=r"^((https?://|env:|file:)[^\s?#]+)?$",
        description="address under which people reach this server, for one-time links; empty: no links",
    )
    auth: Literal["token", "none"] = Field(default="token", description="none: who reaches the port may do all")
    body_seconds: float = Field(
        default=60.0, gt=0, le=3600, description="longest wait for the next piece of a request's body; then 408"
    )
    connections: int = Field(default=1000, ge=10, description="open connections; one more is answered 503")


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
    feeds: tuple[FeedSettings, ...] = Field(default=(), description="what `bdp serve` fetches by itself")
    stream: StreamSettings = StreamSettings()
    store: StoreSettings = StoreSettings()
    state: StateSettings = StateSettings()
    pipeline: PipelineSettings = PipelineSettings()
    work: WorkSettings = WorkSettings()
    letters: LetterSettings = LetterSettings()
    detect: BurstSettings = BurstSettings()
    series: SeriesSettings = SeriesSettings()
    fabric: FabricSettings = FabricSettings()
    costs: CostSettings = CostSettings()
    shadow: ShadowSettings = ShadowSettings()
    dedup: DedupSettings = DedupSettings()
    explain: ExplainSettings = ExplainSettings()
    agents: AgentSettings = AgentSettings()
    llm: GatewaySettings = GatewaySettings()
    insights: AdviceSettings = AdviceSettings()
    gate: GateSettings = GateSettings()
    policy: PolicySettings = PolicySettings()
    approvers: ApproverSettings = ApproverSettings()
    links: LinkSettings = LinkSettings()
    slack: SlackSettings = SlackSettings()
    act: ActSettings = ActSettings()
    notify: NotifySettings = NotifySettings()
    alerting: AlertingSettings = AlertingSettings()
    workflows: WorkflowSettings = WorkflowSettings()
    symptom: SymptomSettings = SymptomSettings()
    web: WebSettings = WebSettings()

    @property
    def detection(self) -> Detection:
        """What live detection works by."""
        return Detection(self.detect, self.series, self.fabric)

    @property
    def shadow_detection(self) -> Detection | None:
        """What shadow detection works by; None if it is off. `load` has refused what is wrong there."""
        given = self.shadow.given
        rooms = (_over(getattr(self, name), given.get(name, {}), f"shadow.{name}") for name in Detection._fields)
        return Detection(*rooms) if given else None

    @property
    def state_url(self) -> str:
        """Address of the state database."""
        return self.state.url.get_secret_value() or f"sqlite:///{self.home / 'state.db'}"

    @property
    def policy_folder(self) -> Path:
        """Folder of the policy's files."""
        return self.home / self.policy.folder.expanduser()

    @property
    def engine(self) -> EngineSettings:
        """The durable engine's settings with its database filled in."""
        url = self.workflows.engine.url.get_secret_value() or f"sqlite:///{self.home / 'workflows.db'}"
        return self.workflows.engine.model_copy(update={"url": SecretStr(url)})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment (our names, then well-known ones), then the home's file."""
        known = InitSettingsSource(settings_cls, _well_known(os.environ))
        return init_settings, env_settings, known, TomlConfigSettingsSource(settings_cls, cls.toml)


def load(home: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read all settings.

    Args:
        home: stronger than BDP_HOME and the platform's user data folder.
        overrides: nested values that are stronger than environment and file.

    Raises:
        BadSetting: a name is unknown or a value out of range; the text names it.
    """
    where = (home or Path(os.environ.get("BDP_HOME") or default_home())).expanduser().absolute()
    reader = type("Settings", (Settings,), {"toml": where / FILE})
    try:
        _refuse_unknown(os.environ, where / FILE)
        given = {"home": where, **(overrides or {})}
        settings: Settings = reader(**given)
    except ValidationError as error:
        raise _told(error, where / FILE) from error
    except BadSetting:
        raise
    except SettingsError as error:
        raise _unread(error, reader, where / FILE) from error
    except (OSError, ValueError) as error:
        raise BadSetting(f"The settings cannot be read: {error}.", f"Correct {where / FILE}.") from error
    resolved: Settings = _resolved(settings, ())
    try:
        _ = resolved.shadow_detection
    except BadRequest as error:
        raise BadSetting(error.what, f"Correct it in {where / FILE}, or in the environment.") from error
    return resolved


def over(present: Settings, given: Mapping[str, Any]) -> Settings:
    """Return the present settings with others put over them, as those in a file are; nothing else is read.

    Args:
        given: by room, as in `bdp.toml`. What is no room (`home`, `feeds`) is left as it is.

    Raises:
        BadRequest: a name is unknown or a value out of range; the text names it. What is set itself is not to blame.
    """
    strange = next((name for name in given if name not in Settings.model_fields), None)
    if strange is not None:
        raise _wrong((strange,), "nobody knows this name")
    rooms = {name: room for name in given if isinstance(room := getattr(present, name), BaseModel)}
    return present.model_copy(update={name: _over(room, given[name], name) for name, room in rooms.items()})


def default_home() -> Path:
    """Return the home where neither an argument nor BDP_HOME says one: in the platform's user data folder."""
    return platformdirs.user_data_path("bdp").absolute()


def secret(name: str) -> str | None:
    """Return the value of an environment variable that a setting names; None if it is not set."""
    return os.environ.get(name)


def _over(room: R, given: Any, name: str) -> R:
    try:
        return type(room).model_validate(_merged(room, given))
    except ValidationError as error:
        first = error.errors()[0]
        unknown = first["type"] == "extra_forbidden"
        raise _wrong((name, *map(str, first["loc"])), "nobody knows this name" if unknown else first["msg"]) from error


def _merged(present: Any, given: Any) -> Any:
    if not (isinstance(present, BaseModel) and isinstance(given, Mapping)):
        return given
    fields = {name: getattr(present, name) for name in type(present).model_fields}
    return fields | {name: _merged(fields.get(name), value) for name, value in given.items()}


def _wrong(place: Sequence[str], reason: str) -> BadRequest:
    named = ".".join(place)[:_LONGEST_NAME].encode("utf-8", "replace").decode()
    return BadRequest(f"Setting {named}: {reason[:_LONGEST_NAME]}.", "Correct it among the settings to try.")


def _resolved(value: Any, path: tuple[str, ...]) -> Any:
    """Return a setting, whatever it is, with each address in it that is a reference replaced by what that holds."""
    if isinstance(value, BaseModel):
        found = {name: _resolved(getattr(value, name), (*path, name)) for name in type(value).model_fields}
        return value.model_copy(update={name: new for name, new in found.items() if new != getattr(value, name)})
    if isinstance(value, tuple):
        return tuple(_resolved(item, (*path, str(index))) for index, item in enumerate(value))
    if isinstance(value, dict):
        return {name: _resolved(item, (*path, str(name))) for name, item in value.items()}
    if isinstance(value, SecretStr):
        return SecretStr(_fetched(value.get_secret_value(), path))
    return _fetched(value, path) if isinstance(value, str) and path[-1].endswith(_ADDRESS) else value


def _fetched(text: str, path: tuple[str, ...]) -> str:
    kind, _, where = text.partition(":")
    if kind == "file":
        try:
            return Path(where).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            said = f"Setting {'.'.join(path)} names {text}, which cannot be read: {error}."
            raise BadSetting(said, "Make that file readable.") from error
    if kind != "env":
        return text
    value = secret(where)
    if not value:
        raise BadSetting(f"Setting {'.'.join(path)} names {text}, which is not set.", "Set that environment variable.")
    return value


def _well_known(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what variables say that others name as well, as nested values."""
    given: dict[str, Any] = {}
    for name, (room, *places) in {**WELL_KNOWN, **COSTS_KNOWN}.items():
        if value := environment.get(name, ""):
            inner = given.setdefault(room, {})
            for place in places[:-1]:
                inner = inner.setdefault(place, {})
            inner[places[-1]] = _read(name, value)
    return given


def _read(name: str, text: str) -> Any:
    """Return the value of a setting from the text of its variable."""
    if name in COSTS_KNOWN:
        return read_cost(name, text)
    return models_of(text) if name == "LLM_PROVIDER" else text


def _refuse_unknown(environment: Mapping[str, str], file: Path) -> None:
    known = {f"{_PREFIX}{name}".upper() for name in Settings.model_fields} | COSTS_KNOWN.keys()
    ours = [name for name in environment if name.startswith(_PREFIX) and name not in _NOT_SETTINGS]
    strange = [name for name in ours if name.split("__")[0] not in known]
    if not strange:
        return
    texts = [environment[name] for name in ours] + ([file.read_text(encoding="utf-8")] if file.exists() else [])
    named = {name for text in texts for name in _REFERENCE.findall(text)}
    for name in strange:
        if name not in named:
            raise BadSetting(
                f"Nobody knows the environment variable {name}.",
                f"Known: {', '.join(sorted(known))}; and those that a setting names as env:NAME.",
            )


def _told(error: ValidationError, file: Path) -> BadSetting:
    """Say what is wrong: a misspelt name first, since what is missing next to it may well be what was meant."""
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    place, reason = ".".join(map(str, first["loc"])) or "settings", first["msg"]
    if first["type"] == "extra_forbidden":
        beside = [problem for problem in problems if problem["type"] == "missing"]
        missing = [str(problem["loc"][-1]) for problem in beside if problem["loc"][:-1] == first["loc"][:-1]]
        reason = "nobody knows this name" + (f", and {', '.join(missing)} is missing there" if missing else "")
    elif first["type"] == "value_error":
        named, colon, rest = str(first["ctx"]["error"]).partition(": ")
        place, reason = (f"{place}.{named}", rest) if colon and named.isidentifier() else (place, named + colon + rest)
    variable = _variable(place.split("."))
    anywhere = f"in {file}, or in the environment" if file.exists() else "in the environment"
    next_step = f"Correct the environment variable {variable}." if variable else f"Correct it {anywhere}."
    return BadSetting(f"Setting {place}: {reason}.", next_step)


def _variable(parts: list[str]) -> str:
    """Return the environment variable that gives this setting, or all that it is part of; empty if none does."""
    names = [_PREFIX + "__".join(parts[:count]).upper() for count in range(len(parts), 0, -1)]
    names += [name for name, place in {**WELL_KNOWN, **COSTS_KNOWN}.items() if tuple(parts[: len(place)]) == place]
    return next((name for name in names if name in os.environ), "")


def _unread(error: SettingsError, reader: type[Settings], file: Path) -> BadSetting:
    """Find the environment variable that holds no JSON where JSON is wanted; the error tells its field only."""
    for name in sorted(name for name in os.environ if name.startswith(_PREFIX)):
        source = EnvSettingsSource(reader)
        source.env_vars = {name.lower(): os.environ[name]}
        try:
            source()
        except SettingsError:
            return BadSetting(
                f"The environment variable {name} cannot be read.",
                f"""Lists and tables are written as JSON there, such as {name}='["one", "two"]'.""",
            )
    return BadSetting(f"The settings cannot be read: {error}.", f"Correct {file}.")
