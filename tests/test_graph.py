"""Types, shapes and checks of `flows.graph`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import UnsupportedModel
from flows.graph import (
    MVAU,
    ConvolutionInputGenerator,
    FMPadding,
    Graph,
    IntType,
    Op,
    Tensor,
    Thresholding,
    by_name,
    output_shape,
)


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40))
def test_for_range_is_the_narrowest_type(a, b):
    lo, hi = min(a, b), max(a, b)
    for signed in (None, True):
        t = IntType.for_range(lo, hi, signed)
        assert t.holds(lo, hi)
        assert t.bits == 1 or not IntType(t.bits - 1, t.signed).holds(lo, hi)


def test_type_names_are_finns():
    assert (str(IntType(4, True)), str(IntType(8, False))) == ("INT4", "UINT8")


@pytest.mark.parametrize("lo, hi, signed", [(1, 0, None), (-1, 3, False)])
def test_impossible_ranges_are_refused(lo, hi, signed):
    with pytest.raises(ValueError):
        IntType.for_range(lo, hi, signed)


def test_shapes():
    conv = ConvolutionInputGenerator("swg", ("x",), ("y",), (3, 2), (2, 1), (1, 2))
    assert output_shape(conv, (9, 8, 5)) == (4, 6, 30)
    assert output_shape(FMPadding("pad", ("x",), ("y",), (1, 2, 3, 4)), (9, 8, 5)) == (13, 14, 5)


def _mvau(mw, mh):
    return MVAU("MVAU_0", ("x",), ("y",), np.zeros((mw, mh), np.int64), IntType(4, True))


def _graph(op, in_shape, out_shape, lo=0, hi=15):
    bits = IntType(4, False)
    return Graph(
        "g", ("x",), ("y",), (op,), by_name([Tensor("x", in_shape, bits, 0, 15), Tensor("y", out_shape, bits, lo, hi)])
    )


def test_validate_accepts_and_refuses():
    _graph(_mvau(3, 2), (1, 1, 3), (1, 1, 2)).validate()
    with pytest.raises(UnsupportedModel, match=r"MVAU_0.*shape"):
        _graph(_mvau(3, 2), (1, 1, 3), (1, 1, 3)).validate()
    with pytest.raises(UnsupportedModel, match="weights for 3 inputs on a tensor of 4"):
        _graph(_mvau(3, 2), (1, 1, 4), (1, 1, 2)).validate()
    with pytest.raises(UnsupportedModel, match="does not hold its range"):
        _graph(_mvau(3, 2), (1, 1, 3), (1, 1, 2), hi=16).validate()


def test_descending_thresholds_and_unknown_operators_are_refused():
    falling = Thresholding("T_0", ("x",), ("y",), np.array([[3, 1]]))
    with pytest.raises(UnsupportedModel, match="ascend"):
        output_shape(falling, (1, 1, 1))
    with pytest.raises(UnsupportedModel, match="operator Op"):
        output_shape(Op("odd", ("x",), ("y",)), (1, 1, 1))
