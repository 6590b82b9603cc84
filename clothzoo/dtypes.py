"""The Keras dtype policy that layers are built under."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def dtype_policy(name: str | None) -> Iterator[None]:
    """Build layers under a policy, such as "mixed_bfloat16"; None leaves the current one."""
    before = keras.config.dtype_policy()
    if name is not None:
        keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
