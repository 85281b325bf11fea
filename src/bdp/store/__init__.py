"""Store: what was, kept in a columnar database (records) and a relational one (state)."""
