"""Brevitas networks written in ways that the project's own models are not: bit-exact, or refused with the node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.core.scaling import ScalingPerOutputType
from brevitas.quant.scaled_int import Int8WeightPerTensorFloat, Uint8ActPerTensorFloat
from torch import Tensor, nn
from torch.nn import functional

from a2qplus_train.freeze import activations, freeze
from a2qplus_train.onnx_file import write_qonnx
from flows.errors import UnsupportedModel
from flows.frontend.passes import State, cleanup
from flows.frontend.read_model import Network, read_model
from flows.frontend.spec import Imported
from flows.frontend.surgery import wrap
from flows.golden import evaluate
from flows.graph import VVAU, Add, ChannelSlice, Concat, FMPaddingPixel, GlobalAccPool, Pool, UpsampleNearest
from tests.frontend.nets import act, aware, conv, dense, norm, relu


def plain(bits: int) -> nn.Module:
    """Its result is a tensor like any other, not one of Brevitas' own."""
    return qnn.QuantReLU(bit_width=bits)


class Functional(nn.Module):
    """Functional calls; one quantizer for three tensors; a sum of three; slices, a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.shared, self.last_act = act(8), plain(4), plain(3)
        self.a, self.b, self.c = conv(2, 4, 3, padding=1), conv(4, 4, 1, bias=True), conv(4, 4, 3, padding=1)
        self.out = dense(6 * 9, 5, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.shared(self.a(self.first(x)))
        y = self.shared(self.b(x))
        z = self.shared(self.c(y))
        total = x + y + z
        half = functional.max_pool2d(self.last_act(torch.cat([total[:, :2], total[:, 2:], total[:, 1:3]], dim=1)), 2)
        return self.out(torch.flatten(half[:, :6], 1))  # type: ignore[no-any-return]


class Scales(nn.Module):
    """A sum of streams with two learned scales: refused, unless their ratio is one of small integers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.one, self.two = act(8), plain(4), plain(4)
        self.a, self.b, self.last = conv(2, 4, 3), conv(2, 4, 3), conv(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.last(self.one(self.a(x)) + 3.0 * self.two(self.b(x)))  # type: ignore[no-any-return]


class Ratio(Scales):
    """Streams with the same quantizer, one of them times 3."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.last(self.two(self.one(self.a(x)) + 3.0 * self.one(self.b(x))))  # type: ignore[no-any-return]


def per_channel_act() -> nn.Module:
    quant = Uint8ActPerTensorFloat.let(
        scaling_per_output_type=ScalingPerOutputType.CHANNEL, per_channel_broadcastable_shape=(1, 4, 1, 1),
        scaling_stats_permute_dims=(1, 0, 2, 3),
    )  # fmt: skip
    return qnn.QuantReLU(act_quant=quant, bit_width=4, return_quant_tensor=True)


def depthwise(channels: int) -> nn.Module:
    return qnn.QuantConv2d(
        channels, channels, 3, groups=channels, padding=1, bias=True, weight_quant=Int8WeightPerTensorFloat,
        weight_bit_width=4,
    )  # fmt: skip


def upsampling() -> nn.Module:
    return nn.Sequential(
        act(8), conv(2, 3, 3), norm(3), relu(4), nn.Upsample(scale_factor=(2, 3)), conv(3, 2, 3, padding=1), relu(3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense(2, 4),
    )  # fmt: skip


def averages() -> nn.Module:
    """Averages of 4-bit integers that go on as they are, then a mean of the whole map."""
    return nn.Sequential(
        act(8), conv(2, 4, 1), norm(4), relu(4), nn.AvgPool2d(2), conv(4, 4, 1), relu(4), nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(), dense(4, 3, bias=True),
    )  # fmt: skip


def pools() -> nn.Module:
    """Overlap, padding, dilation, rounding up; a pool before its quantizer; a channel that falls under it."""
    return nn.Sequential(
        act(8), conv(2, 4, 3, padding=1), norm(4), nn.MaxPool2d(3, 1), relu(4), nn.MaxPool2d(3, 1, padding=1),
        depthwise(4), relu(4), nn.MaxPool2d(2, 2, dilation=2, ceil_mode=True), nn.Flatten(), dense(16, 3, bias=True),
    )  # fmt: skip


def transposed() -> nn.Module:
    return nn.Sequential(
        act(8), conv(2, 3, 3), relu(4),
        qnn.QuantConvTranspose2d(
            3, 2, 3, stride=2, padding=1, output_padding=1, bias=True, weight_quant=Int8WeightPerTensorFloat,
            weight_bit_width=4,
        ), relu(4), conv(2, 2, 1),
    )  # fmt: skip


def no_norm() -> nn.Module:
    return nn.Sequential(
        act(8), conv(2, 4, 3, bias=True), relu(4), conv(4, 4, 3, bias=True), relu(2), nn.Flatten(),
        dense(16, 3, bias=True),
    )  # fmt: skip


def empty_layers() -> nn.Module:
    """P so tight that whole layers have no weights."""
    return nn.Sequential(
        act(4), aware(qnn.QuantConv2d, 2, 4, 3, bits=3), norm(4), relu(4), aware(qnn.QuantConv2d, 4, 4, 3, bits=3),
        relu(4), nn.Flatten(), dense(16, 5, bias=True),
    )  # fmt: skip


def scales_per_channel() -> nn.Module:
    """Per-channel scales go into a depthwise layer, which keeps channels apart."""
    return nn.Sequential(act(8), conv(2, 4, 3), per_channel_act(), depthwise(4), relu(4), nn.Flatten(), dense(64, 3))


def exported(net: nn.Module, folder: Path) -> tuple[Network, np.ndarray, dict[int, np.ndarray], np.ndarray]:
    """The network as read, frames, Brevitas' values of every quantizer call in order, and its output."""
    torch.manual_seed(3)
    shape = (2, 6, 6)
    for _ in range(4):
        net(torch.rand(32, *shape) * 2)
    frozen = freeze(net.eval(), torch.zeros((1, *shape)))
    path = folder / "net.onnx"
    write_qonnx(frozen, shape, path)
    import onnx

    state = State(wrap(onnx.load(path)), False)
    cleanup(state)
    frames = np.random.default_rng(2).uniform(0, 2, (16, *shape))
    frames[0], frames[1] = 0, 2
    values: dict[int, np.ndarray] = {}

    def note(module: nn.Module, _given: object, out: object) -> None:
        integers = torch.round(getattr(out, "value", out) / module.act_quant.scale()).to(torch.int64)
        values[len(values)] = integers.numpy()

    for module in activations(frozen).values():
        module.register_forward_hook(note)
    with torch.no_grad():
        out = frozen(torch.from_numpy(frames))
    return read_model(state.model.model), frames, values, getattr(out, "value", out).numpy()


CASES: dict[str, tuple[Callable[[], nn.Module], set[type]]] = {
    "functional": (Functional, {Add, ChannelSlice, Concat}),
    "ratio": (Ratio, {Add}),
    "upsampling": (upsampling, {UpsampleNearest, GlobalAccPool}),
    "averages": (averages, {Pool, GlobalAccPool}),
    "pools": (pools, {Pool}),
    "transposed": (transposed, {FMPaddingPixel}),
    "no_norm": (no_norm, set()),
    "empty_layers": (empty_layers, set()),
    "scales_per_channel": (scales_per_channel, {VVAU}),
}


@pytest.mark.parametrize("name", CASES)
def test_every_integer_is_brevitas(tmp_path: Path, name: str) -> None:
    build, kinds = CASES[name]
    torch.manual_seed(1)
    network, frames, quantized, output = exported(build(), tmp_path)
    graph = network.graph
    assert kinds <= {type(op) for op in graph.ops}
    layouts = {k: layout for k, layout in enumerate(network.layouts) if layout is not None}
    net = Imported(graph, network.input, network.output, layouts, network.sums)
    values = evaluate(graph, {graph.inputs[0]: network.input.quantize(frames)})
    assert sorted(layouts) == sorted(quantized)
    for k, layout in layouts.items():
        np.testing.assert_array_equal(values[layout.tensor], net.arrange(k, quantized[k]), err_msg=f"quantizer {k}")
    assert len(np.unique(quantized[max(quantized)])) > 1 or name == "empty_layers"
    found = network.output.apply(values[graph.outputs[0]])
    np.testing.assert_allclose(found, output, rtol=1e-9, atol=1e-9)
    for tensor in graph.tensors.values():
        assert tensor.lo <= values[tensor.name].min() and values[tensor.name].max() <= tensor.hi, tensor


def test_a_sum_of_two_learned_scales_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(1)
    with pytest.raises(UnsupportedModel, match=r"Add_0 \(Add\): adds values of the scales .* the same quantizer"):
        exported(Scales(), tmp_path)
