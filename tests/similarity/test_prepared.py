from __future__ import annotations

import numpy as np
import pytest

from clothzoo.errors import InvalidInput
from clothzoo.similarity import METRICS, Gallery, Prepared


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("signed", [False, True])
def test_a_gallery_opens_from_files_and_answers_as_before(tmp_path, metric, signed):
    rng = np.random.default_rng(0)
    rows = (rng.random((501, 37)) - 0.5 * signed).astype(np.float32)
    queries = rng.random((5, 37))
    np.save(tmp_path / "rows.npy", rows)
    gallery = Gallery(rows, metric, codes=True)
    for name, array in gallery.prepared.to_arrays().items():
        np.save(tmp_path / f"state-{name}.npy", array)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    state = {
        path.stem.removeprefix("state-"): np.load(path, mmap_mode="r")
        for path in tmp_path.glob("state-*.npy")
    }
    opened = Gallery(mapped, metric, prepared=Prepared.from_arrays(state))
    assert (opened.prepared.codes is not None) == METRICS[metric].of_differences
    for found, expected in zip(opened.search(queries), gallery.search(queries), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_mapped_gallery_gets_no_codes_in_memory_unless_asked(tmp_path):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((4096, 64), np.float32))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert Gallery(mapped).prepared.codes is None
    assert Gallery(mapped, codes=True).prepared.codes is not None


def test_a_state_of_something_else_is_refused():
    rows = np.ones((10, 4))
    state = Gallery(rows).prepared
    with pytest.raises(InvalidInput, match=r"braycurtis gallery of shape \(10, 4\)"):
        Gallery(rows, "cosine", prepared=state)
    with pytest.raises(InvalidInput, match=r"this one is braycurtis of shape \(9, 4\)"):
        Gallery(rows[1:], prepared=state)
    arrays = state.to_arrays()
    with pytest.raises(InvalidInput, match="differ; prepare it anew"):
        Prepared.from_arrays({**arrays, "sums": arrays["sums"][1:]})
    with pytest.raises(InvalidInput, match="lacks the array 'sums'"):
        Prepared.from_arrays({n: a for n, a in arrays.items() if n != "sums"})
