"""The tools of one question: a model's call is checked before anything runs, and always ends in a text for it.

A model names a tool and writes arguments; both may have come from what a hostile sender wrote. So a name is looked up
among those that were offered, arguments pass the tool's own form, and what goes wrong is told without quoting them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog

from bdp.errors import BdpError
from bdp.llm.ask import Tool
from bdp.llm.form import Malformed, value_of

log = structlog.get_logger(__name__)

MOST_CALLS: Final = 4
"""In one round; the model is told that the others were left out."""
LONGEST_RESULT: Final = 8_000
"""Characters of what one call gives."""
_LONGEST_ARGUMENTS: Final = 10_000
_LONGEST_TOLD: Final = 300
_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME: Final = 60
_CUT: Final = "… (cut)"

Outcome = Literal["ok", "unknown", "arguments", "failed", "late", "too_many"]


@dataclass(frozen=True)
class Call:
    """What a model wants to be looked up; arguments as JSON text or as an object."""

    tool: str
    arguments: Any = None


@dataclass(frozen=True)
class Found:
    """What came of a call, as the model reads it.

    Attributes:
        tool: its name, one that every provider takes.
        arguments: as they were given, if they were an object.
    """

    tool: str
    arguments: dict[str, Any]
    outcome: Outcome
    text: str

    @property
    def label(self) -> str:
        """The tool for a metric: names that a model made up are one."""
        return "unknown" if self.outcome == "unknown" else self.tool

    def cut(self, most: int) -> Found:
        """Return it with at most so many characters."""
        return Found(self.tool, self.arguments, self.outcome, cut(self.text, most))


class Toolbox:
    """Runs calls. Use from any thread, one call at a time."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    def run(self, call: Call) -> Found:
        """Return what a call gives; it never raises."""
        tool = self._tools.get(call.tool)
        if tool is None:
            told = f"There is no such tool. There are: {', '.join(self._tools)}."
            return self.refused(call, "unknown", told)
        try:
            given = tool.form.model_validate({}) if call.arguments in (None, "") else value_of_arguments(call, tool)
        except (Malformed, ValueError) as error:
            return self.refused(call, "arguments", f"The arguments are wrong: {str(error)[:_LONGEST_TOLD]}")
        try:
            text = tool.run(given)
        except BdpError as error:
            return self.refused(call, "failed", f"It failed: {error.what[:_LONGEST_TOLD]}")
        except Exception:
            log.warning("llm.tool_failed", tool=tool.name, exc_info=True)
            return self.refused(call, "failed", "It failed.")
        return Found(tool.name, arguments_of(call), "ok", cut(text, LONGEST_RESULT))

    def refused(self, call: Call, outcome: Outcome, told: str) -> Found:
        """Return what a model is told of a call that gave nothing."""
        return Found(name_of(call), arguments_of(call), outcome, json.dumps({"error": told}, ensure_ascii=False))


def value_of_arguments(call: Call, tool: Tool) -> Any:
    """Return the arguments as the tool takes them.

    Raises:
        Malformed: they are not of its form.
    """
    given = call.arguments
    text = given if isinstance(given, str) else json.dumps(given, default=str)
    return value_of(text, tool.form, _LONGEST_ARGUMENTS)


def arguments_of(call: Call) -> dict[str, Any]:
    """Return the arguments as an object; an empty one where they are none, or too long."""
    given = call.arguments
    if isinstance(given, str):
        try:
            given = json.loads(given) if len(given) <= _LONGEST_ARGUMENTS else {}
        except (ValueError, RecursionError):
            given = {}
    if not isinstance(given, dict):
        return {}
    try:
        return given if len(json.dumps(given)) <= _LONGEST_ARGUMENTS else {}
    except (ValueError, TypeError, RecursionError):
        return {}


def name_of(call: Call) -> str:
    """Return a name that every provider takes back."""
    return _NOT_A_NAME.sub("_", call.tool)[:_LONGEST_NAME] or "_"


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= most else text[: max(0, most - len(_CUT))] + _CUT[:most]
