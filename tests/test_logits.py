from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

from clothzoo.logits import energy, softmax

logits = arrays(np.float32, (3, 5), elements=st.floats(-1e4, 1e4, width=32))


@given(logits)
def test_they_are_what_scipy_says(values: np.ndarray) -> None:
    wide = values.astype(np.float64)
    np.testing.assert_allclose(softmax(values), special.softmax(wide, axis=1), rtol=1e-9)
    np.testing.assert_allclose(energy(values), special.logsumexp(wide, axis=1), 1e-12, 1e-12)
