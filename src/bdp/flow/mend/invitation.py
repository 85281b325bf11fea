"""A question, as it goes to all and to each person: links to answer by stand only where their person alone reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bdp.flow.links import Invitation
from bdp.flow.tell.incident_notice import question_message
from bdp.model.action import Message
from bdp.model.decision import Approval
from bdp.model.incident import Incident


def questions(
    approval: Approval, incident: Incident, invitations: Sequence[Invitation], channels: Sequence[str]
) -> Iterator[Message]:
    """Give the messages of one question: one to all who share channels, one to each person who is invited.

    Args:
        channels: names of all channels.
    """
    asked = question_message(approval, incident)
    private = {channel for one in invitations for channel in one.channels}
    shared = tuple(channel for channel in channels if channel not in private)
    if not private:
        links = [link for one in invitations for link in one.links]
        yield question_message(approval, incident, links)
        return
    if shared:
        yield asked.model_copy(update={"channels": shared})
    for number, one in enumerate(invitations):
        personal = question_message(approval, incident, one.links)
        yield personal.model_copy(update={"key": f"{asked.key}:{number}", "channels": one.channels})
