"""Finding passages in tables of a PostgreSQL, so that several hosts share one index.

What keeps files for SQLite (``assistants.retrieval.index`` and ``vectors``) has the same methods.
See docs/retrieval.md, "On PostgreSQL".
"""
