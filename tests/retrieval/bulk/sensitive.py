"""A network whose results depend on what else is in the batch, and processes that die with it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.retrieval import bulk
from clothzoo.retrieval.extractor import Extractor
from tests.retrieval.colours import Colours, extractor, folder_of, write


class Sensitive(Colours):
    """Each result has a trace of the photo's place in the batch and of all others there.

    Keras's networks are like that in the last bit; here it is in the first.

    Args:
        dies_after: kill this process with so many photos described; None for never.
        once: a file that says that this has happened, and must not happen again.
        waits_for: a file without which nothing is described after the first eight photos.
    """

    def __init__(
        self,
        dies_after: int | None = None,
        once: Path | None = None,
        waits_for: Path | None = None,
    ) -> None:
        super().__init__()
        self.waits_for = waits_for
        self.dies_after = dies_after
        self.once = once

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        vectors = super().__call__(batch)
        doomed = self.dies_after is not None and self.described > self.dies_after
        if doomed and not (self.once and self.once.exists()):
            if self.once:
                self.once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        while self.described > 8 and self.waits_for and not self.waits_for.exists():
            time.sleep(0.05)
        place = np.arange(len(batch), dtype=np.float32)[:, None]
        return vectors + place + vectors.sum(axis=0)


def sensitive(**given: Any) -> Extractor:
    """It describes four photos at a time."""
    return extractor(Sensitive(**given))


BAD = ("a/03.png", "c/11.png", "empty.png")


def photos_in(folder: Path, count: int = 41) -> Path:
    """`count` photos in three folders, and three files among them that are none."""
    reds = {f"{'abc'[number % 3]}/{number:02}.png": 5 * number for number in range(count)}
    folder_of(folder, reds)
    for name in BAD:
        (folder / name).unlink(missing_ok=True)
        write(folder / name, np.zeros((2, 2, 3), np.uint8))
        (folder / name).write_bytes(b"" if name == "empty.png" else b"no picture")
    return folder


if __name__ == "__main__":  # extracts until it kills itself
    source, out, dies_after = sys.argv[1:]
    bulk.extract(source, out, sensitive(dies_after=int(dies_after)), labels="folders", shard_rows=8)
