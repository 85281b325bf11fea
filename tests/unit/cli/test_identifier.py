"""An id that was pasted from somewhere is an id, and no way to another address."""

from __future__ import annotations

import pytest

from bdp.cli.identifier import piece
from bdp.errors import NotFound
from tests.unit.cli.conftest import Bdp

HOSTILE = (
    "../../v1/spending/stop#",
    "x/../../incidents/y/resolve?",
    "",
    "..",
    "%2e%2e",
    "a b",
    "a\n",
    "\x1b[2J",
    "é",
    "x" * 999,
)


@pytest.mark.parametrize("given", HOSTILE)
def test_what_can_be_no_id_is_refused(given: str) -> None:
    with pytest.raises(NotFound, match="There is no approval"):
        piece(given, "approval", "bdp approvals")


@pytest.mark.parametrize("given", ["01KAEZ3V0Q9W2G4T5N6P7R8S9T", "q1", "alert_ib-02_17"])
def test_an_id_passes(given: str) -> None:
    assert piece(given, "approval", "bdp approvals") == given


@pytest.mark.parametrize("verb", ["approve", "reject", "approvals", "incident", "ack", "investigate"])
def test_no_verb_takes_a_path_for_an_id(bdp: Bdp, verb: str) -> None:
    told = bdp(verb, "../../v1/spending/stop#")
    assert told.code == 3
    assert "There is no" in told.err
    assert "Traceback" not in told.err
