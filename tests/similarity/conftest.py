from __future__ import annotations

import pytest

from clothzoo.similarity import plain


@pytest.fixture(autouse=True)
def _no_allowance(monkeypatch):
    """Small as they are, the searches of these tests are meant for the kernels."""
    monkeypatch.setattr(plain, "ALLOWANCE", plain.Allowance(0))
