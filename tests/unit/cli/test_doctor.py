"""`bdp doctor`, `bdp token`, `bdp version`, and what an empty home teaches."""

from __future__ import annotations

import shutil
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

import bdp
from bdp.cli.doctor import CHECKS, LOOKS, _Product
from bdp.errors import BdpError
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
        "playbooks",
        "models",
        "product",
        "delivery",
        "policy",
    ]
    assert all(check["ok"] for check in told.object["checks"])
    assert "bdp ingest" in process("incidents", "--home", tmp_path / "home").out


def test_a_mistake_in_an_own_playbook_is_told_with_file_and_field(process: Bdp, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.md").write_text('+++\nname = "mine"\ntitel = "Mine"\n+++\n')
    home = tmp_path / "home"
    home.mkdir()
    (home / "bdp.toml").write_text(f'[explain]\nplaybooks = "{own}"\n')
    told = process("doctor", "--home", home, "--json")
    assert told.code == 4
    text = next(check["text"] for check in told.object["checks"] if check["name"] == "playbooks")
    assert "mine.md" in text
    assert "title" in text


def test_damaged_bytes_that_were_set_aside_are_told(process: Bdp, tmp_path: Path) -> None:
    spill = tmp_path / "home" / "spill"
    spill.mkdir(parents=True)
    for start in range(4):
        (spill / f"00000001-{start}.torn").write_text("damaged")
    told = process("doctor", "--home", tmp_path / "home", "--json")
    bad = {check["name"]: check["text"] for check in told.object["checks"] if not check["ok"]}
    assert (told.code, list(bad)) == (4, ["delivery"])
    assert "(4: 00000001-0.torn, 00000001-1.torn, 00000001-2.torn, …)" in bad["delivery"]
    assert str(spill) in bad["delivery"]


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


KAFKA = {"BDP_STREAM__SINKS": '["kafka", "table"]', "BDP_STREAM__KAFKA__TIMEOUT_SECONDS": "0.5"}


@pytest.fixture
def nowhere() -> str:
    """An address at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


def test_a_broker_that_is_away_is_found_before_the_first_record(process: Bdp, tmp_path: Path, nowhere: str) -> None:
    settings = KAFKA | {"BDP_STREAM__KAFKA__BOOTSTRAP_SERVERS": nowhere}
    found = process("doctor", "--home", tmp_path, "--json", environment=settings)
    assert found.code == 4
    bad = {check["name"]: check["text"] for check in found.object["checks"] if not check["ok"]}
    assert list(bad) == ["delivery"]
    assert bad["delivery"].startswith("The sink kafka is away: Kafka does not answer: ")
    assert bad["delivery"].endswith(" Records go to table meanwhile and flow back by themselves; none is lost.")


def test_a_state_database_that_is_away_is_told_once_in_plain_words(process: Bdp, tmp_path: Path, nowhere: str) -> None:
    url = f"postgresql://bdp:{'hu' + 'sh'}@{nowhere}/state%20one"
    found = process("doctor", "--home", tmp_path, "--json", environment={"BDP_STATE__URL": url})
    assert found.code == 4
    bad = [check["text"] for check in found.object["checks"] if not check["ok"]]
    told = f"The state database (state one at {nowhere}) does not answer: Connection refused."
    assert bad == [f"{told} Check that it runs and is reachable, then try again."]
    assert "hush" not in found.out + found.err


class Answers:
    """What a product answers to the doctor."""

    app = None

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def get(self, path: str) -> Any:
        return self._answers[path.rpartition("/")[2]]


def look(name: str, **answers: Any) -> str:
    health = {"status": "ready", "stuck": [], "absences": [], "feeds": {}} | answers.get("health", {})
    return LOOKS[name](_Product(Answers(**answers), health, feeds=0))  # type: ignore[arg-type]


def sink(name: str, reason: str = "", **more: Any) -> dict[str, Any]:
    state = "open" if reason else "closed"
    return {"name": name, "state": state, "reason": reason, "waiting": 0, "takes_from": "normal", "takes": True} | more


@pytest.mark.parametrize(
    ("sinks", "tried", "what", "next_step"),
    [
        ([sink("kafka", "no broker."), sink("table")], {}, "kafka is away: no broker.", "Records go to table"),
        ([sink("kafka", "no broker."), sink("table", "locked.")], {}, "(kafka: no broker; table: locked)", "Bring one"),
        ([sink("kafka", "no broker."), sink("table", takes=False)], {}, "(kafka: no broker)", "Bring one"),
        ([sink("kafka"), sink("table")], {"table": "locked."}, "table is away: locked.", "Nothing is lost"),
        ([sink("kafka"), sink("table", takes_from="error")], {}, "disk of the sink table", "Free some"),
    ],
)
def test_each_state_of_the_chain_has_its_words(
    sinks: list[dict[str, Any]], tried: dict[str, str], what: str, next_step: str
) -> None:
    asked = [{"sink": one["name"], "reason": tried.get(one["name"], "")} for one in sinks]
    with pytest.raises(BdpError) as error:
        look("delivery", health={"sinks": sinks, "tried": asked})
    assert what in error.value.what
    assert error.value.next_step.startswith(next_step)


def test_a_feed_in_trouble_is_bad_and_one_that_fetches_is_well() -> None:
    with pytest.raises(BdpError, match="The feed orders does not fetch everything: Kinesis: no such stream"):
        look("feeds", health={"feeds": {"clicks": "", "orders": "Kinesis: no such stream."}})
    assert look("feeds", health={"feeds": {"clicks": "", "orders": ""}}) == "clicks, orders: no trouble"
    assert look("feeds") == ""
    here = _Product(Answers(), {"feeds": {}}, feeds=2)  # type: ignore[arg-type]
    here.api.app = object()  # type: ignore[assignment]
    assert LOOKS["feeds"](here) == "2 in the settings; they fetch while 'bdp serve' runs"


def test_a_store_that_hangs_is_what_is_wrong() -> None:
    with pytest.raises(BdpError, match="The store has not answered for 3 seconds"):
        look("product", health={"stuck": ["The store has not answered for 3 seconds: it hangs."]})


def lane(number: int, reader: str, seen_at: str) -> dict[str, Any]:
    return {"lane": f"bdp/records/{number}", "reader": reader, "seen_at": seen_at}


def test_partitions_that_nobody_works_on_are_bad() -> None:
    lanes = [lane(0, "one:1", "2999-01-01T00:00:00Z"), lane(1, "two:2", "2999-01-01T00:00:00Z")]
    assert look("partitions", lanes=lanes) == "2: one:1 has 1, two:2 has 1"
    lanes += [lane(2, "gone:3", "2026-05-01T12:00:00Z"), {"lane": "bdp/records/3", "reader": "", "seen_at": None}]
    with pytest.raises(BdpError, match="Nobody works on the partitions 2 3"):
        look("partitions", lanes=lanes)
    assert look("partitions", lanes=[]) == ""


@pytest.mark.parametrize(
    ("free", "said"),
    [(20 << 20, "20 MiB are free"), ((1 << 30) - 1, "1023 MiB are free"), (5 << 30, "5 GiB free")],
)
def test_a_small_disk_is_told_in_a_unit_that_shows_it(
    bdp: Bdp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, said: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 40, (1 << 40) - free, free))
    try:
        told = CHECKS["disk"](tmp_path)
    except BdpError as error:
        told = error.what
    assert said in told


def test_what_waits_in_a_sink_that_cannot_be_asked_is_unknown() -> None:
    sinks, tried = [sink("journal"), sink("table", waiting=None)], {"journal": "", "table": "refused."}
    asked = [{"sink": name, "reason": reason} for name, reason in tried.items()]
    with pytest.raises(BdpError, match="table is away: refused") as error:
        look("delivery", health={"sinks": sinks, "tried": asked})
    assert error.value.next_step.startswith("What waits in it is unknown")
