"""clothzoo: the Keras model zoo for clothing.

A photo of a garment goes in; out come its class, its attributes, and the garments that look
like it. Importing this module is cheap: a public name is loaded when it is first used, and Keras
with it only where the name needs Keras.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from clothzoo._version import __version__

if TYPE_CHECKING:
    from clothzoo.classification import classify
    from clothzoo.hub.presets import list_presets, preset
    from clothzoo.models import list_models, load
    from clothzoo.retrieval.engine import RetrievalEngine

_NAMES = {
    "RetrievalEngine": "clothzoo.retrieval.engine",
    "classify": "clothzoo.classification",
    "list_models": "clothzoo.models",
    "list_presets": "clothzoo.hub.presets",
    "load": "clothzoo.models",
    "preset": "clothzoo.hub.presets",
}
_MODULES = (
    "datasets",
    "errors",
    "explain",
    "hub",
    "layers",
    "models",
    "preprocessing",
    "retrieval",
    "similarity",
    "training",
)

__all__ = [
    "RetrievalEngine",
    "__version__",
    "classify",
    "list_models",
    "list_presets",
    "load",
    "preset",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"clothzoo.{name}")
    else:
        raise AttributeError(f"module 'clothzoo' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})


# A saved model names our layers by their registered names. Whoever imports Keras beside
# clothzoo, in either order, can load one without importing clothzoo.layers by hand.
class _AfterKeras:
    """Imports our layers once Keras is imported."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_register(module: Any) -> None:
                run(module)
                importlib.import_module("clothzoo.layers")

            spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec


if "keras" in sys.modules:
    importlib.import_module("clothzoo.layers")
else:
    sys.meta_path.insert(0, _AfterKeras())
