"""Files and functions stay small enough to read, and their names say what is in them."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"
FILE_LINES = 450
FUNCTION_LINES = 60
EMPTY_NAMES = {"base", "common", "core", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}


def files() -> Iterator[Path]:
    yield from sorted(SOURCE.rglob("*.py"))


def test_no_name_without_meaning() -> None:
    # A name of several words says something unless its last one is empty: `cost_utils` is refused, `base_rate` is not.
    paths = [path.relative_to(SOURCE) for path in SOURCE.rglob("*") if "__pycache__" not in path.parts]
    found = [str(path) for path in paths if path.stem.lower().split("_")[-1] in EMPTY_NAMES]
    assert not found, f"name these for what they hold: {found}"


def test_no_long_file() -> None:
    counts = {str(file.relative_to(SOURCE)): len(file.read_text(encoding="utf-8").splitlines()) for file in files()}
    found = {name: count for name, count in counts.items() if count > FILE_LINES}
    assert not found, f"over {FILE_LINES} lines: {found}"


def test_no_long_function() -> None:
    found = {}
    for file in files():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    found[f"{file.relative_to(SOURCE)}:{node.lineno} {node.name}"] = length
    assert not found, f"over {FUNCTION_LINES} lines: {found}"
