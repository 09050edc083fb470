"""A build of a network with dead channels: what is built without them, and what a wrong removal ends with."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import build
from flows.certificate import recheck
from flows.channels.rewrite import Rewritten
from flows.folding import read_finn_json
from flows.frontend import HARDWARE, MODELS
from flows.frontend.onnx_file import attributes
from flows.frontend.store import load
from flows.graph import Graph, Thresholding
from flows.stages import networks
from tests.frontend.qonnx_files import File

CONFIG = """
name: tight
model: net.onnx
label_select: true
target_fps: 20000
verify_frames: 8
verify_steps: [rtl_layers, rtl_stitched]
compare_policies: [exact, trained]
"""
CHANNELS = (8, 12)


def network() -> File:
    """Two convolutions and a dense layer; 2 channels of the first and 3 of the second are read by nothing."""
    rng = np.random.default_rng(0)
    file = File(2, 8, 8).quant(1.0, 4)
    window = {"kernel_shape": [3, 3], "strides": [1, 1], "dilations": [1, 1], "group": 1}
    first = file.weights(rng.integers(-7, 8, (CHANNELS[0], 2, 3, 3)), 1.0, bits=4)
    file.node("Conv", first, shape=(1, CHANNELS[0], 8, 8), pads=[1, 1, 1, 1], **window)
    file.relu().quant(32.0, 4)
    weights = rng.integers(-7, 8, (CHANNELS[1], CHANNELS[0], 3, 3))
    weights[:, [1, 5]] = 0
    file.node("Conv", file.weights(weights, 1.0, bits=4), shape=(1, CHANNELS[1], 6, 6), pads=[0, 0, 0, 0], **window)
    file.relu().quant(128.0, 4).node("Flatten", shape=(1, CHANNELS[1] * 36), axis=1)
    dense = rng.integers(-7, 8, (5, CHANNELS[1], 36))
    dense[:, [0, 3, 11]] = 0
    return file.dense(dense.reshape(5, -1), 1.0, bits=4)


pytestmark = pytest.mark.xdist_group("channels")


def summary(out: Path) -> dict:
    return json.loads((out / "report" / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(configuration, output folder), built once."""
    folder = tmp_path_factory.mktemp("tight")
    config = folder / "tight.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    network().write(folder)
    assert build.main(["run", str(config), "-o", str(folder / "out")]) == 0
    return config, folder / "out"


def test_the_report_says_what_was_removed(built: tuple[Path, Path]) -> None:
    out = built[1]
    found, imported = summary(out), load(out / MODELS).graph
    assert found["channels"]
    for row in found["channels"]:
        layer = next(x for x in found["layers"] if x["name"] == row["name"])
        assert [row["inputs"][1], row["outputs"][1]] == [layer["mw"], layer["mh"]]
        assert [row["inputs"][0], row["outputs"][0]] == list(imported.op(row["name"]).weights.shape)
    assert any(row["outputs"][1] < row["outputs"][0] for row in found["channels"])
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "Channels removed and sorted" in page
    checks = found["verification"]
    assert checks["rtl_layers"]["mismatches"] == checks["rtl_stitched"]["mismatches"] == 0


def test_the_certificate_is_of_what_is_built(built: tuple[Path, Path]) -> None:
    recheck(built[1])
    certificate = json.loads((built[1] / "report" / "accumulators.json").read_text(encoding="utf-8"))
    graph = networks(built[1])[1]
    for layer in certificate["layers"]:
        assert len(layer["channels"]) == layer["mh"] == graph.op(layer["name"]).mh


def test_finns_graph_has_every_channel_and_a_folding_for_them(built: tuple[Path, Path]) -> None:
    models = built[1] / MODELS
    assert (models / HARDWARE).is_file()
    imported = load(models).graph
    nodes = {node.name: attributes(node) for node in onnx.load(models / "hw_graph_with_widths.onnx").graph.node}
    for name, options in nodes.items():
        if "MH" in options:
            assert (options["MW"], options["MH"]) == imported.op(name).weights.shape
            assert options["MW"] % options["SIMD"] == options["MH"] % options["PE"] == 0


def test_its_own_folding_file_builds_the_same_again(built: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(built[1], out)
    path = tmp_path / "folding.json"
    shutil.copy(built[1] / "auto_folding_config.json", path)
    arguments = ["--set", "target_fps=null", "--set", f"folding_config_file={path}", "--set", "stop_step=emit"]
    assert build.main(["run", str(built[0]), "-o", str(out), *arguments]) == 0
    before, after = (networks(folder)[0] for folder in (built[1], out))
    assert {n: t.shape for n, t in before.tensors.items()} == {n: t.shape for n, t in after.tensors.items()}
    assert read_finn_json(path) == read_finn_json(out / "auto_folding_config.json")


def test_every_channel_stays_on_request(built: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(built[1], out)
    off = ["--set", "remove_channels=false", "--set", "permute_channels=false", "--set", "stop_step=permute"]
    assert build.main(["run", str(built[0]), "-o", str(out), *off]) == 0
    for graph in networks(out):
        for op, again in zip(load(out / MODELS).graph.ops, graph.ops, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(vars(op).values(), vars(again).values(), strict=True))


def with_a_wrong_threshold(made: Rewritten) -> Rewritten:
    """The first thresholds higher than they must be."""
    first = made.graph.of_type(Thresholding)[0]
    wrong = replace(first, thresholds=first.thresholds + 20)
    return replace(made, graph=replace(made.graph, ops=tuple(wrong if op is first else op for op in made.graph.ops)))


@pytest.mark.parametrize("step", ["minimize", "permute"])
def test_a_wrong_network_fails_the_build_and_is_named(
    step: str, built: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    name = {"minimize": "remove_channels", "permute": "permute_channels"}[step]
    from flows import stages

    right = getattr(stages, name)

    def wrong(graph: Graph, *more: object) -> Rewritten:
        return with_a_wrong_threshold(right(graph, *more))

    monkeypatch.setattr(stages, name, wrong)
    out = tmp_path / "out"
    shutil.copytree(built[1], out)
    shutil.rmtree(out / MODELS / f"{step}d")  # or the step would be reused
    assert build.main(["run", str(built[0]), "-o", str(out)]) == 1
    assert f"{step}: Thresholding_0: " in capsys.readouterr().err
    assert not (out / "report" / "summary.json").exists()
