"""Values of database parameters, in the words of RDS."""

from __future__ import annotations

import pytest

from bdp.act.allowed_values import check_value
from bdp.errors import BadRequest

GOOD = [
    ("100", "integer", "1-65535"),
    ("-1", "integer", "-1-2147483647"),
    ("-1", "integer", "-1,10-100"),
    ("0.5", "float", "0-1"),
    ("1e9", "string", ""),
    ("on", "boolean", "on,off"),
    ("1", "boolean", "0,1"),
    ("ROW", "string", "ROW,STATEMENT"),
    ("a,b", "list", "a,b,c"),
    ("{x}", "", ""),
    ("150", "integer", "10-100,150-200"),
]
BAD = [
    ("0", "integer", "1-65535"),
    ("65536", "integer", "1-65535"),
    ("1.5", "integer", "1-65535"),
    ("many", "integer", ""),
    ("two", "float", ""),
    ("maybe", "boolean", ""),
    ("on", "boolean", "0,1"),
    ("row", "string", "ROW,STATEMENT"),
    ("ROW,STATEMENT", "string", "ROW,STATEMENT"),
    ("a,z", "list", "a,b,c"),
    ("120", "integer", "10-100,150-200"),
    ("10-100", "integer", "10-100"),
    ("", "integer", "1-5"),
]


@pytest.mark.parametrize(("value", "kind", "allowed"), GOOD)
def test_what_rds_takes_passes(value: str, kind: str, allowed: str) -> None:
    check_value("p", value, kind, allowed)


@pytest.mark.parametrize(("value", "kind", "allowed"), BAD)
def test_what_rds_would_refuse_is_refused(value: str, kind: str, allowed: str) -> None:
    with pytest.raises(BadRequest, match="p "):
        check_value("p", value, kind, allowed)
