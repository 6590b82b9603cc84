"""What happens around the first import of Keras, by whomever."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any


class _AroundKeras:
    """Checks for a backend before Keras is imported, and imports our layers after.

    A saved model names our layers by their registered names. Whoever imports Keras beside
    clothzoo, in either order, can load one without importing clothzoo.layers by hand.
    """

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != "keras":
            return None
        from clothzoo.optional import check_backend  # not before: importing clothzoo is cheap

        check_backend()
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_register(module: Any) -> None:
                run(module)
                importlib.import_module("clothzoo.layers")

            spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Be there when Keras is imported, or make up for it where it is already."""
    if "keras" in sys.modules:
        importlib.import_module("clothzoo.layers")
    else:
        sys.meta_path.insert(0, _AroundKeras())
