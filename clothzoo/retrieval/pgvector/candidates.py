"""How near a row can be, by the server's float32 arithmetic: what it must send to be certain.

The server orders rows by a distance d̂ that it sums in float32, which may put near-ties in the
wrong order. The true distance d is never far from it: for n numbers that are no `extreme` ones,
|d̂ − d| ≤ ρ·d + α, whatever the order of the additions. So once k rows are known whose distances,
in float64, are at most D, every row that belongs to the k nearest has d̂ ≤ D·(1 + ρ) + α. All such
rows are compared again in float64, with the same kernel as a local catalogue's, and the order of
these distances, then of the ids, is the answer.

Reference:
    Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 4.2: n additions and
    products in any order err by at most γ = n·u / (1 − n·u) of the sum of magnitudes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pgvector import Vector
from psycopg import sql

from clothzoo.retrieval.index import Vectors
from clothzoo.retrieval.pgvector.schema import as_kind

_UNIT = 2.0**-24  # the rounding of one float32 operation
_NO_ZERO = 1e-200  # changes no sum of float32 numbers but 0, which it keeps from being divided by
_OPERATOR = {"braycurtis": "<+>", "manhattan": "<+>", "euclidean": "<->", "cosine": "<=>"}


@dataclass(frozen=True)
class Sight:
    """How a query sees the rows that are not extreme.

    Args:
        distance: d̂ as a term of SQL; None where float32 says nothing of this query.
        values: the parameters of its placeholders.
        relative: ρ.
        absolute: α.
    """

    distance: sql.Composable | None
    values: tuple[Any, ...]
    relative: float
    absolute: float

    def limit(self, distance: float) -> float:
        """The largest d̂ that a row can have which is truly no farther than `distance`."""
        return (distance * (1 + self.relative) + self.absolute) * (1 + 2.0**-40)


def sight_of(query: Vectors, metric: str, far: bool) -> Sight:
    """What the server can compute for a query.

    Args:
        query: float32 (D,).
        metric: name of the distance.
        far: whether the query is an extreme one.
    """
    gamma = _gamma(len(query))
    if metric == "cosine":
        if not query.any():
            return _BLIND
        # A cosine does not depend on lengths, so no query has to be an extreme one.
        query = np.ldexp(query, -int(np.frexp(np.abs(query).max())[1]))
        return Sight(_apart("<=>"), (Vector(query),), 0.0, 2 * gamma / (1 - gamma))
    if far:
        return _BLIND
    if metric == "braycurtis":
        # Σ|u + v| is how far v is from −u, so no sums of the rows are needed, and signs are right.
        distance = sql.SQL("((vector <+> %s::vector) / ((vector <+> %s::vector) + {}))").format(
            sql.Literal(_NO_ZERO)
        )
        return Sight(distance, (Vector(query), Vector(-query)), 2 * gamma / (1 - gamma), 0.0)
    if metric == "manhattan":
        return Sight(_apart("<+>"), (Vector(query),), gamma, 0.0)
    # Squares below the smallest float32 vanish: at most n of 2^-149 under the root.
    return Sight(_apart("<->"), (Vector(query),), gamma, len(query) ** 0.5 * 2.0**-74)


def in_graph(query: Vectors, metric: str, kind: str) -> tuple[sql.Composable, tuple[Any, ...]]:
    """The term of SQL by which the graph proposes rows, and its parameters."""
    term = sql.SQL("{} {} {}").format(
        as_kind("vector", kind, len(query)),
        sql.SQL(_OPERATOR[metric]),  # one of four
        as_kind("query", kind, len(query)),
    )
    return term, (Vector(query),)


def _apart(operator: str) -> sql.Composable:
    # Adding 0 changes nothing, except that no graph can answer it: a graph would miss some.
    return sql.SQL("((vector {} %s::vector) + 0)").format(sql.SQL(operator))


def _gamma(terms: int) -> float:
    # Four more than the numbers, for the difference, its square, a root and a division.
    error = (terms + 4) * _UNIT
    return error / (1 - error)


_BLIND = Sight(None, (), 0.0, 0.0)
