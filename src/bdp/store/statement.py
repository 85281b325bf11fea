"""What a reader's statement may be, beyond what ClickHouse's `readonly` stops.

Measured on the embedded engine: with `readonly = 1` it still writes files (INTO OUTFILE), reads any file (the function
`file`, also by APPLY and in lambdas), looks into this process (`python`), and changes the handle's database (USE). Our
own reading of SQL could be led astray by comments and quotes, so ClickHouse's parser writes the statement anew first;
that text is what is judged, and what runs.
"""

from __future__ import annotations

import re

from bdp.errors import BadRequest

_STARTS = re.compile(r"[(\s]*(?:SELECT|WITH|SHOW|DESCRIBE|EXPLAIN|EXISTS)\b")
_STRING_OR_NAME = re.compile(r"('(?:[^'\\]|\\.)*')|`(?:[^`\\]|\\.)*`", re.DOTALL)
_REACHES_OUT = re.compile(
    r"\bINTO OUTFILE\b|(?<! AS )\b(?:file|python|arrowstream|eval)\b"
    r"|\b(?:s3|gcs|oss|cosn|hdfs|url|remote|azureblobstorage|iceberg|deltalake|hudi|paimon|file|jdbc|odbc)\w*`?\s*\("
    r"|\b(?:python|arrowstream|eval)`?\s*\(",
    re.IGNORECASE,
)
"""Also without brackets, since APPLY and lambdas call so; what names a column or table (` AS file`) calls nothing."""


def rewriting(sql: str) -> str:
    """Return the statement that makes ClickHouse write `sql` anew: no comments, plain quotes, one statement."""
    quoted = sql.replace("\\", "\\\\").replace("'", "\\'")
    return f"SELECT formatQuerySingleLine('{quoted}') AS statement"


def check(statement: str) -> None:
    """Let one statement in ClickHouse's own writing pass if it only reads our tables.

    Raises:
        BadRequest: it is no reading statement, or reaches files, processes or the network.
    """
    # Names in backquotes are read along, or a quote inside of one would hide what stands up to the next quote.
    bare = _STRING_OR_NAME.sub(lambda found: "''" if found[1] else found[0], statement)
    if not _STARTS.match(bare):
        raise BadRequest(f"The query was refused: {bare.split()[0][:30]} does not read.", "Send one SELECT.")
    found = _REACHES_OUT.search(bare)
    if found:
        raise BadRequest(
            f"The query was refused: {found[0].rstrip('(')[:30]!r} reaches outside the store.",
            "Read events, metrics, costs and changes only; give a column another name than that.",
        )
