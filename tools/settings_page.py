"""Writes docs/reference/settings.md from the settings themselves; with --check only says whether it is up to date."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bdp.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs/reference/settings.md"
HEAD = """# Settings

Set them in `bdp.toml` in the home, or in the environment: `threshold` under `[detect]` is `BDP_DETECT__THRESHOLD`. The
environment is stronger than the file. A name that is not on this page is refused. `BDP_HOME` names the home itself.

This page is written from the code by `make settings`.
"""


def main() -> None:
    text = "\n".join([HEAD, *(line for name, room in rooms() for line in section(name, room))])
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.name} is not up to date: run make settings")


def rooms() -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def section(name: str, room: type[BaseModel]) -> Iterator[str]:
    summary = (room.__doc__ or "").strip().splitlines()[0]
    yield f"## {name}\n\n{summary}\n"
    yield "| setting | default | meaning |\n| --- | --- | --- |"
    yield from rows(room, "")
    yield ""


def rows(room: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in room.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from rows(field.annotation, f"{prefix}{name}.")
        else:
            yield f"| `{prefix}{name}` | {default(field)} | {cell(field.description or '')} |"


def default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        return "<br>".join(f"`{cell(shown(item))}`" for item in value) or "none"
    return f"`{cell(str(getattr(value, 'value', value)))}`" if value not in ("", None, {}) else "none"


def shown(item: Any) -> str:
    """A nested setting as the values that were chosen for it; one that is all defaults as its kind."""
    if isinstance(item, BaseModel):
        return json.dumps(item.model_dump(mode="json", exclude_unset=True) or {"kind": getattr(item, "kind", "")})
    return str(getattr(item, "value", item))


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


if __name__ == "__main__":
    main()
