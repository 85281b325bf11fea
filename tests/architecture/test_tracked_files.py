"""The repository works on any machine: no file names one machine's folders or one registry's address."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Put together from parts, so that this file does not hold what it forbids.
HOMES = "|".join(["home", "Users", "root", "work"])
MACHINE_PATH = re.compile(rf"(?<![\w.~/)}}-])/(?:{HOMES})/[\w.-]+")
REGISTRY = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in [
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("yarnpkg", "com"),
            ("crates", "io"),
            ("proxy", "golang", "org"),
            ("docker", "io"),
            ("ghcr", "io"),
            ("quay", "io"),
        ]
    )
)


def tracked() -> Iterator[Path]:
    """What git tracks, and what it would take in next."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so what is tracked is unknown")
    yield from (ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def findings(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for file in tracked():
        content = file.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
            if match := pattern.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {match.group()}")
    return found


def test_no_path_of_one_machine() -> None:
    assert findings(MACHINE_PATH) == []


def test_no_address_of_a_registry() -> None:
    assert findings(REGISTRY) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, "cd /" + "home/someone/project"),
        (MACHINE_PATH, 'open("/' + 'root/.cache")'),
        (REGISTRY, "https://files.python" + "hosted.org/packages/x.whl"),
        (REGISTRY, '"resolved": "https://registry.npm' + 'js.org/react"'),
    ],
)
def test_the_patterns_bite(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


@pytest.mark.parametrize("text", ["GET /api/home/42", "./" + "work/x", "https://host.example/" + "root/x", "~/work"])
def test_the_patterns_leave_addresses_of_other_things_alone(text: str) -> None:
    assert not MACHINE_PATH.search(text)
