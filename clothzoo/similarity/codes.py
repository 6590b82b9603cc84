"""A gallery in bytes: a quarter of the memory to read, and a measured error for each row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.similarity.threads import share_out
from clothzoo.similarity.vectors import Floats

LEVELS = 255
GROUP = 8  # rows whose codes are interleaved, and dimensions of each that lie together
_BLOCK = 1 << 17  # numbers that are encoded together
_SAMPLE = 1 << 18  # numbers from which the grid is chosen
_FEWEST = 8  # rows, however long they are
_TAILS = (0.0, 1e-4, 1e-3, 1e-2)  # shares of the numbers that a grid may leave outside


@dataclass(frozen=True)
class Grid:
    """The 256 numbers that codes stand for: `origin + step · code`."""

    origin: float
    step: float

    def encode(self, values: Floats) -> tuple[NDArray[np.uint8], Floats]:
        """Round numbers to the grid.

        Args:
            values: float64 (rows, dims).

        Returns:
            uint8 (rows, dims), and float64 (rows,) with what each row loses: an upper bound of
            Σ|v − its codes' numbers|.
        """
        with np.errstate(over="ignore"):  # a query may be far outside
            codes = np.clip(np.rint((values - self.origin) / self.step), 0, LEVELS)
        lost = np.abs(values - (self.origin + self.step * codes)).sum(axis=1)
        # The bound must hold in spite of this computation's own rounding.
        rounding = values.shape[1] * 2.0**-50
        scale = abs(self.origin) + LEVELS * self.step
        return codes.astype(np.uint8), lost * (1 + rounding) + rounding * scale


@dataclass(frozen=True)
class Codes:
    """The codes of a gallery.

    Args:
        packed: uint8 (groups, steps, 8, 8): eight dimensions of each of eight rows lie together,
            so that one register takes eight rows and its eight sums need no further adding up.
        errors: float64 (rows,), upper bounds of what each row loses (`Grid.encode`).
        grid: what the codes stand for.
    """

    packed: NDArray[np.uint8]
    errors: Floats
    grid: Grid


def encode(rows: NDArray[Any], symmetric: bool, threads: int) -> Codes:
    """Choose a grid for a gallery, and its codes.

    Args:
        rows: (rows, dims), finite, at least one row.
        symmetric: whether −v must have codes as exact as v's.
        threads: how many threads to use.

    Returns:
        The codes.
    """
    count, dims = rows.shape
    grid = _best_grid(rows, symmetric)
    groups, steps = -(-count // GROUP), -(-dims // GROUP)
    packed = np.empty((groups, steps, GROUP, GROUP), np.uint8)
    errors = np.empty(count)

    def pack(blocks: Iterator[slice]) -> None:
        for block in blocks:
            values = rows[block].astype(np.float64)
            codes = np.zeros((-(-len(values) // GROUP) * GROUP, steps * GROUP), np.uint8)
            codes[: len(values), :dims], errors[block] = grid.encode(values)
            first = block.start // GROUP
            packed[first : first + len(codes) // GROUP] = codes.reshape(
                -1, GROUP, steps, GROUP
            ).swapaxes(1, 2)

    step = max(1, _BLOCK // (GROUP * dims)) * GROUP
    share_out([slice(s, min(s + step, count)) for s in range(0, count, step)], pack, threads)
    return Codes(packed, errors, grid)


def _best_grid(rows: NDArray[Any], symmetric: bool) -> Grid:
    """The grid that loses least: a few large numbers may be worth leaving outside."""
    wanted = max(_FEWEST, _SAMPLE // rows.shape[1])
    sample = rows[:: -(-len(rows) // wanted)].astype(np.float64)
    if symmetric:
        sample = np.concatenate([sample, -sample])
    grids = []
    for tail in _TAILS:
        low, high = np.quantile(sample, [tail, 1 - tail])
        if symmetric:
            low, high = -max(-low, high), max(-low, high)
        step = float(high - low) / LEVELS
        if step >= np.finfo(np.float64).tiny:
            grids.append(Grid(float(low), step))
    if not grids:
        return Grid(float(sample.min()), 1.0)
    return min(grids, key=lambda grid: float(grid.encode(sample)[1].sum()))
