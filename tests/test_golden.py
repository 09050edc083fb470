"""The golden model against independent evaluations."""

import numpy as np
import pytest
from scipy.signal import correlate

from flows import golden
from flows.graph import (
    MVAU,
    ConvolutionInputGenerator,
    Flatten,
    FMPadding,
    Graph,
    IntType,
    LabelSelect,
    Pool,
    Tensor,
    Thresholding,
    by_name,
)

rng = np.random.default_rng(0)


def _conv(x, w, stride, dilation):
    """x (H, W, C), w (KH, KW, C, M): a convolution by scipy, one output channel at a time."""
    kh, kw, c, m = w.shape
    big = np.zeros(((kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1, c, m), np.int64)
    big[:: dilation[0], :: dilation[1]] = w
    full = [correlate(x, big[..., k], mode="valid", method="direct")[..., 0] for k in range(m)]
    return np.stack(full, -1)[:: stride[0], :: stride[1]]


@pytest.mark.parametrize(
    "kernel, stride, dilation, pad",
    [
        ((3, 3), (1, 1), (1, 1), (1, 1, 1, 1)),
        ((2, 3), (2, 1), (1, 2), (0, 2, 1, 0)),
        ((1, 1), (2, 2), (1, 1), (0, 0, 0, 0)),
        ((5, 1), (1, 3), (1, 1), (2, 0, 2, 0)),
    ],
)
def test_padding_window_and_mvau_make_a_convolution(kernel, stride, dilation, pad):
    x = rng.integers(0, 16, (3, 9, 7, 4))
    w = rng.integers(-8, 8, (*kernel, 4, 5))
    padded = golden.apply(FMPadding("pad", ("x",), ("p",), pad), x)
    windows = golden.apply(ConvolutionInputGenerator("swg", ("p",), ("w",), kernel, stride, dilation), padded)
    y = golden.apply(MVAU("mvau", ("w",), ("y",), w.reshape(-1, 5), IntType(4, True)), windows)
    for n in range(3):
        np.testing.assert_array_equal(y[n], _conv(padded[n], w, stride, dilation))


def test_threshold_counts():
    t = np.array([[-3, 0, 0], [5, 6, 9]])
    x = np.array([[[[-4, 4]], [[-3, 5]], [[0, 8]], [[1, 9]]]])
    y = golden.apply(Thresholding("t", ("x",), ("y",), t, out_bias=-1), x)
    assert y[0, :, 0].tolist() == [[-1, -1], [0, 0], [2, 1], [2, 2]]


def test_pool_takes_the_maximum_of_the_window():
    x = rng.integers(-9, 9, (2, 3, 3, 8))
    y = golden.apply(Pool("p", ("x",), ("y",), 4), x)
    np.testing.assert_array_equal(y, np.maximum.reduce([x[..., 2 * k : 2 * k + 2] for k in range(4)]))


def test_label_select_takes_the_lowest_of_equal_maxima():
    x = np.array([[3, 7, 7, 1], [5, 5, 5, 5]]).reshape(2, 1, 1, 4)
    assert golden.apply(LabelSelect("l", ("x",), ("y",)), x).ravel().tolist() == [1, 0]


def test_evaluate_names_every_tensor_and_checks_inputs():
    u4 = IntType(4, False)
    graph = Graph(
        "g", ("x",), ("f",), (Flatten("flat", ("x",), ("f",)),),
        by_name([Tensor("x", (2, 2, 1), u4, 0, 15), Tensor("f", (1, 1, 4), u4, 0, 15)]),
    )  # fmt: skip
    assert golden.evaluate(graph, {"x": np.arange(4).reshape(1, 2, 2, 1)})["f"].tolist() == [[[[0, 1, 2, 3]]]]
    with pytest.raises(ValueError, match="leave"):
        golden.evaluate(graph, {"x": np.full((1, 2, 2, 1), 16)})
    with pytest.raises(ValueError, match="expected integers"):
        golden.evaluate(graph, {"x": np.zeros((1, 2, 2, 1))})
