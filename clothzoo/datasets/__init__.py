"""Data sets as plain records of picture and labels; nothing here needs Keras."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clothzoo.datasets import clothing, clothing_small, fashion_mnist, folder, rendered
    from clothzoo.datasets.photo import open_photo
    from clothzoo.datasets.record import Record
    from clothzoo.datasets.splits import folds

_NAMES = {"Record": "record", "folds": "splits", "open_photo": "photo"}

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_NAMES.get(name, name)}")
    value = globals()[name] = getattr(module, name) if name in _NAMES else module
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
