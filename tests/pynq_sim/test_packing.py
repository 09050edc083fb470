"""Packing of the driver: a round trip for every type of 1 to 32 bits and every folding, and the bytes of the RTL."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import beats
from flows.emit.ps import beat_bits, frame_bytes
from flows.emit.pynq import PACKAGE
from flows.frontend.spec import HostStep, InputSpec, OutputSpec

sys.path.insert(0, str(PACKAGE))
import packing

SHAPE = (3, 2, 12)


def foldings(channels: int) -> list[int]:
    return [lanes for lanes in range(1, channels + 1) if channels % lanes == 0]


def round_trip(values: np.ndarray, bits: int, signed: bool, lanes: int, word: int, window: int) -> None:
    count = values[0].size // lanes
    one, whole = beat_bits(lanes * bits, word) // 8, frame_bytes(lanes * bits, count, word)
    folded = packing.fold(values, lanes, window)
    assert np.array_equal(folded, beats.fold(values, lanes, window))
    packed = packing.pack(folded, bits, one, whole)
    assert packed.shape == (len(values), whole) and packed.dtype == np.uint8 and whole % (word // 8) == 0
    # Bytes: what flows.beats, which every simulation uses, makes of the same beats, then padding.
    wanted = np.zeros((len(values), count, one), dtype=np.uint8)
    reference = beats.pack(folded, bits)
    wanted[..., : reference.shape[-1]] = reference
    assert np.array_equal(packed[:, : count * one].reshape(wanted.shape), wanted)
    assert not packed[:, count * one :].any()
    # Padding may hold anything on the way back: an accelerator pads with the sign.
    packed[:, count * one :] = 0xA5
    back = packing.unpack(packed, lanes, bits, signed, count, one)
    assert np.array_equal(packing.unfold(back, values.shape[1:], window), values)


@pytest.mark.parametrize("bits", range(1, 33))
def test_every_type_and_folding(bits: int) -> None:
    rng = np.random.default_rng(bits)
    for signed in (False, True):
        lo = -(1 << (bits - 1)) if signed else 0
        values = rng.integers(lo, lo + (1 << bits), (3, *SHAPE))
        values.reshape(-1)[:2] = lo, lo + (1 << bits) - 1
        for lanes in foldings(SHAPE[2]):
            for word in (32, 64, 128):
                round_trip(values, bits, signed, lanes, word, 0)


@settings(max_examples=60, deadline=None)
@given(
    bits=st.integers(1, 32), signed=st.booleans(), shape=st.tuples(*(st.integers(1, 6) for _ in range(3))),
    window=st.integers(0, 4), frames=st.integers(1, 4), word=st.sampled_from((32, 64, 128)), data=st.data(),
)  # fmt: skip
def test_any_shape_and_window(bits, signed, shape, window, frames, word, data) -> None:
    h, w, channels = shape
    lanes = data.draw(st.sampled_from(foldings(channels)))
    lo = -(1 << (bits - 1)) if signed else 0
    size = (frames, h, w, channels * max(window, 1))
    values = np.random.default_rng(bits).integers(lo, lo + (1 << bits), size)
    round_trip(values, bits, signed, lanes, word, window)


@pytest.mark.parametrize(
    ("bits", "signed", "narrow", "zero_point"),
    [(8, False, False, 0), (8, True, True, 0), (4, True, False, -1), (1, False, False, 0)],
)
def test_quantize_is_the_builds_quantizer(bits: int, signed: bool, narrow: bool, zero_point: int) -> None:
    spec = InputSpec((3, 4, 5), 0.1, zero_point, bits, signed, narrow, (0, 2, 3, 1), (4, 5, 3))
    x = np.concatenate(
        [np.random.default_rng(0).normal(0, 20, (7, 3, 4, 5)), np.arange(60.0).reshape(1, 3, 4, 5) * 0.05]
    )
    asked = {"scale": 0.1, "zero_point": zero_point, "bits": bits, "signed": signed, "narrow": narrow}
    assert np.array_equal(packing.arrange(packing.quantize(x, asked), spec.perm, spec.graph_shape), spec.quantize(x))
    with pytest.raises(ValueError, match="NaN"):
        packing.quantize(np.array([np.inf]), asked)


def test_dequantize_is_the_builds_output() -> None:
    steps = (HostStep("Mul", np.array([0.5, 0.25, 3.0])), HostStep("Add", np.array(1.5)))
    spec = OutputSpec((3, 2, 2), steps)
    x = np.random.default_rng(0).integers(-50, 50, (4, 2, 2, 3))
    asked = {
        "label_select": False,
        "shape": [3, 2, 2],
        "steps": [{"op": s.op, "value": s.value.tolist()} for s in steps],
    }
    assert np.array_equal(packing.dequantize(x, asked), spec.apply(x))
    assert packing.dequantize(x[:, :1, :1], {"label_select": True}).shape == (4, 3)


def test_nothing_loops_over_frames() -> None:
    """Vectorized: no `for` or `while` in the module but the one over the host's output steps."""
    import ast

    tree = ast.parse((Path(PACKAGE) / "packing.py").read_text(encoding="utf-8"))
    assert sum(isinstance(node, ast.For | ast.While) for node in ast.walk(tree)) == 1


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda p: p.name)
def test_the_package_is_python_3_8(path: Path) -> None:
    import ast

    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
