"""Effects that happen once, although the step that asks for them may run several times.

A step is repeated when the process died before its result was kept. So an effect is claimed under a key before it and
finished with its result after it. Three cases at the next call with the key:

    finished              the kept result is returned, nothing is done
    never claimed         it is done
    claimed, unfinished   the process died in between: nobody knows whether the effect took place. It is done again
                          *with the same key*, and the receiver tells: the file channel looks the key up in its file,
                          HTTP receivers get the key as `Idempotency-Key` (as in draft-ietf-httpapi-idempotency-key).
                          Not doing it again could lose it, which for a page at night is worse than a repeat. Only a
                          receiver that ignores the key, and the console, can see a repeat, at most one per crash.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from bdp.clock import Clock
from bdp.errors import Retry
from bdp.ports import Effects

T = TypeVar("T")


def once(effects: Effects, key: str, clock: Clock, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the result of the effect `key`, doing it if no finished result is kept.

    An error of `do` passes through and leaves the claim unfinished, so that a later call does it again.
    """
    if not effects.claim(key, clock.now()):
        kept = effects.result(key)
        if kept is not None:
            return kept
    result = do()
    effects.finish(key, result)
    return result


def patiently(do: Callable[[], T], tries: int, pause: float) -> T:
    """Return what `do` returns, trying again after errors of class `Retry`.

    Args:
        tries: at most so many calls, at least 1.
        pause: seconds before the second call; doubles each time.
    """
    for number in range(1, tries):
        try:
            return do()
        except Retry:
            time.sleep(pause * 2 ** (number - 1))
    return do()
