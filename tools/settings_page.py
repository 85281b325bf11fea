"""Writes docs/reference/settings.md from the settings themselves; with --check only says whether it is up to date."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bdp.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs/reference/settings.md"
HEAD = """# Settings

Set them in `bdp.toml` in the home, or in the environment: `threshold` under `[detect]` is `BDP_DETECT__THRESHOLD`. The
environment is stronger than the file; a list is written as JSON there. A name that is not on this page is refused.
`BDP_HOME` names the home itself. Any address (`url`, `dsn`) may be `env:NAME`, a variable that holds it, or
`file:/path`. Names that others use for models (`LLM_PROVIDER`, `VLLM_BASE_URL` and the like) are read as well, weaker
than ours: see [models](../guides/models.md).

This page is written from the code by `make settings`.
"""


def main() -> None:
    text = page()
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.name} is not up to date: run make settings")


def page() -> str:
    return "\n".join([HEAD, *(line for name, room in rooms() for line in section(name, room)), *lists()])


def rooms() -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in Settings.model_fields.items():
        if is_table(field.annotation):
            yield name, field.annotation


def lists() -> Iterator[str]:
    """Settings that are lists of tables, wherever they stand: one section for each kind of table."""
    for name, field, kinds in listed(Settings, ""):
        for kind in kinds:
            tag = kind.model_fields["kind"].default
            yield f"## {name}: {tag}\n\n{summary(kind)} `{name}`: {field.description}.\n"
            yield f'```toml\n[[{name}]]\nkind = "{tag}"\n```\n'
            yield from table(kind)


def listed(room: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo, list[type[BaseModel]]]]:
    for name, field in room.model_fields.items():
        if is_table(field.annotation):
            yield from listed(field.annotation, f"{prefix}{name}.")
        elif kinds := [kind for kind in parts(field.annotation) if is_table(kind) and "kind" in kind.model_fields]:
            yield f"{prefix}{name}", field, kinds


def parts(annotation: Any) -> Iterator[Any]:
    """Every type that an annotation such as `tuple[Annotated[A | B, …], ...]` is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from parts(part)


def is_table(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def section(name: str, room: type[BaseModel]) -> Iterator[str]:
    yield f"## {name}\n\n{summary(room)}\n"
    yield from table(room)


def summary(room: type[BaseModel]) -> str:
    return (room.__doc__ or "").strip().splitlines()[0]


def table(room: type[BaseModel]) -> Iterator[str]:
    yield "| setting | default | meaning |\n| --- | --- | --- |"
    yield from rows(room, "")
    yield ""


def rows(room: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in room.model_fields.items():
        if is_table(field.annotation):
            yield from rows(field.annotation, f"{prefix}{name}.")
        elif field.is_required():
            yield f"| `{prefix}{name}` | must be given | {cell(field.description or '')} |"
        elif name != "kind":
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
