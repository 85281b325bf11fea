"""A function's settings for costs, from its environment: `BDP_COSTS__…` and the short names, as in `bdp.settings`.

`bdp.settings` itself composes the settings of all rooms; importing them takes two seconds, and libraries that the
function's package does not hold.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bdp.detect.cost.settings import KNOWN, CostSettings, read
from bdp.errors import BadSetting

_PREFIX: Final = "BDP_"
_ROOM: Final = "costs"
_LONG: Final = "BDP_COSTS__"


class _Given(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", frozen=True, nested_model_default_partial_update=True
    )

    costs: CostSettings = CostSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The long names, then the short ones."""
        return env_settings, InitSettingsSource(settings_cls, _short(os.environ))


def cost_settings() -> CostSettings:
    """Return how costs are judged.

    Raises:
        BadSetting: a name is unknown or a value out of range; the text names it.
    """
    _refuse_unknown(os.environ)
    try:
        return _Given().costs
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(map(str, first["loc"]))
        known = (name for name, field in KNOWN.items() if (_ROOM, field) == place[:2] and os.environ.get(name))
        name = next(known, _PREFIX + "__".join(place).upper())
        raise BadSetting(
            f"Setting {'.'.join(place)}: {first['msg']}.", f"Correct {name} in the environment."
        ) from error
    except SettingsError as error:
        given = ", ".join(sorted(name for name in os.environ if name.startswith(_LONG)))
        raise BadSetting(f"One of {given} cannot be read.", "Lists and tables are written as JSON there.") from error


def _short(environment: Mapping[str, str]) -> dict[str, Any]:
    given = {field: read(name, environment[name]) for name, field in KNOWN.items() if environment.get(name)}
    return {_ROOM: given} if given else {}


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    ours = [name for name in environment if name.startswith(_PREFIX)]
    strange = next((name for name in ours if not name.startswith(_LONG) and name not in KNOWN), "")
    if strange:
        raise BadSetting(
            f"Nobody here knows the environment variable {strange}.", f"Known: {_LONG}…, {', '.join(sorted(KNOWN))}."
        )
