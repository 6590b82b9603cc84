"""Photos through a network: decoding in threads, ahead of a network that works in batches."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clothzoo.datasets.photo import Photo
from clothzoo.errors import UnreadablePhoto

Item = TypeVar("Item")
Result = TypeVar("Result")
Prepared = NDArray[np.float32] | UnreadablePhoto | None

BATCH_SIZE = 32
_THREADS = min(8, os.cpu_count() or 1)


def stream(
    items: Iterable[Item],
    prepare: Callable[[Item], NDArray[np.float32] | None],
    run: Callable[[NDArray[np.float32]], Sequence[Result] | NDArray[Any]],
    *,
    batch_size: int = BATCH_SIZE,
) -> Iterator[tuple[Item, Result | UnreadablePhoto | None]]:
    """Put items through a network, preparing the next ones while it works.

    At most a few batches are held in memory, however many items there are.

    Args:
        items: whatever the caller keeps track of photos by.
        prepare: an item → its photo as float32 (height, width, channels), or None where there is
            nothing to compute; called in threads.
        run: a batch float32 (N, height, width, channels) → N results; called in this thread.
        batch_size: photos per call of `run`.

    Yields:
        Each item, in order, with its result, the error that says why its photo cannot be read,
        or None where `prepare` gave None.
    """

    def prepared(item: Item) -> Prepared:
        try:
            return prepare(item)
        except UnreadablePhoto as unreadable:
            return unreadable

    waiting = iter(items)
    ahead: deque[tuple[Item, Future[Prepared]]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="clothzoo-decode")
    try:
        while True:
            for item in islice(waiting, 3 * batch_size - len(ahead)):
                ahead.append((item, pool.submit(prepared, item)))
            if not ahead:
                return
            taken = [ahead.popleft() for _ in range(min(batch_size, len(ahead)))]
            photos = [future.result() for _, future in taken]
            ready = [photo for photo in photos if isinstance(photo, np.ndarray)]
            results = iter(run(np.stack(ready)) if ready else ())
            for (item, _), photo in zip(taken, photos, strict=True):
                yield item, next(results) if isinstance(photo, np.ndarray) else photo
    finally:
        pool.shutdown(cancel_futures=True)


def one_or_many(photos: Photo | Sequence[Photo]) -> tuple[bool, Sequence[Photo]]:
    """Whether this is one photo, and it as a list.

    A path, a file's bytes, a PIL image and an array (H, W[, C]) are one; an array (N, H, W, C)
    is N photos.
    """
    if isinstance(photos, np.ndarray):
        return photos.ndim != 4, list(photos) if photos.ndim == 4 else [photos]
    if isinstance(photos, (str, bytes, os.PathLike, Image.Image)):
        return True, [photos]
    return False, photos
