"""An agent: what it is told, what it may look up, and what it looks up where no model decides that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Agent:
    """One agent, as data.

    Attributes:
        name: a metric's label, and whose budget of requests it is.
        title: for people, by language.
        task: what it is to do, for a model.
        tools: names of look-ups that it may use.
        words: by which a question is known to be its own, lower case; a word counts where it begins one.
        first: look-ups by rules for a question that names no topic of its own.
    """

    name: str
    title: Mapping[str, str]
    task: str
    tools: tuple[str, ...]
    words: tuple[str, ...]
    first: tuple[str, ...]
