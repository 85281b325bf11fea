"""The home: private, held by one process at a time, and found by the others."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bdp.errors import BadSetting, HomeInUse
from bdp.home import Home


def locked(path: Path) -> bool:
    return Home(path).locked


def serving(path: Path) -> str | None:
    return Home(path).serving


def test_it_is_made_private_and_its_token_stays(tmp_path: Path) -> None:
    home = Home(tmp_path / "a/b")
    home.prepare()
    first = home.token
    home.prepare()
    assert home.token == first
    assert len(first) >= 40
    assert stat.S_IMODE((home.path / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


def test_one_holder_at_a_time_also_across_processes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert locked(tmp_path) is False
    with home.held():
        assert locked(tmp_path) is True
        with pytest.raises(HomeInUse, match="Another bdp process"), home.held():
            pass
        code = f"from pathlib import Path; from bdp.home import Home; print(Home(Path({str(tmp_path)!r})).locked)"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
        assert told.stdout == "True\n"
    assert locked(tmp_path) is False


def test_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from bdp.home import Home\n"
        f"home = Home(Path({str(tmp_path)!r}))\nwith home.held(), home.announced('http://x'): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    home = Home(tmp_path)
    assert (tmp_path / "serve.json").exists()
    assert (home.locked, home.serving) == (False, None)
    with home.held():
        assert (locked(tmp_path), serving(tmp_path)) == (True, None)


def test_who_serves_is_announced_while_it_serves(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.held():
        assert serving(tmp_path) is None
        with home.announced("http://127.0.0.1:1"):
            assert serving(tmp_path) == "http://127.0.0.1:1"
            assert json.loads((tmp_path / "serve.json").read_text())["pid"] == os.getpid()
        assert serving(tmp_path) is None


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"port": 1}', '{"url": 1}', "\x00"])
def test_a_damaged_note_is_no_server(tmp_path: Path, text: str) -> None:
    home = Home(tmp_path)
    with home.held():
        (tmp_path / "serve.json").write_text(text)
        assert home.serving is None


@pytest.mark.parametrize("inside", ["", "deeper"])
def test_a_file_is_no_home(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").touch()
    home = Home(tmp_path / "file" / inside)
    with pytest.raises(BadSetting, match="cannot be used"):
        home.prepare()
    assert not home.locked


def test_a_home_with_something_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    home = Home(tmp_path)
    with pytest.raises(BadSetting, match="Is a directory"):
        assert home.locked
    with pytest.raises(BadSetting, match="Is a directory"), home.held():
        pass
    with pytest.raises(BadSetting, match="No such file"):
        assert home.token
