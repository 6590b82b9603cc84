"""What a network sees: heat maps, feature maps, and what its layers are worth.

Keras is loaded when a function is first used, and matplotlib and scikit-learn (the extra
`explain`) where one needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from clothzoo.optional import require_keras

if TYPE_CHECKING:
    from clothzoo.explain.catalogue import CatalogueMap, catalogue_map
    from clothzoo.explain.drawing import overlay, save
    from clothzoo.explain.figures import photo_figure, probe_figure, similarity_figure
    from clothzoo.explain.grad_cam import class_map
    from clothzoo.explain.maps import feature_maps
    from clothzoo.explain.occlusion import occlusion_map
    from clothzoo.explain.probes import LayerScore, layer_probe
    from clothzoo.explain.similarity import similarity_map
    from clothzoo.explain.thumbnails import catalogue_figure

_MODULES = {
    "CatalogueMap": "catalogue",
    "LayerScore": "probes",
    "catalogue_figure": "thumbnails",
    "catalogue_map": "catalogue",
    "class_map": "grad_cam",
    "feature_maps": "maps",
    "layer_probe": "probes",
    "occlusion_map": "occlusion",
    "overlay": "drawing",
    "photo_figure": "figures",
    "probe_figure": "figures",
    "save": "drawing",
    "similarity_figure": "figures",
    "similarity_map": "similarity",
}

__all__ = [
    "CatalogueMap",
    "LayerScore",
    "catalogue_figure",
    "catalogue_map",
    "class_map",
    "feature_maps",
    "layer_probe",
    "occlusion_map",
    "overlay",
    "photo_figure",
    "probe_figure",
    "save",
    "similarity_figure",
    "similarity_map",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'clothzoo.explain' has no attribute {name!r}")
    require_keras()
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
