"""`bdp ack` and `bdp notify test`, against a serving process."""

from __future__ import annotations

from tests.integration.serving import Served
from tests.unit.cli.conftest import Bdp


def test_a_trial_says_in_plain_words_what_happened(bdp: Bdp, served: Served) -> None:
    told = bdp("notify", "test", "--home", served.home)
    assert told.code == 0, told.err
    assert "✓ file  It took the message." in told.out
    one = bdp("notify", "test", "file", "--json", "--home", served.home).object
    assert [(row["channel"], row["reached"]) for row in one["channels"]] == [("file", True)]
    unknown = bdp("notify", "test", "nobody", "--home", served.home)
    assert (unknown.code, "Set up: console, file" in unknown.err) == (3, True)


def test_an_unknown_incident_cannot_be_taken_on(bdp: Bdp, served: Served) -> None:
    told = bdp("ack", "nothing", "--by", "kim", "--home", served.home)
    assert (told.code, "There is no incident nothing." in told.err) == (3, True)
