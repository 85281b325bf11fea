"""What people read of a shipped playbook is there in English and Korean, with the same values of the incident."""

from __future__ import annotations

import re

import pytest

from bdp.explain.playbook import HOLE, Aftermath, Playbook, PlaybookAction, load_playbooks

BOOKS = {book.name: book for book in load_playbooks()}
HANGUL = re.compile("[가-힣]")
MAY_LACK = {"rollback", "estimated_impact", "needs", "would_confirm", "would_refute"}
POLITE = re.compile(r"(?:해요|돼요|에요|예요|세요)(?:[.!]|$)")


def texts(part: Playbook | PlaybookAction | Aftermath) -> list[tuple[str, str, str]]:
    """Field, English, Korean, of one part; a list of lines counts line by line."""
    found = []
    for field in (name for name in type(part).model_fields if name.endswith("_ko")):
        ours, korean = getattr(part, field.removesuffix("_ko")), getattr(part, field)
        pairs = [(ours, korean)] if isinstance(ours, str) else list(zip(ours, korean, strict=True))
        found += [(field, *pair) for pair in pairs]
    return found


@pytest.mark.parametrize("name", BOOKS)
def test_each_text_has_its_korean(name: str) -> None:
    book = BOOKS[name]
    parts: list[Playbook | PlaybookAction | Aftermath] = [book, *book.actions]
    for part in parts + ([book.aftermath] if book.aftermath else []):
        for field, ours, korean in texts(part):
            if not ours and field.removesuffix("_ko") in MAY_LACK:
                assert not korean
                continue
            assert ours.strip(), field
            assert HANGUL.search(korean), (field, ours)
            assert sorted(set(HOLE.findall(ours))) == sorted(set(HOLE.findall(korean))), (field, korean)
            assert not HANGUL.search(ours), (field, ours)
            assert not POLITE.search(korean), (field, korean)


@pytest.mark.parametrize("name", BOOKS)
def test_a_shipped_playbook_says_what_an_operator_needs(name: str) -> None:
    book = BOOKS[name]
    assert book.needs
    assert book.would_confirm
    assert book.would_refute
    assert {"investigate", "notify"} & {action.type for action in book.actions}
    assert len(book.actions) >= 2
    for action in book.actions:
        assert action.parameters
        assert action.estimated_impact
        # What changes something says how it is taken back, what only looks or tells has nothing to take back.
        assert bool(action.rollback) is (action.type == "webhook")
    assert (book.remedy is None) is (book.remedy_alone is None)
