"""`bdp policy` and `bdp pause`, against a serving process and a home that nobody serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from bdp.cli import screen
from bdp.decide.policy import SHIPPED, shipped
from tests.integration.serving import Served
from tests.unit.cli.conftest import Bdp

ROLLOUT = ("policy", "test", "kubernetes_rollout", "--resource", "deployment:shop/cart", "--service", "checkout")
OWN = """\
environments: {staging: "*:staging/*"}
maintenance:
  - {name: upgrade, resources: "rds:*", from: 2026-11-22T02:00, to: 2026-11-22T05:00, zone: Asia/Seoul}
rules:
  - {name: not-payments, actions: "*", services: "pay*", effect: deny, hours: {days: fri, from: "17:00"}}
  - name: carts
    actions: kubernetes_rollout
    resources: "deployment:shop/*"
    effect: allow
    act_at: 0.9
    max_risk: medium
    reversible_only: true
    max_blast_radius: 5
    hours: {days: mon-fri, from: 09:00, to: 18:00, zone: Asia/Seoul}
    limits: {most: 2, per: 1h, scope: resource}
    otherwise: ask
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rules"
    path.mkdir()
    (path / "own.yaml").write_text(OWN)
    return path


@pytest.mark.parametrize("width", [80, 120])
def test_the_rules_that_hold_are_shown(bdp: Bdp, served: Served, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen.out, "_width", width)
    out = bdp("policy", "--home", served.home).out
    assert max(map(len, out.splitlines())) <= width
    words = " ".join(out.split())
    for said in (f"policy {shipped().version}, as BDP ships it", "allow from 0.50", "ask 2 people", "bdp policy init"):
        assert said in words
    assert bdp("policy", "--json", "--home", served.home).object["source"] == "shipped"


def test_a_trial_in_both_languages(bdp: Bdp, served: Served) -> None:
    given = (*ROLLOUT, "--irreversible", "--at", "2026-11-22T03:00", "--home", served.home)
    out = bdp(*given).out
    assert "irreversible-in-production  fits: it decides" in out
    assert "asks 2 different people (approver)" in out
    assert "2026-11-22 03:00:00 UTC" in out
    korean = bdp(*given, "--ko").out
    assert "승인 요청: 서로 다른 2명(승인자)" in korean
    assert "맞음: 이 규칙이 결정함" in korean
    assert bdp(*given, "--json").object["trial"]["course"] == "ask"
    assert "acts by itself" in bdp("policy", "test", "notify", "--home", served.home).out


def test_files_can_be_tried_before_they_hold(bdp: Bdp, folder: Path, tmp_path: Path) -> None:
    def told(*words: object) -> str:
        out = bdp(*ROLLOUT, *words, "--folder", folder, "--home", tmp_path / "home").out
        return " ".join(out.split())

    at_noon = ("--at", "2026-11-18T12:00+09:00")
    assert "acts by itself: Confidence 0.90 reaches 0.90" in told(*at_noon)
    assert "service checkout is not pay*" in told(*at_noon)
    sunday = told("--at", "2026-11-22T03:00", "--blast-radius", "8")
    assert "It is Sun 12:00 Asia/Seoul; it is allowed only mon-fri 09:00-18:00 Asia/Seoul." in sunday
    assert "It touches 8 at once; at most 5 are allowed. The rule `carts` asks one person" in sunday
    assert "denies only fri 17:00-24:00 UTC" in told("--service", "payments", *at_noon)
    friday = told("--service", "payments", "--at", "2026-11-20T18:00")
    assert "denied The rule `not-payments` denies" in friday
    assert bdp(*ROLLOUT, "--folder", tmp_path, "--home", tmp_path / "home").code == 3


def test_check_tells_all_that_is_wrong_and_ends_with_3(bdp: Bdp, folder: Path, tmp_path: Path) -> None:
    good = bdp("policy", "check", folder)
    assert (good.code, "2 rules" in good.out) == (0, True)
    (folder / "b.yaml").write_text("x: 1\nrules: [{name: \x1b[2J}]")
    (folder / "a.yaml").write_text('rules:\n  - {name: "a", actions: dance, effect: allow}\n')
    bad = bdp("policy", "check", folder)
    assert bad.code == 3
    assert "\x1b" not in bad.out
    assert [line.split(": ")[0] for line in bad.out.splitlines() if line[:6] in ("a.yaml", "b.yaml")] == [
        "a.yaml:2", "b.yaml:2",
    ]  # fmt: skip
    told = bdp("policy", "check", folder, "--json")
    assert (told.code, told.object["version"], len(told.object["problems"])) == (3, "", 2)
    assert bdp("policy", "check", tmp_path / "nowhere").code == 3


def test_init_writes_the_shipped_rules_once(bdp: Bdp, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert bdp("policy", "init", "--home", home).code == 0
    assert (home / "policy" / "policy.yaml").read_bytes() == SHIPPED.read_bytes()
    assert bdp("policy", "check", "--json", "--home", home).object["version"] == shipped().version
    again = bdp("policy", "init", "--home", home)
    assert (again.code, "already" in again.err) == (3, True)


def test_a_serving_process_writes_down_what_holds(bdp: Bdp, served: Served) -> None:
    assert shipped().version in bdp("policy", "history", "--home", served.home).out
    listed = bdp("policy", "history", "--json", "--home", served.home).object["history"]
    assert "tell-people" in listed[0]["body"]["files"]["shipped.yaml"]


def test_pausing_while_it_runs(bdp: Bdp, served: Served) -> None:
    home = ("--home", served.home)
    told = bdp("pause", "--reason", "storm \x1b[2J", "--for", "2h", "--by", "kim", *home)
    assert told.code == 0, told.err
    assert "PAUSED by kim" in told.out
    assert "\x1b" not in told.out
    assert "paused BDP" in bdp(*ROLLOUT, *home).out
    assert bdp("paused", "--json", *home).object["paused"] is True
    assert "PAUSED by kim" in bdp("doctor", *home).out
    assert "Not paused" in bdp("resume", "--by", "lee", *home).out
    assert "lee  resumed" in bdp("paused", *home).out


def test_pausing_while_nothing_runs(bdp: Bdp, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    assert bdp("paused", "--json", *home).object == {"paused": False, "pause": None, "history": []}
    assert bdp("pause", "--by", "kim", *home).code == 0
    assert bdp("paused", "--json", *home).object["pause"]["by"] == "kim"
    assert bdp("resume", "--json", *home).object["paused"] is False
    assert bdp("pause", "--for", "soon", *home).code == 3


def test_pausing_where_the_server_does_not_answer(bdp: Bdp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    assert bdp("pause", "--json", "--home", home).code == 0
    bdp("resume", "--home", home)
    monkeypatch.setattr("bdp.home.Home.serving", "http://127.0.0.1:9")  # nobody is there
    told = bdp("pause", "--home", home)
    assert told.code == 0
    assert "into the state database instead" in told.err
    monkeypatch.undo()
    assert bdp("paused", "--json", "--home", home).object["paused"] is True


def test_it_does_not_serve_with_a_broken_policy(process: Bdp, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "policy").mkdir(parents=True)
    (home / "policy" / "a.yaml").write_text("rulez: []")
    told = process("serve", "--home", home, environment={"BDP_WEB__PORT": "0"})
    assert told.code == 4
    assert "did you mean rules?" in " ".join(told.err.split())
    doctor = process("doctor", "--home", home)
    assert doctor.code == 4
    assert "The policy is broken" in doctor.out
