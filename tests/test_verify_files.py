"""`verify_input_npy` and `verify_expected_output_npy`: a network from elsewhere against its own floats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import build
from flows.config import load
from flows.errors import ConfigError, VerificationFailed
from flows.frontend import HostStep, OutputSpec
from flows.frontend import load as load_imported
from flows.verify_files import NEAR, expected_vs_golden, integers, load_npy
from tests.frontend.nets import Reference, reference
from tests.frontend.qonnx_files import File

FRAMES = 9


def onnx_outputs(path: Path, frames: np.ndarray) -> np.ndarray:
    """What qonnx makes of the ONNX file itself, float32, frame by frame."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    model = cleanup_model(ModelWrapper(str(path)))
    (x,), (y,) = model.graph.input, model.graph.output
    run = [execute_onnx(model, {x.name: frame[None].astype(np.float32)})[y.name] for frame in frames]
    return np.concatenate(run)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Reference]:
    """A folder with a network that Brevitas exported, frames, what its file gives for them, and a configuration."""
    folder = tmp_path_factory.mktemp("elsewhere")
    truth = reference("signed_map", folder)
    frames = truth.frames[:FRAMES].astype(np.float32)
    np.save(folder / "x.npy", frames)
    np.save(folder / "y.npy", onnx_outputs(truth.path, frames))
    (folder / "net.yaml").write_text(
        f"model: {truth.path.name}\nverify_input_npy: x.npy\nverify_expected_output_npy: y.npy\n"
        "target_fps: 1000\nstop_step: golden\n"
    )
    return folder, truth


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(project: tuple[Path, Reference], capsys: pytest.CaptureFixture[str]) -> Run:
    """(exit code, errors) of the build with some keys set; the front end's work is done once for all."""
    folder, _ = project

    def go(**keys: object) -> tuple[int, str]:
        given = [a for key, value in keys.items() for a in ("--set", f"{key}={value}")]
        code = build.main(["run", str(folder / "net.yaml"), "-o", str(folder / "out"), *given])
        return code, capsys.readouterr().err

    return go


def test_an_exported_model_gives_what_its_own_file_gives(project: tuple[Path, Reference], run: Run) -> None:
    code, err = run()
    assert code == 0, err
    out = project[0] / "out" / "verification_output"
    found = json.loads((out / "expected_vs_golden.json").read_text())
    assert (found["frames"], found["mismatches"]) == (FRAMES, 0)
    assert json.loads((out / "brevitas_vs_golden.json").read_text()) == {}


@pytest.mark.parametrize("steps", [1, -1, 0.5])
def test_an_element_that_differs_is_named(
    project: tuple[Path, Reference], run: Run, steps: float, tmp_path: Path
) -> None:
    """By a whole step of the output, or by half of one."""
    run()
    scale = load_imported(project[0] / "out" / "intermediate_models").output.steps[0].value
    y = np.load(project[0] / "y.npy").astype(np.float64)
    y[4, 1, 1, 2] += steps * np.broadcast_to(scale, 3)[1]
    y[7, 0, 0, 0] += 1.0
    np.save(tmp_path / "y.npy", y)
    code, err = run(verify_expected_output_npy=tmp_path / "y.npy")
    assert (
        code == 1 and "expected_vs_golden" in err and "2 of 162 elements" in err and "frame 4, element (1, 1, 2)" in err
    )
    assert err.count("error:") == 1 and "Traceback" not in err


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("verify_input_npy", lambda a: a[:, :1], r"frames of shape (1, 8, 10), the network takes (2, 8, 10)"),
        ("verify_input_npy", lambda a: a.astype(np.int64), "holds int64"),
        ("verify_input_npy", lambda a: a[:0], "one frame or more"),
        ("verify_input_npy", lambda a: a * np.nan, "NaN"),
        ("verify_expected_output_npy", lambda a: a[:-1], "has 8 frames, verify_input_npy has 9"),
        ("verify_expected_output_npy", lambda a: a.transpose(0, 2, 3, 1), "the network gives (3, 2, 3)"),
        ("verify_expected_output_npy", lambda a: a.astype(complex), "holds complex128"),
        ("verify_expected_output_npy", lambda a: a.astype(object), "cannot read"),
        ("verify_expected_output_npy", None, "no file"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit_are_refused(
    project: tuple[Path, Reference], run: Run, key: str, change: Callable[..., object] | None, message: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    name = {"verify_input_npy": "x.npy", "verify_expected_output_npy": "y.npy"}[key]
    if change is not None:
        np.save(tmp_path / name, change(np.load(project[0] / name)))
    code, err = run(**{key: tmp_path / name})
    assert code == 2 and key in err and message in err
    assert err.count("error:") == 1 and "Traceback" not in err


def test_an_archive_or_anything_else_is_no_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    with pytest.raises(ConfigError, match="archive of several arrays"):
        load_npy("verify_input_npy", tmp_path / "a.npz")
    (tmp_path / "text.npy").write_text("1, 2, 3")
    with pytest.raises(ConfigError, match="cannot read"):
        load_npy("verify_input_npy", tmp_path / "text.npy")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: a.onnx\nverify_input_npy: x.npy\n", "'verify_input_npy' needs 'verify_expected_output_npy'"),
        ("train: {}\nverify_input_npy: x.npy\nverify_expected_output_npy: y.npy\n", "needs 'model'"),
    ],
)
def test_both_files_and_a_model_or_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "net.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load(tmp_path / "net.yaml")


def test_labels_are_compared_with_the_largest_score(tmp_path: Path) -> None:
    from flows.frontend import import_model

    rng = np.random.default_rng(0)
    path = File(4).quant(1.0, 4).dense(rng.integers(-7, 8, (5, 4)), 0.25).write(tmp_path)
    net = import_model(path, training=None, label_select=True, work=tmp_path / "work")
    x = rng.integers(0, 16, (20, 4)).astype(np.float64)
    scores = onnx_outputs(path, x)
    assert expected_vs_golden(net, x, scores)["mismatches"] == 0
    labels = scores.argmax(axis=1)
    assert expected_vs_golden(net, x, labels[:, None])["mismatches"] == 0
    scores[13] = np.roll(scores[13], 1)
    with pytest.raises(VerificationFailed, match=f"frame 13: expected {(labels[13] + 1) % 5}, got {labels[13]}"):
        expected_vs_golden(net, x, scores)


def test_host_steps_are_undone() -> None:
    """Per channel, in NCHW; a channel whose scale is 0 has one value; float32 must tell the integers apart."""
    steps = (HostStep("Mul", np.array([0.5, 0.0, -3.0])), HostStep("Add", np.array([0.25, 7.0, 1.0])))
    spec = OutputSpec((3, 2, 1), steps)
    made = np.random.default_rng(0).integers(-9, 9, (4, 2, 1, 3))
    values, kept = spec.apply(made), made.transpose(0, 3, 1, 2)
    for given in (values, values.astype(np.float32)):
        np.testing.assert_allclose(integers(spec, given, (2, 1, 3), kept), kept, rtol=0, atol=1e-6)
    values[2, 1, 0, 0] = 7.001
    wrong = np.abs(integers(spec, values, (2, 1, 3), kept) - kept) > NEAR
    assert np.argwhere(wrong).tolist() == [[2, 1, 0, 0]]
    far = spec.apply(made + (1 << 40))
    with pytest.raises(ConfigError, match="float32 cannot tell the output's integers apart; give float64"):
        integers(spec, far.astype(np.float32), (2, 1, 3), kept)
