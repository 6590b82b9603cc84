"""The decoded pictures of a data set, kept in memory where they fit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets.photo import Photo, Pixels
from clothzoo.preprocessing import Preprocessing

_THREADS = min(8, os.cpu_count() or 1)


class Pictures:
    """Pictures by their number, decoded and resized in threads.

    Args:
        images: files or uint8 pixels.
        preprocessing: what resizes them.
        cache: the decoded pictures are kept if all of them fit into that many bytes.
    """

    def __init__(self, images: Sequence[Photo], preprocessing: Preprocessing, cache: int) -> None:
        self._images = images
        self._preprocessing = preprocessing
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="clothzoo-decode")
        self._kept: Pixels | None = None
        self._is_kept = np.zeros(len(images), dtype=bool)
        height, width, _ = preprocessing.shape
        if all(isinstance(i, np.ndarray) and i.shape[:2] == (height, width) for i in images):
            # Nothing to decode: one array serves all batches, whatever its size.
            if images:
                self._kept = preprocessing.pixels(np.stack(cast("list[Pixels]", images)))
                self._is_kept[:] = True
        elif len(images) * int(np.prod(preprocessing.shape)) <= cache:
            self._kept = np.empty((len(images), *preprocessing.shape), np.uint8)

    def __getitem__(self, rows: NDArray[np.intp]) -> Pixels:
        """Pixels uint8 (n, height, width, channels) of the pictures with these numbers.

        Raises:
            UnreadablePhoto: a file cannot be decoded; the error names it.
        """
        if self._kept is None:
            return np.stack(list(self._pool.map(self._decoded, rows)))
        # Two threads may decode the same picture at once; both write the same pixels.
        absent = rows[~self._is_kept[rows]]
        for row, pixels in zip(absent, self._pool.map(self._decoded, absent), strict=True):
            self._kept[row] = pixels
            self._is_kept[row] = True
        return self._kept[rows]

    def _decoded(self, row: int) -> Pixels:
        return cast(Pixels, self._preprocessing.pixels([self._images[row]])[0])
