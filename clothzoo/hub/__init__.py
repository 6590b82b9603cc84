"""Weights that can be trusted: what is known of them, where they come from, how they get in.

`fill` is all that the models need of this package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clothzoo.hub.filling import fill
    from clothzoo.hub.inventory import pull, table, verify
    from clothzoo.hub.presets import Preset, list_presets, preset
    from clothzoo.hub.writing import save, write_preset

_NAMES = {
    "Preset": "clothzoo.hub.presets",
    "fill": "clothzoo.hub.filling",
    "list_presets": "clothzoo.hub.presets",
    "preset": "clothzoo.hub.presets",
    "pull": "clothzoo.hub.inventory",
    "save": "clothzoo.hub.writing",
    "table": "clothzoo.hub.inventory",
    "verify": "clothzoo.hub.inventory",
    "write_preset": "clothzoo.hub.writing",
}

__all__ = [
    "Preset",
    "fill",
    "list_presets",
    "preset",
    "pull",
    "save",
    "table",
    "verify",
    "write_preset",
]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'clothzoo.hub' has no attribute {name!r}")
    return getattr(importlib.import_module(_NAMES[name]), name)
