"""Data sets as plain records of picture and labels; nothing here needs Keras."""

from __future__ import annotations

from clothzoo.datasets import clothing, clothing_small, fashion_mnist, folder, rendered
from clothzoo.datasets.photo import open_photo
from clothzoo.datasets.record import Record
from clothzoo.datasets.splits import folds

__all__ = [
    "Record",
    "clothing",
    "clothing_small",
    "fashion_mnist",
    "folder",
    "folds",
    "open_photo",
    "rendered",
]
