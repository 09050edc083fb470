"""What FINN hands over is checked: weights up to their channels' signs, thresholds up to float32."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from flows.errors import UnsupportedModel
from flows.frontend.chain import Layer
from flows.frontend.exact import Affine, Quantizer, channel_thresholds
from flows.frontend.match import check_thresholds, matrix, signs_of, turn
from flows.graph import IntType

RISING, FALLING, FLAT = Affine(Fraction(1, 3)), Affine(Fraction(-1, 3)), Affine(Fraction(0), Fraction(2))
UINT2 = Quantizer(Fraction(1), 2, False, False)


def layer(weights: np.ndarray, flattened: tuple[int, int, int] | None = None) -> Layer:
    return Layer("Conv_0", "Conv", weights, 4, True, UINT2, flattened)


def test_windows_are_rows_kh_kw_c() -> None:
    w = np.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2)
    m = matrix(layer(w), channels_last=True)
    assert m.shape == (12, 2)
    for (o, c, i, j), value in np.ndenumerate(w):
        assert m[(i * 2 + j) * 3 + c, o] == value


@pytest.mark.parametrize("channels_last", [False, True])
def test_flattened_maps(channels_last: bool) -> None:
    w = np.arange(2 * 12).reshape(2, 12)
    m = matrix(layer(w, (3, 2, 2)), channels_last)
    for c, h, x in np.ndindex(3, 2, 2):
        row = (h * 2 + x) * 3 + c if channels_last else (c * 2 + h) * 2 + x
        np.testing.assert_array_equal(m[row], w[:, (c * 2 + h) * 2 + x])


def test_signs() -> None:
    expected = np.array([[1, 2, 0, 5], [-3, 4, 0, 6]])
    found = np.array([[1, -2, 0, 0], [-3, -4, 0, 0]])
    channels = [RISING, FALLING, FALLING, FLAT]
    assert signs_of("MVAU_0", layer(expected), expected, found, channels) == [1, -1, -1, 1]
    assert [a.scale >= 0 for a in turn(channels, [1, -1, -1, 1])] == [True] * 4


@pytest.mark.parametrize("change", [(0, 0, 2), (1, 1, 4), (0, 3, 1)])
def test_other_weights_are_refused(change: tuple[int, int, int]) -> None:
    """One word changed; one sign of a turned channel; one word of a cleared channel."""
    expected = np.array([[1, 2, 0, 5], [-3, 4, 0, 6]])
    found = np.array([[1, -2, 0, 0], [-3, -4, 0, 0]])
    found[change[0], change[1]] = change[2]
    with pytest.raises(UnsupportedModel, match=f"MVAU_0.*channel {change[1]}.*Conv_0"):
        signs_of("MVAU_0", layer(expected), expected, found, [RISING, FALLING, FALLING, FLAT])


def test_cleared_weights_need_a_zero_scale() -> None:
    expected = np.array([[1], [2]])
    with pytest.raises(UnsupportedModel, match="channel 0"):
        signs_of("MVAU_0", layer(expected), expected, 0 * expected, [RISING])


def exact_rows() -> np.ndarray:
    return np.array([channel_thresholds(RISING, UINT2, -1000, 1000)], dtype=float)


def test_thresholds_equal_to_ours_pass() -> None:
    check_thresholds("T", "Quant_1", exact_rows(), IntType(16, True), [RISING], UINT2)


@pytest.mark.parametrize("by", [-1, 1])
def test_a_threshold_off_by_one_is_refused(by: int) -> None:
    """Boundaries at 1.5, 4.5 and 7.5 are far from integers: float32 explains nothing here."""
    rows = exact_rows()
    rows[0, 1] += by
    with pytest.raises(UnsupportedModel, match=r"T: FINN's threshold 1 of channel 0.*Quant_1"):
        check_thresholds("T", "Quant_1", rows, IntType(16, True), [RISING], UINT2)


def test_a_tie_may_go_either_way_in_finn() -> None:
    """y = acc / 2: FINN has 1, 3, 5 (x >= t), half to even gives 2, 3, 6."""
    half = Affine(Fraction(1, 2))
    check_thresholds("T", "Q", np.array([[1.0, 3.0, 5.0]]), IntType(16, True), [half], UINT2)
    with pytest.raises(UnsupportedModel, match="threshold 0"):
        check_thresholds("T", "Q", np.array([[0.0, 3.0, 5.0]]), IntType(16, True), [half], UINT2)


def test_channels_that_fall_are_refused() -> None:
    with pytest.raises(UnsupportedModel, match="falls"):
        check_thresholds("T", "Q", exact_rows(), IntType(16, True), [FALLING], UINT2)


def test_another_number_of_thresholds_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match="shape"):
        check_thresholds("T", "Q", exact_rows()[:, :2], IntType(16, True), [RISING], UINT2)
