"""Sniffing: which format a file has, by its first lines."""

from __future__ import annotations

import msgspec

from bdp.errors import UnknownFormat
from bdp.intake.bills.formats import BILLS, KNOWN, is_bill, is_table
from bdp.intake.formats import EXPOSITION, FORMATS, LINES
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.protocols.exposition import is_exposition
from bdp.intake.refusal import RefusedRecord

HEAD_BYTES = 64 * 1024
HEAD_LINES = 50
ENOUGH = 0.6
WRAPPERS = ("events", "records", "logs")


def sniff(head: bytes, label: str, context: LineContext) -> str:
    """Return the name of the format that understands most of the first lines; empty for an empty file.

    Args:
        head: the first 64 KiB after decompression.

    Raises:
        UnknownFormat: none understands at least 60 % of them.
    """
    lines = [line for line in _whole_lines(head) if line.strip()][:HEAD_LINES]
    if not lines:
        return ""
    if bill := is_bill(head, label):
        return bill
    start = head.lstrip()[:1]
    if start == b"[" and _starts_array(head):
        return "json"
    if start == b"{":
        return _json_layout(lines)
    texts = [line.decode("utf-8", "replace") for line in lines]
    if is_exposition(texts, ENOUGH):
        return EXPOSITION
    shares = {name: _share(build(context), texts) for name, build in LINES.items() if name != "text"}
    best = max(shares, key=lambda name: shares[name])
    if shares[best] < ENOUGH:
        if is_table(head):
            raise UnknownFormat(f"{label} is a table, but neither a log nor a bill.", KNOWN)
        nearest = f" ({best} comes nearest: {shares[best]:.0%})" if shares[best] else ""
        raise UnknownFormat(
            f"No reader understands the first lines of {label}{nearest}.",
            f"Name it with --format ({', '.join((*FORMATS, *BILLS))}), or describe its lines with --pattern.",
        )
    return best


def _whole_lines(head: bytes) -> list[bytes]:
    """A head that was cut ends in half a line, which tells nothing, unless it is all there is."""
    lines = head.split(b"\n")
    cut = lines[:-1] if len(head) >= HEAD_BYTES and len(lines) > 1 else lines
    return [line.rstrip(b"\r") for line in cut]


def _starts_array(head: bytes) -> bool:
    """Tell a JSON array from a text line that begins with a bracket."""
    return head.lstrip()[1:].lstrip()[:1] in (b"{", b"]")


def _json_layout(lines: list[bytes]) -> str:
    """One object a line, or one object over the whole file."""
    try:
        first = msgspec.json.decode(lines[0])
    except (ValueError, RecursionError):
        return "ndjson" if len(lines) > 1 and lines[0].rstrip().endswith(b"}") else "json"
    wrapped = len(lines) == 1 and isinstance(first, dict) and any(isinstance(first.get(w), list) for w in WRAPPERS)
    return "json" if wrapped else "ndjson"


def _share(reader: LineReader, lines: list[str]) -> float:
    """Return the share of lines that begin an event or belong to one; ties are broken by those that begin one."""
    begun = 0
    known = 0
    for line in lines:
        try:
            starts = reader.start(line) is not None
        except RefusedRecord:
            starts = False
        begun += starts
        known += starts or (begun > 0 and reader.follows(line))
    return known / len(lines) if begun else 0.0
