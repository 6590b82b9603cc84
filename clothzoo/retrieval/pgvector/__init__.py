"""The catalogue in a PostgreSQL table, with the extension pgvector: many clients, many machines."""

from __future__ import annotations

from clothzoo.optional import require

for _module in ("psycopg", "psycopg_pool", "pgvector"):
    require(_module, "postgres")

from clothzoo.retrieval.pgvector.index import PgVectorIndex  # noqa: E402 - first say what is missing

__all__ = ["PgVectorIndex"]
