"""What whoever gave some bills must know of how they were read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from bdp.intake.bills.alike import Alike

_MOST: Final = 5


@dataclass(frozen=True)
class Remark:
    """One thing to be known, in plain words.

    Attributes:
        kind: alike (two forms of one bill), copies (files that count once), numbers (read as is likely).
    """

    kind: str
    text: str
    text_ko: str


def remarks(alike: Collection[Alike], copies: Collection[str], guessed: Collection[str]) -> Iterator[Remark]:
    """Yield remarks, the gravest first.

    Args:
        copies: files that are the same as others of the reading.
        guessed: files in which no number shows that decimals follow a comma, as was taken as likely.
    """
    for one in alike:
        yield Remark("alike", one.text, one.text_ko)
    if copies:
        names = _listed(copies)
        yield Remark(
            "copies",
            f"{names}: the same to the byte as another file that was given, so it counts once. If both are real, "
            "give each a column with its account.",
            f"{names}: 함께 준 다른 파일과 내용이 똑같아 한 번만 집계했습니다. 둘 다 실제 비용이라면 "
            "파일마다 계정 열을 넣으십시오.",
        )
    if guessed:
        names = _listed(guessed)
        yield Remark(
            "numbers",
            f"{names}: no number shows whether decimals follow a comma or a point. As there are semicolons between "
            "the columns, 1.234 was read as a thousand and more, and 1,234 as a little over one. If that is wrong, "
            "put commas between the columns.",
            f"{names}: 소수점이 쉼표인지 점인지 보여 주는 숫자가 없습니다. 열이 세미콜론으로 나뉘어 있어 "
            "1.234는 천 단위로, 1,234는 소수로 읽었습니다. 틀렸다면 열을 쉼표로 나누십시오.",
        )


def _listed(names: Collection[str]) -> str:
    more = len(names) - _MOST
    return ", ".join(list(names)[:_MOST]) + (f" (+{more})" if more > 0 else "")
