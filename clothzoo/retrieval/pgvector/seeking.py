"""One search in the table: the server proposes rows, the exact distance decides."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from psycopg import sql

from clothzoo.retrieval.hits import Hit, Hits
from clothzoo.retrieval.index import Vectors
from clothzoo.retrieval.pgvector.candidates import in_graph, sight_of
from clothzoo.retrieval.pgvector.filters import matching
from clothzoo.retrieval.pgvector.rows import extreme
from clothzoo.retrieval.pgvector.schema import Names
from clothzoo.retrieval.pgvector.server import Cursor
from clothzoo.retrieval.where import Condition
from clothzoo.similarity import pairwise_distances

MOST_CANDIDATES = 1_000
"""pgvector's own limit of what a graph proposes."""

_FEWEST_CANDIDATES = 200
_SPARE = 16  # rows beyond k that are fetched at once, mostly enough to be certain
_AT_ONCE = 1_000  # rows that are fetched together
_CHUNK_BYTES = 4 << 20  # of vectors that are held together
_COLUMNS = "id, vector, attributes"

Found: TypeAlias = tuple[float, str, str]
"""Distance, id and attributes as JSON: sorted, the order of hits."""

Row: TypeAlias = tuple[Any, ...]
"""Id, vector, attributes and, where it was asked for, the server's distance."""


class Closest(NamedTuple):
    """What some rows come to.

    Args:
        found: the k nearest of them, in order.
        rows: how many there were.
        last: the last of them, () if there were none.
    """

    found: list[Found]
    rows: int
    last: Row


@dataclass(frozen=True)
class Seeker:
    """Searches in one state of a catalogue.

    Args:
        cursor: in a transaction that sees one state.
        names: of the tables.
        metric: name of the distance.
        extremes: whether there may be rows that float32 cannot compare.
        conditions: from `where`.
        barred: ids that may not be hits.
    """

    cursor: Cursor
    names: Names
    metric: str
    extremes: bool
    conditions: Sequence[Condition] = ()
    barred: Sequence[str] = ()

    def nearest(self, query: Vectors, k: int) -> Hits:
        """The k nearest rows, exactly: equal distances by id.

        Args:
            query: float32 (D,).
            k: how many.
        """
        far = bool(extreme(query[None], self.metric)[0])
        sight = sight_of(query, self.metric, far)
        if sight.distance is None:
            return _hits(self._closest(query, k, self._rows("true")).found)
        wild = self._closest(query, k, self._extreme_rows()).found
        wanted = k + _SPARE
        nearby = self._rows(
            "NOT extreme",
            what=(sight.distance, sight.values),
            tail=sql.SQL("ORDER BY apart LIMIT {}").format(sql.Literal(wanted)),
            most=wanted,
        )
        first = self._closest(query, k, nearby)
        best = heapq.nsmallest(k, [*wild, *first.found])
        if first.rows == wanted:
            limit = sight.limit(best[-1][0])
            if first.last[3] <= limit:  # there may be more as near as the last one
                within = self._rows(
                    sql.SQL("NOT extreme AND {} <= %s").format(sight.distance),
                    values=(*sight.values, limit),
                )
                best = heapq.nsmallest(k, [*wild, *self._closest(query, k, within).found])
        return _hits(best)

    def proposed(self, query: Vectors, k: int, kind: str) -> Hits | None:
        """The nearest of the rows that the graph proposes; None where it cannot propose enough.

        Args:
            query: float32 (D,).
            k: how many.
            kind: of the graph.
        """
        candidates = max(_FEWEST_CANDIDATES, 4 * k) + len(self.barred)
        if candidates > MOST_CANDIDATES or self.conditions:
            return None
        self.cursor.execute("SELECT set_config('hnsw.ef_search', %s, true)", (str(candidates),))
        near, values = in_graph(query, self.metric, kind)
        barred = set(self.barred)
        proposed = self.cursor.execute(
            sql.SQL("SELECT {} FROM {} WHERE NOT extreme ORDER BY {} LIMIT {}").format(
                sql.SQL(_COLUMNS), self.names.table, near, sql.Literal(candidates)
            ),
            values,
        ).fetchall()
        rows = [row for row in proposed if row[0] not in barred]
        return _hits(self._closest(query, k, [*rows, *self._extreme_rows()]).found)

    def _extreme_rows(self) -> Iterable[Row]:
        return self._rows("extreme") if self.extremes else ()

    def _rows(
        self,
        condition: str | sql.Composable,
        *,
        values: tuple[Any, ...] = (),
        what: tuple[sql.Composable, tuple[Any, ...]] | None = None,
        tail: sql.Composable = sql.SQL(""),  # noqa: B008 - never changed
        most: int | None = None,
    ) -> Iterable[Row]:
        """Rows that fulfil a condition besides those of the search; many come one by one."""
        texts, parameters = matching(self.conditions)
        if isinstance(condition, str):
            condition = sql.SQL(condition)  # fixed texts of this module
        if self.barred:
            texts, parameters = [*texts, "id <> ALL(%s)"], [*parameters, list(self.barred)]
        columns: sql.Composable = sql.SQL(_COLUMNS)
        if what is not None:
            columns = sql.SQL("{}, {} AS apart").format(columns, what[0])
            values = (*what[1], *values)
        statement = sql.SQL("SELECT {} FROM {} WHERE {} {}").format(
            columns,
            self.names.table,
            sql.SQL(" AND ").join([condition, *map(sql.SQL, texts)]),
            tail,
        )
        parameters = [*values, *parameters]
        if most is not None and most <= _AT_ONCE:
            return self.cursor.execute(statement, parameters).fetchall()
        return self.cursor.stream(statement, parameters)

    def _closest(self, query: Vectors, k: int, rows: Iterable[Row]) -> Closest:
        """Of some rows the k nearest, by their distances in float64."""
        size = max(1, _CHUNK_BYTES // query.nbytes)
        best: list[Found] = []
        count, chunk, last = 0, [], ()
        for row in rows:
            chunk.append(row)
            count, last = count + 1, row
            if len(chunk) == size:
                best, chunk = heapq.nsmallest(k, [*best, *self._measured(query, chunk)]), []
        return Closest(heapq.nsmallest(k, [*best, *self._measured(query, chunk)]), count, last)

    def _measured(self, query: Vectors, rows: Sequence[Row]) -> Iterator[Found]:
        if not rows:
            return
        vectors = np.stack([row[1].to_numpy() for row in rows])
        distances = pairwise_distances(query[None], vectors, metric=self.metric, threads=1)[0]
        for distance, (name, _, attributes, *_rest) in zip(distances.tolist(), rows, strict=True):
            yield distance, name, attributes


def _hits(found: Iterable[Found]) -> Hits:
    return Hits(Hit(name, distance, json.loads(text)) for distance, name, text in found)
