"""What a gallery knows besides its rows, so that it can be kept beside them and opened at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput
from clothzoo.similarity.codes import Codes, Grid, encode
from clothzoo.similarity.metrics import find_metric
from clothzoo.similarity.vectors import Summary, summarise


@dataclass(frozen=True)
class Prepared:
    """The state of a `Gallery`: what preparing its rows has found out.

    Args:
        metric: the measure it was prepared for.
        shape: (rows, dims) of the array.
        summary: extremes, and sums or norms of the rows.
        codes: the rows in bytes, or None.
    """

    metric: str
    shape: tuple[int, int]
    summary: Summary
    codes: Codes | None

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The state as plain arrays, to be saved with `np.save` under their names.

        Returns:
            `about` (the measure), `extent`, and those of `sums`, `masses`, `norms`, `codes`,
            `errors` that there are. Together 8–16 bytes a row, and the codes.
        """
        of = self.summary
        arrays = {
            "about": np.array(self.metric),
            "extent": np.array([*self.shape, of.low, of.high], np.float64),
        }
        if find_metric(self.metric).of_differences:
            arrays["sums"] = of.sums
            if of.low < 0:
                arrays["masses"] = of.masses
        else:
            arrays["norms"] = of.norms
        if self.codes is not None:
            grid = self.codes.grid
            arrays["codes"], arrays["errors"] = self.codes.packed, self.codes.errors
            arrays["grid"] = np.array([grid.origin, grid.step])
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Prepared:
        """The state from what `to_arrays` gave; nothing is read but a few numbers.

        Args:
            arrays: by name; they may be memory-mapped.

        Returns:
            The state.

        Raises:
            InvalidInput: an array is missing or has another shape than the others say.
        """
        try:
            rows, dims = (int(n) for n in arrays["extent"][:2])
            low, high = (float(x) for x in arrays["extent"][2:])
            metric = find_metric(str(arrays["about"]))
            if metric.of_differences:
                sums = arrays["sums"]
                summary = Summary(low, high, sums, arrays["masses"] if low < 0 else sums)
            else:
                summary = Summary(low, high, norms=arrays["norms"])
            codes = None
            if "codes" in arrays:
                grid = Grid(*(float(x) for x in arrays["grid"]))
                codes = Codes(arrays["codes"], arrays["errors"], grid)
        except KeyError as error:
            raise InvalidInput(f"the prepared state lacks the array {error}") from error
        per_row = [summary.sums, summary.masses] if metric.of_differences else [summary.norms]
        whole = all(len(a) == rows for a in per_row)
        if codes is not None:
            groups = (-(-rows // 8), -(-dims // 8), 8, 8)
            whole = whole and codes.packed.shape == groups and len(codes.errors) == rows
        if not whole:
            raise InvalidInput(
                f"the prepared state says ({rows}, {dims}) but its arrays differ; prepare it anew"
            )
        return cls(metric.name, (rows, dims), summary, codes)


def prepare(rows: NDArray[Any], metric: str, codes: bool, threads: int) -> Prepared:
    """Look at every row once, and encode it if codes are wanted.

    Args:
        rows: (rows, dims), as from `as_rows`.
        metric: a name of `METRICS`.
        codes: whether to make codes; measures of products have none.
        threads: how many threads to use.

    Returns:
        The state.

    Raises:
        InvalidInput: a row cannot be searched (NaN, infinite, too large).
    """
    measure = find_metric(metric)
    summary = summarise(rows, measure, "the gallery", threads)
    encoded = None
    if codes and measure.of_differences and len(rows):
        symmetric = measure.name == "braycurtis" and summary.low < 0
        encoded = encode(rows, symmetric, threads)
    return Prepared(measure.name, (rows.shape[0], rows.shape[1]), summary, encoded)
