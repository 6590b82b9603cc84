"""Optional dependencies: import one, or say which extra brings it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType

from clothzoo.errors import BackendMissing, ExtraMissing

_BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Args:
        module: dotted name, e.g. "matplotlib.pyplot".
        extra: the extra of clothzoo that installs it.

    Returns:
        The module.

    Raises:
        ExtraMissing: it is not installed; the message has the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        root = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != root:
            raise  # the package is there, but something that it needs is not: not ours to hide
        raise ExtraMissing(
            f"this needs {root}, which is not installed; run: pip install 'clothzoo[{extra}]'",
            name=error.name,
        ) from error


def check_backend() -> None:
    """See that what Keras would run on is installed.

    Raises:
        BackendMissing: the backend that Keras is set to is not installed.
    """
    backend = os.environ.get("KERAS_BACKEND") or _configured_backend()
    if backend in _BACKENDS and importlib.util.find_spec(_BACKENDS[backend]) is None:
        installed = [b for b, m in _BACKENDS.items() if importlib.util.find_spec(m)]
        way_out = (
            f"or set KERAS_BACKEND={installed[0]}, which is"
            if installed
            else "or choose 'jax' or 'torch' in its place"
        )
        raise BackendMissing(
            f"Keras needs a backend, and {backend!r} is not installed; "
            f"run: pip install 'clothzoo[{backend}]' ({way_out})",
            name=backend,
        )


def _configured_backend() -> str:
    """The backend in Keras's own settings file, as Keras itself reads it."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        settings = json.loads((home / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "tensorflow"
    return str(settings.get("backend", "tensorflow"))
