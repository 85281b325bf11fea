"""`bdp doctor`, `bdp token`, `bdp version`, and what an empty home teaches."""

from __future__ import annotations

import stat
from pathlib import Path

import bdp
from tests.integration.serving import Served
from tests.unit.cli.conftest import Bdp


def test_a_new_home_is_well_and_each_verb_says_what_to_do(process: Bdp, tmp_path: Path) -> None:
    told = process("doctor", "--home", tmp_path / "home", "--json")
    assert told.code == 0
    assert [check["name"] for check in told.object["checks"]] == [
        "python",
        "settings",
        "disk",
        "store",
        "product",
        "delivery",
    ]
    assert all(check["ok"] for check in told.object["checks"])
    assert "bdp ingest" in process("incidents", "--home", tmp_path / "home").out


def test_a_served_home_is_well(bdp: Bdp, served: Served) -> None:
    told = bdp("doctor", "--home", served.home)
    assert told.code == 0
    assert "served by another process" in told.out


def test_wrong_settings_are_told_once(bdp: Bdp, tmp_path: Path) -> None:
    (tmp_path / "bdp.toml").write_text("[web]\nprot = 1\n")
    told = bdp("doctor", "--home", tmp_path)
    assert told.code == 4
    assert told.out.count("web.prot: nobody knows this name") == 1
    assert str(tmp_path / "bdp.toml") in told.out.replace("\n", "")


def test_a_home_that_cannot_be_is_told(bdp: Bdp, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file/home"):
        told = bdp("doctor", "--home", home)
        assert told.code == 4
        assert "BAD product" in told.out
        assert bdp("token", "--home", home).code == 4


def test_the_token_is_made_once_and_private(process: Bdp, tmp_path: Path) -> None:
    first, again = (
        process("token", "--home", tmp_path / "home"),
        process("token", "--home", tmp_path / "home", "--json"),
    )
    assert first.out.strip() == again.object["token"]
    assert len(first.out.strip()) >= 40
    assert stat.S_IMODE((tmp_path / "home/token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_version(process: Bdp) -> None:
    assert process("version").out == f"{bdp.__version__}\n"
    assert process("version", "--json").object == {"version": bdp.__version__}
