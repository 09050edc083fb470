"""Accumulator widths find their layers by order and content, and a training.json of another network is noticed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.errors import ConfigError
from flows.frontend import import_model
from flows.frontend.read_model import read_model
from flows.frontend.training import trained_bits
from flows.graph import MVAU
from tests.frontend.qonnx_files import File


def network() -> File:
    file = File(4).quant(0.5, 8).dense([[1, -1, 2, 0], [0, 3, 1, -2]], 1.0).relu().quant(0.25, 4)
    return file.dense([[3, -1], [2, 2], [1, 0]], 0.5, bits=4)


PLAIN = {"op": "Gemm", "input_signed": False}
TRAINING: dict[str, Any] = {
    "input": {"shape": [4], "bits": 8, "signed": False, "narrow": False, "scale": 0.5, "zero_point": 0},
    "layers": [
        {**PLAIN, "name": "dense1", "weight_bits": 8, "input_bits": 8, "accumulator_bits": None},
        {**PLAIN, "name": "dense2", "weight_bits": 4, "input_bits": 4, "accumulator_bits": 9, "l1_max": 4},
    ],
}


def test_widths_reach_their_layers(tmp_path: Path) -> None:
    work = tmp_path / "work"
    steps: list[tuple[str, int, int]] = []
    net = import_model(
        network().write(tmp_path), training=TRAINING, label_select=False, work=work, name="two_layers",
        progress=lambda name, done, total: steps.append((name, done, total)),
    )  # fmt: skip
    assert net.graph.name == "two_layers"
    assert dict(net.graph.trained_bits) == {"MVAU_0": None, "MVAU_1": 9}
    assert [op.mh for op in net.graph.of_type(MVAU)] == [2, 3]
    total = steps[0][2]
    assert [done for _, done, _ in steps] == list(range(total + 1)) and steps[0][0] == "cleanup"
    models = sorted(p.name for p in (work / "intermediate_models").iterdir())
    assert [m[:2] for m in models] == [f"{i:02d}" for i in range(1, total + 1)] + ["ha"]


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (("layers", 0, "weight_bits"), 4, "'dense1'.*weight_bits = 4.*says 8"),
        (("layers", 1, "input_bits"), 8, "'dense2'.*input_bits"),
        (("layers", 1, "input_signed"), True, "'dense2'.*input_signed"),
        (("layers", 0, "op"), "Conv", "'dense1'.*op = 'Conv'"),
        (("layers", 1, "l1_max"), 5, "'dense2'.*l1_max = 5.*says 4"),
        (("layers", 1, "accumulator_bits"), "9", "'dense2'.*accumulator_bits"),
        (("layers", 1, "accumulator_bits"), 0, "'dense2'.*accumulator_bits"),
        (("input", "scale"), 0.25, "input.*scale = 0.25"),
        (("input", "shape"), [2, 2], "input.*shape"),
        (("layers",), [], "0 layers, the model has 2"),
        (("layers",), None, "no list of layers"),
    ],
)
def test_a_training_of_another_network_is_refused(where: tuple[Any, ...], value: Any, message: str) -> None:
    training = copy.deepcopy(TRAINING)
    inner: Any = training
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(ConfigError, match=f"training.json: .*{message}"):
        trained_bits(read_model(network().model()), training)


def test_swapped_layers_are_noticed() -> None:
    training = {**TRAINING, "layers": TRAINING["layers"][::-1]}
    with pytest.raises(ConfigError, match="do not belong together"):
        trained_bits(read_model(network().model()), training)


def test_gemm_and_matmul_are_the_same_layer() -> None:
    training = copy.deepcopy(TRAINING)
    training["layers"][0]["op"] = "MatMul"
    assert trained_bits(read_model(network().model()), training) == [None, 9]


def test_integer_weights_are_read_as_the_file_defines_them() -> None:
    layers = [layer for _, layer in read_model(network().model()).layers]
    np.testing.assert_array_equal(layers[0].weights, [[1, -1, 2, 0], [0, 3, 1, -2]])
