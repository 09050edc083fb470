"""The shared input quantizer."""

from __future__ import annotations

import numpy as np
import pytest

from a2qplus_train.quantizers import fixed_input_quant
from flows.input_quantizer import quantize_input


def test_half_goes_to_even_and_the_ends_clip() -> None:
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 300.0, -300.0])
    assert quantize_input(x, 1.0, 0, 8, False, False).tolist() == [0, 2, 2, 0, 0, 255, 0]
    assert quantize_input(x, 1.0, 0, 8, True, False).tolist() == [0, 2, 2, 0, -2, 127, -128]
    assert quantize_input(x, 1.0, 0, 8, True, True).tolist() == [0, 2, 2, 0, -2, 127, -127]
    assert quantize_input(x, 1.0, 3, 8, False, True).tolist() == [3, 5, 5, 3, 1, 254, 0]
    assert quantize_input(x, 1.0, 0, 4, False, False).dtype == np.int64


def test_equals_brevitas_in_float64() -> None:
    import brevitas.nn as qnn
    import torch

    x = np.random.default_rng(0).uniform(-0.2, 2.2, 100_000)
    x[:256] = (np.arange(256) + 0.5) / 128  # every tie
    module = qnn.QuantIdentity(act_quant=fixed_input_quant(8), return_quant_tensor=True).double().eval()
    out = module(torch.from_numpy(x))
    expected = (out.value / out.scale).detach().numpy()
    assert np.array_equal(quantize_input(x, 1 / 128, 0, 8, False, False), expected)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_a_wrong_scale_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        quantize_input(np.zeros(1), scale, 0, 8, False, False)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        quantize_input(np.array([np.nan]), 1.0, 0, 8, False, False)
