from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from clothzoo.training import publishing, train

from .samples import small_recipe


@pytest.mark.parametrize(("wronged", "dtype"), [(0, "float16"), (1, "float16"), (2, "float32")])
def test_halves_are_stored_unless_they_wrong_more_than_one_of_few_pictures(
    garments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wronged: int, dtype: str
) -> None:
    asked: list[dict[str, Any]] = []

    def logits_of(_network: Any, _preprocessing: Any, sample: list[Any]) -> dict[str, Any]:
        names = sorted({record.labels["category"] for record in sample})
        truth = np.array([names.index(record.labels["category"]) for record in sample])
        given = truth.copy()
        if asked:  # the second time it is asked with weights in halves
            given[:wronged] = (truth[:wronged] + 1) % 10
        asked.append({"": np.eye(10)[given] * 9})
        return asked[-1]

    monkeypatch.setattr(publishing, "logits_of", logits_of)
    recipe = small_recipe(epochs=1)
    preset = train(recipe, data=garments, out=tmp_path, verbose=False)
    assert len(asked) == 2
    stored = safetensors.numpy.load_file(tmp_path / preset.name / "model.safetensors")
    assert {str(w.dtype) for w in stored.values()} == {dtype}
