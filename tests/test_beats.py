"""Packing of integers into the beats of a stream, and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flows import beats


@given(st.integers(1, 33), st.integers(1, 9), st.booleans(), st.integers(0, 2**32 - 1))
def test_pack_round_trip(bits, lanes, signed, seed):
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    values = np.random.default_rng(seed).integers(low, high, (5, lanes), endpoint=True)
    data = beats.pack(values, bits)
    assert data.shape == (5, beats.bytes_per_beat(bits * lanes))
    np.testing.assert_array_equal(beats.unpack(data, lanes, bits, signed), values)


def test_pack_puts_lane_0_in_the_low_bits():
    assert beats.pack(np.array([[1, -2, 3]]), 3).tolist() == [[0b011_110_001 & 0xFF, 0b011_110_001 >> 8]]


@given(st.sampled_from([1, 2, 3, 6]), st.sampled_from([0, 1, 4, 9]), st.integers(0, 2**32 - 1))
def test_fold_round_trip(lanes, window, seed):
    shape = (2, 3, 6 * max(window, 1))
    values = np.random.default_rng(seed).integers(-50, 50, (4, *shape))
    folded = beats.fold(values, lanes, window)
    assert folded.shape == (4, values[0].size // lanes, lanes)
    np.testing.assert_array_equal(beats.unfold(folded, shape, window), values)


def test_depthwise_order_is_fold_then_window():
    window, channels = 4, 6
    values = np.arange(window * channels).reshape(1, 1, 1, -1)  # element k*channels + c
    folded = beats.fold(values, 2, window)[0]
    assert folded[0].tolist() == [0, 1]
    assert folded[1].tolist() == [6, 7]  # next window element, the same two channels
    assert folded[4].tolist() == [2, 3]  # next channel fold
