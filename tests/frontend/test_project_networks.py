"""The networks of configs/, small and untrained, through the front end: every integer must be Brevitas' in float64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.freeze import freeze
from a2qplus_train.models import build_quantized
from a2qplus_train.onnx_file import write_qonnx
from a2qplus_train.quantizers import LearnedScale
from a2qplus_train.vectors import record
from flows.frontend import HARDWARE, LOG, MODELS, Imported, import_model
from flows.golden import evaluate
from flows.graph import MVAU, VVAU, Add, Concat, DepthToSpace, GlobalAccPool, IntArray, LabelSelect, UpsampleNearest
from flows.verify import brevitas_vs_golden

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL: dict[str, dict[str, Any]] = {
    "mobilenetv1_digits": {"width": 0.0625, "channels": (32, 64, 128)},
    "resnet18_digits": {"channels": (32, 48), "blocks": (1, 1)},
    "espcn_photos": {"channels": (6, 4), "image_size": 8},
    "espcn_nn_photos": {"channels": (6, 4), "image_size": 8},
    "unet_photos": {"channels": (4, 6), "image_size": 8},
    "cnv_w1a1_digits": {"channels": (6, 6), "hidden": (12,)},
    "cnv_w2a2_digits": {"channels": (6, 6), "hidden": (12,)},
    "tfc_w1a1_digits": {"hidden": (16, 16)},
}
WITHOUT_FINN = {"espcn_photos", "espcn_nn_photos", "unet_photos", "cnv_w1a1_digits", "tfc_w1a1_digits"}
"""FINN's passes stop at these; our graph does not need them."""


def untrained(name: str) -> tuple[TrainConfig, nn.Module]:
    """With scales, signs and statistics that move every tensor, and one channel in three that falls."""
    config = TrainConfig(**{**yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())["train"], **SMALL[name]})
    torch.manual_seed(0)
    net = build_quantized(config)
    for module in net.modules():
        if isinstance(module, LearnedScale):
            module.log_scale.data = torch.empty(()).uniform_(-3.6, -2.6)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.weight.data.uniform_(0.3, 1.2)
            module.weight.data[::3] *= -1
            module.weight.data[1] = 0
            module.bias.data.uniform_(-0.2, 0.7)
    for _ in range(4):
        net(torch.rand(16, *config.image_shape))
    return config, net.eval()


def imported(name: str, folder: Path) -> tuple[Imported, dict[str, Any]]:
    config, net = untrained(name)
    frozen = freeze(net, torch.zeros((1, *config.image_shape)))
    path = folder / "model.onnx"
    write_qonnx(frozen, config.image_shape, path)
    frames = np.rint(np.random.default_rng(0).uniform(0, 1, (12, *config.image_shape)) * 255) / 255
    frames[:4] = np.rint(frames[:4])
    vectors = record(frozen, frames, np.zeros(12, dtype=np.int64)).arrays
    select = config.classes is not None and config.label_select
    return import_model(path, training=None, label_select=select, work=folder / "work"), vectors


@pytest.mark.parametrize("name", SMALL)
def test_every_integer_is_brevitas(tmp_path: Path, name: str) -> None:
    net, vectors = imported(name, tmp_path)
    quantized = [key for key in vectors if key.startswith("quant/")]
    for key in quantized[:3]:
        assert len(np.unique(vectors[key])) > 1, "the test's frames do not move this tensor"
    found = brevitas_vs_golden(net, vectors, None)
    assert len(found["tensors"]) == len(quantized) + 1 and found["mismatches"] == 0
    if net.output.label_select:
        values = evaluate(net.graph, {net.graph.inputs[0]: net.input.quantize(vectors["input"])})
        assert isinstance(net.graph.ops[-1], LabelSelect)
        np.testing.assert_array_equal(values[net.graph.outputs[0]].ravel(), vectors["output"].argmax(axis=1))
    has_finn = (tmp_path / "work" / MODELS / HARDWARE).is_file()
    assert has_finn == (name not in WITHOUT_FINN)
    assert has_finn or f"no {HARDWARE}" in (tmp_path / "work" / LOG).read_text()
    kinds = {type(op) for op in net.graph.ops}
    assert {
        "mobilenetv1_digits": {VVAU, GlobalAccPool},
        "resnet18_digits": {Add, GlobalAccPool},
        "espcn_photos": {DepthToSpace, UpsampleNearest, Add},
        "espcn_nn_photos": {UpsampleNearest, Add},
        "unet_photos": {Concat, UpsampleNearest, DepthToSpace},
    }.get(name, {MVAU}) <= kinds


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """The comparison above is not empty: one other integer of Brevitas is a mismatch."""
    from flows.errors import VerificationFailed

    net, vectors = imported("espcn_photos", tmp_path)
    wrong: IntArray = vectors["output"].copy()
    wrong[3, 1, 2, 3] += 1
    with pytest.raises(VerificationFailed, match="frame 3, index \\(2, 3, 1\\)"):
        brevitas_vs_golden(net, {**vectors, "output": wrong}, None)
