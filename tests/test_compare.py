"""The first difference is named."""

import numpy as np
import pytest

from flows.compare import mismatches, require_equal
from flows.errors import VerificationFailed


def test_equal_passes_and_the_first_difference_is_named():
    a = np.arange(24).reshape(2, 3, 4)
    require_equal("rtl", "MVAU_0", a, a.copy())
    b = a.copy()
    b[1, 2, 0] = -5
    b[1, 2, 3] = 99
    assert mismatches(a, b) == 2
    named = r"rtl: MVAU_0: 2 of 24 .* frame 1, index \(2, 0\): expected 20, got -5"
    with pytest.raises(VerificationFailed, match=named):
        require_equal("rtl", "MVAU_0", a, b)
    with pytest.raises(VerificationFailed, match="shape"):
        require_equal("rtl", "MVAU_0", a, a[:1])
    assert mismatches(a, a[:1]) == 24
