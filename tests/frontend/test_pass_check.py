"""A pass of FINN that changes an integer is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from flows.errors import VerificationFailed
from flows.frontend import LOG, import_model
from tests.frontend.qonnx_files import File

OPTIONS = {"group": 1, "kernel_shape": [3, 3], "pads": [0, 0, 0, 0], "strides": [1, 1], "dilations": [1, 1]}


def network() -> File:
    """Scales that put no integer on a boundary."""
    rng = np.random.default_rng(1)
    file = File(2, 6, 6).quant(0.37, 4)
    weights = file.weights(rng.integers(-7, 8, (4, 2, 3, 3)), np.full((4, 1, 1, 1), 0.11), bits=4)
    file.node("Conv", weights, shape=(1, 4, 4, 4), **OPTIONS)
    file.relu().quant(0.83, 4).node("Flatten", shape=(1, 64), axis=1)
    return file.dense(rng.integers(-7, 8, (8, 64)), 0.07, bits=4).relu().quant(0.71, 4).dense(np.ones((3, 8)), 0.3)


@pytest.fixture
def finn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """FINN in this process, its folders below tmp_path."""
    monkeypatch.setenv("FINN_BUILD_DIR", str(tmp_path))
    monkeypatch.setenv("FINN_SETTINGS", str(tmp_path / "settings.yaml"))
    yield


def shift_threshold(state: object, by: float = 1.0) -> None:
    """What a wrong pass may do: one threshold of one channel moves."""
    model = state.model  # type: ignore[attr-defined]
    nodes = [n for n in model.graph.node if n.op_type == "MultiThreshold"]
    values = model.get_initializer(nodes[1].input[1]).copy()
    values[0, 3:] += by
    model.set_initializer(nodes[1].input[1], values)


def negate_weights(state: object) -> None:
    """Another one: the last layer's weights change their sign."""
    model = state.model  # type: ignore[attr-defined]
    node = [n for n in model.graph.node if n.op_type == "MatMul"][-1]
    model.set_initializer(node.input[1], -model.get_initializer(node.input[1]))


@pytest.mark.usefixtures("finn")
@pytest.mark.parametrize("planted", [shift_threshold, negate_weights])
@pytest.mark.parametrize("after", ["streamline", "lower_convolutions", "streamline_lowered"])
def test_a_planted_wrong_pass_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str, planted: object
) -> None:
    from flows.frontend import passes

    steps = []
    for step in passes.STEPS:
        steps.append(step)
        if step.__name__ == after:

            def wrong_pass(state: passes.State) -> None:
                planted(state)  # type: ignore[operator]

            steps.append(wrong_pass)
    monkeypatch.setattr(passes, "STEPS", tuple(steps))
    said: list[dict[str, object]] = []
    with pytest.raises(VerificationFailed, match="pass wrong_pass changes the network"):
        passes.run(network().write(tmp_path), tmp_path, False, said.append)
    assert said[-1] == {"step": "wrong_pass"}


@pytest.mark.usefixtures("finn")
def test_right_passes_pass(tmp_path: Path) -> None:
    from flows.frontend import passes
    from flows.frontend.pass_check import FRAMES, PassCheck
    from flows.frontend.read_model import read_model

    said: list[dict[str, object]] = []
    passes.run(network().write(tmp_path), tmp_path, False, said.append)
    done: dict[str, object] = said[-1]["done"]  # type: ignore[assignment]
    assert done["note"] == ""
    check = PassCheck(read_model(onnx.load(tmp_path / str(done["tidy"]))))
    assert len(check.frames) == FRAMES, "the planted passes above were compared on no frame"


def test_the_log_says_where_no_frame_can_be_compared(tmp_path: Path) -> None:
    """Of the input 0 the second channel, of 1 the first one lies on a boundary."""
    file = File(1).quant(1.0, 1)
    file.dense([[1], [1]], 0.5, file.constant([0.0, 0.5])).relu().quant(1.0, 2).dense([[1, 2]], 1.0)
    import_model(file.write(tmp_path), training=None, label_select=False, work=tmp_path / "work")
    text = (tmp_path / "work" / LOG).read_text(encoding="utf-8")
    assert "streamline: no integer is compared" in text and "boundary of a quantizer" in text
