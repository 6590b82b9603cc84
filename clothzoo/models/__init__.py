"""The seven clothing networks, each a factory that returns a plain, flat `keras.Model`.

One file of this package is one architecture: the file's name is its id, and the factory that it
registers is a public name here. Nothing but the file needs to know of a new one.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from clothzoo.errors import ArchitectureNotFound, did_you_mean

if TYPE_CHECKING:
    from clothzoo.models._features import feature_layers
    from clothzoo.models._loading import load
    from clothzoo.models._registry import Architecture

__all__ = ["architecture", "feature_layers", "list_models", "load"]

_FUNCTIONS = {
    "feature_layers": "clothzoo.models._features",
    "load": "clothzoo.models._loading",
}


def list_models() -> list[str]:
    """The ids of all architectures, sorted; Keras is not imported for it.

    Example:
        >>> list_models()[0]
        'conventional_cnn'
    """
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def architecture(name: str) -> Architecture:
    """The registered architecture of an id.

    Args:
        name: e.g. "inception_cnn".

    Returns:
        Its record: factory, body, stages, default input.

    Raises:
        ArchitectureNotFound: there is none of that id.
        BackendMissing: Keras has no backend to run on.
    """
    if name not in list_models():
        raise ArchitectureNotFound(f"no architecture {name!r}{did_you_mean(name, list_models())}")
    importlib.import_module(f"{__name__}.{name}")
    from clothzoo.models._registry import ARCHITECTURES

    return ARCHITECTURES[name]


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    # A factory is named as its file is, without the underscores: InceptionCNN, inception_cnn.
    for model_id in list_models():
        if model_id.replace("_", "") == name.lower():
            factory = architecture(model_id).factory
            if factory.__name__ == name:
                return factory
    raise AttributeError(f"module 'clothzoo.models' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(architecture(i).factory.__name__ for i in list_models())})
