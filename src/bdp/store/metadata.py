"""What all tables of the state share: one catalogue, and how keys and indexes are named."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
    }
)
# SQLite counts up by itself only in a column of the type INTEGER.
SERIAL = BigInteger().with_variant(Integer, "sqlite")
