"""How kernels are compiled: without the interpreter's lock, and kept on disk where possible."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import FunctionCache

F = TypeVar("F", bound=Callable[..., Any])

# Numba looks at the file of the outermost function only, so it would go on using a kernel whose
# inlined parts, in another file, have changed.
_SOURCES = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()


class _LenientCache(FunctionCache):
    """Numba's cache on disk, except that a full or vanished disk does not stop a search."""

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), _SOURCES)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with suppress(OSError):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)


def inlined(function: F) -> F:
    """Compile a part of a kernel; it is kept on disk inside the kernels that call it.

    Args:
        function: written for Numba's nopython mode.

    Returns:
        Its dispatcher.
    """
    return njit(function, nogil=True)  # type: ignore[no-any-return]


def kernel(function: F) -> F:
    """Compile a function that Python calls, and keep the machine code on disk if it can be.

    Args:
        function: written for Numba's nopython mode.

    Returns:
        Its dispatcher.
    """
    dispatcher = njit(function, nogil=True)
    with suppress(RuntimeError):  # what Numba raises where no cache folder can be written
        dispatcher._cache = _LenientCache(function)
    return dispatcher  # type: ignore[no-any-return]
