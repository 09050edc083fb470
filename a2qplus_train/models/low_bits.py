"""Quantizers of one and two bits (as in Brevitas' bnn_pynq networks): values -s, s (bipolar) or -s, 0, s (ternary).

Scales are constants: a BatchNorm follows every layer but the last. Ternary weights are the ordinary 2-bit quantizer,
whose range is narrow; a type of its own would only be lost on the way to QONNX, which has none.
"""

from __future__ import annotations

import math
from typing import Any

from brevitas.quant.binary import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
from brevitas.quant.scaled_int import Int8ActPerTensorFloat

from a2qplus_train.quantizers import FixedScale


def bipolar_weight(fan_in: int) -> Any:
    """Injector of bipolar weights; the scale is the power of two nearest to 1 / sqrt(fan_in), as float layers start."""
    return SignedBinaryWeightPerTensorConst.let(scaling_const=2.0 ** -round(math.log2(fan_in) / 2.0))


def bipolar_act() -> Any:
    """Injector of activations -1 and 1 (0 goes to 1)."""
    return SignedBinaryActPerTensorConst


def signed_act(bits: int) -> Any:
    """Injector of signed activations in [-1, 1], narrow range, constant scale; ternary with 2 bits."""
    step = 1.0 / (2 ** (bits - 1) - 1)
    return Int8ActPerTensorFloat.let(bit_width=bits, narrow_range=True, scaling_impl=FixedScale, fixed_scale=step)
