"""The import rules hold, and they bite: each kind of violation, planted in a copy of the source, is found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")

ROOMS = "Rooms: an upper row may import a lower one"
CIRCLE = "Siblings: no circle among neighbours"
THINKING = "Thinking: model, detect, decide reach no infrastructure"

PLANTS = {
    "a stage imports another for its types only": (
        "detect/planted.py",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import bdp.store\n",
        ROOMS,
    ),
    "a lower room imports an upper one": ("ports/records.py", "import bdp.flow\n", ROOMS),
    "a room that is not in the plan": ("utils/__init__.py", "", ROOMS),
    "a noun imports a later one": (
        "model/event.py",
        "\n\ndef later() -> None:\n    import bdp.model.incident\n",
        "Nouns: one may know earlier ones only",
    ),
    "a noun that is not in the order": ("model/planted.py", "", "Nouns: one may know earlier ones only"),
    "detect imports boto3 inside a function": (
        "detect/planted.py",
        "def probe() -> None:\n    import boto3\n",
        THINKING,
    ),
    "telemetry imports DBOS": ("telemetry.py", "\nimport dbos\n", "Workflow engine: only flow"),
    "the CLI imports FastAPI": ("cli/planted.py", "import fastapi\n", "HTTP server: only web"),
    "the CLI imports SQLAlchemy": (
        "cli/planted.py",
        "import sqlalchemy\n",
        "Relational databases: only store and stream",
    ),
    "flow imports the client of Kubernetes": (
        "flow/planted.py",
        "def probe() -> None:\n    import kubernetes\n",
        "Kubernetes: only act",
    ),
    "explain imports ClickHouse's client": (
        "explain/planted.py",
        "import clickhouse_connect\n",
        "ClickHouse: only store",
    ),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"}
    command = [str(LINTER), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file in (ROOT / "src" / "bdp").rglob("*.py"):
        target = tmp_path / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return tmp_path


def test_the_source_keeps_every_contract(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_violation_is_found(plant: str, copy: Path) -> None:
    path, text, contract = PLANTS[plant]
    file = copy / "src" / "bdp" / path
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as source:
        source.write(text)

    result = lint(copy)

    assert result.returncode == 1, result.stdout + result.stderr
    assert any(contract in line and "BROKEN" in line for line in result.stdout.splitlines()), result.stdout


def test_a_planted_circle_inside_a_room_is_found(copy: Path) -> None:
    room = copy / "src" / "bdp" / "detect"
    (room / "one.py").write_text("import bdp.detect.two\n", encoding="utf-8")
    (room / "two.py").write_text("import bdp.detect.one\n", encoding="utf-8")

    result = lint(copy)

    assert result.returncode == 1, result.stdout + result.stderr
    assert any(CIRCLE in line and "BROKEN" in line for line in result.stdout.splitlines()), result.stdout
