"""The certificate of a layer and of a model, and its worst inputs through the golden model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from a2qplus_train import certificate
from a2qplus_train.certificate import adversarial_inputs, certify, certify_layer, within_budget
from a2qplus_train.config import TrainConfig
from a2qplus_train.freeze import freeze, integer_weights, weight_layers
from a2qplus_train.initialize import ep_init
from a2qplus_train.models import Network, build_quantized
from a2qplus_train.plan import plan
from flows.errors import VerificationFailed
from flows.golden import evaluate
from flows.graph import MVAU, Graph, IntType, Tensor, by_name


@pytest.fixture(scope="module", params=["a2q", "a2q+"])
def model(request: pytest.FixtureRequest) -> Network:
    torch.manual_seed(0)
    network = build_quantized(TrainConfig(method=request.param, accumulator_bits=9))
    ep_init(network)
    return network


def test_figures_of_a_whole_model(model: Network) -> None:
    frozen = weight_layers(freeze(model, torch.zeros(1, 1, 8, 8)))
    certificates = certify(model)
    assert [c.name for c in certificates] == [layer.name for layer in model.plan]
    for layer, c in zip(model.plan, certificates, strict=True):
        q = integer_weights(frozen[layer.name]).numpy()
        assert c.sparsity == float((q == 0).mean())
        assert c.l1.tolist() == [int(np.abs(row).sum()) for row in q]
        assert within_budget(layer, q, layer.input_bits, layer.input_signed)
        if layer.method == "qat":
            assert c.l1_budget is None
        else:
            assert c.l1_budget == (255 // 16 if layer.method == "a2q" else 510 // 15)
            assert 0 < c.l1.max() <= c.l1_budget
            assert c.exact_bits <= 9


def test_worst_inputs_through_the_golden_model(model: Network) -> None:
    """An accumulator of exactly P bits holds the worst frame of every channel, and the range is reached."""
    frozen = weight_layers(freeze(model, torch.zeros(1, 1, 8, 8)))
    for layer, c in zip(model.plan, certify(model), strict=True):
        if layer.accumulator_bits is None:
            continue
        q = integer_weights(frozen[layer.name]).flatten(1).numpy()
        x, acc = IntType(layer.input_bits, layer.input_signed), IntType(layer.accumulator_bits, True)
        graph = Graph(
            "layer", ("x",), ("y",), (MVAU("MVAU_0", ("x",), ("y",), q.T.copy(), IntType(layer.weight_bits, True)),),
            by_name([Tensor("x", (1, 1, q.shape[1]), x, x.min, x.max),
                     Tensor("y", (1, 1, q.shape[0]), acc, acc.min, acc.max)]),
        )  # fmt: skip
        for frames, end in zip(adversarial_inputs(q, x.min, x.max), (c.acc_min, c.acc_max), strict=True):
            sums = evaluate(graph, {"x": frames.reshape(len(q), 1, 1, -1)})["y"].reshape(len(q), -1)
            assert np.array_equal(np.diagonal(sums), end)
            assert acc.min <= sums.min()
            assert sums.max() <= acc.max


def test_bipolar_inputs_are_minus_one_or_one() -> None:
    layer = dataclasses.replace(plan(TrainConfig(method="qat"))[1], input_bits=1, input_signed=True)
    found = certify_layer(layer, np.array([[1, -2, 3]]), 1, True)
    assert (found.acc_min.tolist(), found.acc_max.tolist(), found.exact_bits) == ([-6], [6], 4)


def test_a_range_that_is_not_reached_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = plan(TrainConfig(method="qat"))[1]
    monkeypatch.setattr(certificate, "adversarial_inputs", lambda w, _low, _high: (np.zeros_like(w),) * 2)
    with pytest.raises(VerificationFailed, match="layer conv2, output channel 0: expected -30"):
        certify_layer(layer, np.array([[1, -2, 3]]), 4, False)
