"""What a network sees: heat maps, feature maps, and what its layers are worth.

Keras is loaded when a function is first used, and matplotlib and scikit-learn (the extra
`explain`) where one needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from clothzoo.optional import require_keras

if TYPE_CHECKING:
    from clothzoo.explain.figures import overlay
    from clothzoo.explain.grad_cam import class_map
    from clothzoo.explain.similarity import similarity_map

__all__ = ["class_map", "overlay", "similarity_map"]

_MODULES = {
    "class_map": "grad_cam",
    "overlay": "figures",
    "similarity_map": "similarity",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'clothzoo.explain' has no attribute {name!r}")
    require_keras()
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
