"""What FINN hands over is checked: weights exactly, thresholds up to what float32 explains."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from flows.frontend.exact import Affine, Quantizer
from flows.frontend.match import thresholds_differ, weights_differ
from flows.frontend.stairs import Channel, channel_steps, rounding_stairs

RISING, FLAT = Channel(Affine(Fraction(1, 3))), Channel(Affine(Fraction(0), Fraction(2)))
UINT2 = rounding_stairs(Quantizer(Fraction(1), 2, False, False))
EXPECTED = np.array([[1, 2, 0, 5], [-3, 4, 0, 6]])


def test_equal_weights_pass_and_so_do_cleared_channels() -> None:
    assert weights_differ(EXPECTED.astype(float), EXPECTED) == ""


@pytest.mark.parametrize("change", [(0, 0, 2), (1, 1, -4), (0, 2, 1)])
def test_other_weights_are_named(change: tuple[int, int, int]) -> None:
    """One word changed; one sign; one word of a channel without weights."""
    found = EXPECTED.astype(float)
    found[change[0], change[1]] = change[2]
    assert f"output channel {change[1]} " in weights_differ(found, EXPECTED)


def test_depthwise_weights_are_compared_by_their_first_axis() -> None:
    found = EXPECTED.astype(float).reshape(2, 1, 2, 2)
    assert weights_differ(found, EXPECTED) == ""
    found[1, 0, 1, 1] = 7
    assert "output channel 1 " in weights_differ(found, EXPECTED)


def exact_rows() -> np.ndarray:
    return np.array([channel_steps(RISING, UINT2, -1000, 1000)], dtype=float)


def differ(rows: np.ndarray, channel: Channel = RISING) -> str:
    return thresholds_differ(rows, [channel], [UINT2], -(1 << 15), (1 << 15) - 1)


def test_thresholds_equal_to_ours_pass() -> None:
    assert differ(exact_rows()) == ""


@pytest.mark.parametrize("by", [-1, 1])
def test_a_threshold_off_by_one_is_named(by: int) -> None:
    """Boundaries at 1.5, 4.5 and 7.5 are far from integers: float32 explains nothing here."""
    rows = exact_rows()
    rows[0, 1] += by
    assert "threshold 1 of channel 0" in differ(rows)


def test_a_tie_may_go_either_way_in_finn() -> None:
    """y = acc / 2: FINN has 1, 3, 5 (x >= t), half to even gives 2, 3, 6."""
    half = Channel(Affine(Fraction(1, 2)))
    assert differ(np.array([[1.0, 3.0, 5.0]]), half) == ""
    assert "threshold 0" in differ(np.array([[0.0, 3.0, 5.0]]), half)


def test_constant_channels_have_no_thresholds_to_compare() -> None:
    assert differ(np.array([[9.0, 9.0, 9.0]]), FLAT) == ""


def test_another_number_of_thresholds_is_named() -> None:
    assert "shape" in differ(exact_rows()[:, :2])
