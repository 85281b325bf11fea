"""The folder is followed while everything runs, and fails closed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import structlog

from bdp.decide.folder import PolicyFolder, read_folder
from bdp.decide.inspect import inspect
from bdp.decide.policy import Policy
from bdp.errors import BadSetting, StoreUnavailable
from bdp.model.decision import PolicyEffect, Reason
from tests.scenario.workflow_scene import wait_for
from tests.unit.decide.scene import incident, now, plan

FREE = "rules: [{name: free, actions: '*', effect: allow}]\n"
DENY = "rules: [{name: none, actions: '*', effect: deny}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "policy"
    path.mkdir()
    return path


def says(policy: Policy) -> PolicyEffect:
    return inspect(policy, plan(), incident(), now()).effect


def test_without_files_the_shipped_policy_holds(tmp_path: Path, folder: Path) -> None:
    (folder / "notes.txt").write_text("rules: nonsense")
    (folder / ".hidden.yaml").write_text("nonsense")
    for path in (folder, tmp_path / "missing"):
        found = PolicyFolder(path).now()
        assert (found.source, found.broken) == ("shipped", False)
        assert read_folder(path) is None


def test_a_change_holds_from_the_next_look_on(folder: Path) -> None:
    (folder / "a.yaml").write_text(FREE)
    files = PolicyFolder(folder)
    assert says(files.now()) is PolicyEffect.ALLOW
    assert files.now() is files.now()
    (folder / "b.yml").write_text(DENY)
    assert says(files.now()) is PolicyEffect.DENY
    (folder / "b.yml").unlink()
    assert says(files.now()) is PolicyEffect.ALLOW


def test_a_broken_file_stops_every_change_until_it_is_mended_and_is_logged_once(folder: Path) -> None:
    (folder / "a.yaml").write_text(FREE)
    files = PolicyFolder(folder, lambda policy: None)
    files.now()
    with structlog.testing.capture_logs() as logs:
        (folder / "a.yaml").write_text(FREE + "x: 1\n")
        for _ in range(3):
            assert inspect(files.now(), plan(), incident(), now()).reasons == (Reason.POLICY_BROKEN,)
        assert [entry["event"] for entry in logs] == ["policy.broken"]
        (folder / "a.yaml").write_text(FREE)
        assert says(files.now()) is PolicyEffect.ALLOW
    assert [entry["event"] for entry in logs] == ["policy.broken", "policy.holds"]


def test_files_that_are_gone_while_it_runs_do_not_bring_other_rules_back(folder: Path) -> None:
    (folder / "a.yaml").write_text(DENY)
    files = PolicyFolder(folder)
    files.now()
    (folder / "a.yaml").unlink()
    gone = files.now()
    assert "its files are gone" in str(gone.problems[0])
    folder.rmdir()
    assert files.now().broken
    assert not PolicyFolder(folder).now().broken


def test_what_cannot_be_read_is_told(folder: Path, tmp_path: Path) -> None:
    (folder / "a.yaml").mkdir()
    found = PolicyFolder(folder).now()
    assert "a.yaml: cannot be read: it is no file" in str(found.problems[0])
    (folder / "a.yaml").rmdir()
    (folder / "a.yaml").symlink_to(tmp_path / "nowhere")
    assert PolicyFolder(folder).now().broken
    file = tmp_path / "file"
    file.write_text("")
    assert PolicyFolder(file).now().broken
    (folder / "a.yaml").unlink()
    for number in range(101):
        (folder / f"{number}.yaml").touch()
    assert "more than 100 files" in str(PolicyFolder(folder).now().problems[0])


def test_files_behind_links_that_are_swapped_are_read_again(folder: Path, tmp_path: Path) -> None:
    """As Kubernetes does with a ConfigMap: the files are links to a folder that is another at once."""
    for name, text in (("one", FREE), ("two", DENY)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(text)
    (folder / "..data").symlink_to(tmp_path / "one")
    (folder / "a.yaml").symlink_to("..data/a.yaml")
    files = PolicyFolder(folder)
    assert says(files.now()) is PolicyEffect.ALLOW
    (folder / "..new").symlink_to(tmp_path / "two")
    os.replace(folder / "..new", folder / "..data")
    assert says(files.now()) is PolicyEffect.DENY


def test_half_a_file_never_holds(folder: Path) -> None:
    """Whoever writes in pieces is waited for: the first piece alone would allow what the second denies."""
    path = folder / "a.yaml"
    path.write_text(FREE)
    files = PolicyFolder(folder)
    files.now()
    allow = "rules:\n  - {name: free, actions: '*', effect: allow}\n"
    begun = threading.Event()

    def write() -> None:
        with path.open("w") as file:
            file.write(allow)
            file.flush()
            begun.set()
            for _ in range(8):
                threading.Event().wait(0.02)
                file.write("# …\n")
                file.flush()
            file.write("  - {name: none, actions: '*', effect: deny}\n")

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    assert says(files.now()) is PolicyEffect.DENY
    writer.join()


def test_it_does_not_begin_with_a_broken_policy(folder: Path) -> None:
    PolicyFolder(folder).check()
    (folder / "a.yaml").write_text("x: 1\ny: 2\n")
    with pytest.raises(BadSetting, match=r"a\.yaml:1: x: nobody knows this key.*\(and 1 more\).*bdp policy check"):
        PolicyFolder(folder).check()


def test_each_policy_that_holds_is_told_of_and_trouble_there_stops_nothing(folder: Path) -> None:
    told: list[str] = []

    def keep(policy: Policy) -> None:
        told.append(policy.version)
        raise StoreUnavailable("The database is away.")

    files = PolicyFolder(folder, keep)
    first = files.now().version
    files.now()
    (folder / "a.yaml").write_text(FREE)
    assert told == [first]
    second = files.now().version
    assert told == [first, second]
    (folder / "a.yaml").write_text("x: 1\n")
    files.now()
    assert told == [first, second]


def test_it_is_followed_while_nothing_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdp.decide.folder.LOOK_SECONDS", 0.01)
    files, seen, stop = PolicyFolder(folder, lambda policy: None), [], threading.Event()

    def each(policy: Policy) -> None:
        seen.append(policy.source)
        if len(seen) == 1:
            raise StoreUnavailable("The database is away.")

    thread = threading.Thread(target=files.follow, args=(stop, each))
    thread.start()
    (folder / "a.yaml").write_text(FREE)
    wait_for(lambda: str(folder) in seen)
    stop.set()
    thread.join()
