"""`build.py` as a user runs it: a small design from training to report, planted faults, wrong input."""

import errno
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import build
from flows.files import locked

TINY = """
name: tiny
label_select: true
train:
  model: cnn
  channels: [4, 4]
  pool_after: [2]
  float_epochs: 2
  epochs: 2
  accumulator_bits: 10
  last_layer_weight_bits: 4
  constrain_last: true
  label_select: true
board: pynq-z2
folding:
  MVAU_0: {PE: 2, SIMD: 3}
  MVAU_1: {PE: 2, SIMD: 6}
  MVAU_2: {PE: 5, SIMD: 4}
verify_frames: 12
compare_policies: [fixed-32, exact]
"""

pytestmark = pytest.mark.xdist_group("build")


def run(capsys, *arguments):
    """Exit code and everything printed of `build.py ARGUMENTS`."""
    capsys.readouterr()
    code = build.main([str(a) for a in arguments])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return code, printed.out, printed.err


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(config, output folder) of the tiny design, built once."""
    folder = tmp_path_factory.mktemp("tiny")
    config = folder / "tiny.yaml"
    config.write_text(TINY)
    assert build.main(["run", str(config), "-o", str(folder / "out")]) == 0
    return config, folder / "out"


@pytest.fixture
def rtl(built):
    """The emitted rtl/ folder, as it was before the test changed it."""
    folder = built[1] / "rtl"
    before = {p: p.read_bytes() for p in folder.iterdir()}
    yield folder
    for path, content in before.items():
        path.write_bytes(content)


def summary(out):
    return json.loads((out / "report" / "summary.json").read_text())


def test_the_report_holds_what_was_measured(built):
    s = summary(built[1])
    assert s["design"] == "tiny" and s["training"]["method"] == "a2q+"
    for name in ("brevitas_vs_golden", "rtl_layers", "rtl_stitched"):
        assert s["verification"][name]["mismatches"] == 0 and s["verification"][name]["frames"] >= 12
    assert "hls_layers" not in s["verification"]
    p = s["performance"]
    assert p["source"] == "rtlsim"
    assert abs(p["interval_cycles"] - p["bound_cycles"]) <= max(8, p["bound_cycles"] / 100)
    constrained = [layer for layer in s["layers"] if layer["op"] == "MVAU" and layer["trained_bits"]]
    assert len(constrained) == 2
    for layer in constrained:
        assert layer["implemented_bits"] == max(layer["lane_bits"]) <= layer["trained_bits"] == 10
    policies = {row["policy"]: row["total"]["LUT"] for row in s["accumulator_comparison"]}
    assert policies.keys() == {"fixed-32", "exact"} and policies["exact"] < policies["fixed-32"]
    for name in ("index.html", "accumulators.json", "yosys_resources.json", "rtlsim_performance.json"):
        assert (built[1] / "report" / name).stat().st_size > 0


def test_a_second_run_reuses_every_step_and_a_new_clock_does_not_train_again(built, capsys):
    config, out = built
    code, text, _ = run(capsys, "run", config, "-o", out)
    assert code == 0
    for step in ("train", "frontend", "golden", "fifos", "emit", "rtl_layers", "rtl_stitched", "synthesize"):
        assert re.search(rf"^{step}\s+reused", text, re.M), text
    code, text, _ = run(capsys, "run", config, "-o", out, "--set", "synth_clk_period_ns=8")
    assert code == 0 and re.search(r"^train\s+reused", text, re.M)
    assert summary(out)["config_hash"] != ""


def test_two_builds_from_scratch_give_the_same_rtl_byte_for_byte(built, tmp_path, capsys):
    config, out = built
    code, _, err = run(capsys, "run", config, "-o", tmp_path / "again", "--set", "stop_step=emit")
    assert code == 0, err
    first = {p.name: p.read_bytes() for p in (out / "rtl").iterdir()}
    second = {p.name: p.read_bytes() for p in (tmp_path / "again" / "rtl").iterdir()}
    assert first == second


def _verify(capsys, built, step):
    return run(
        capsys, "run", built[0], "-o", built[1], "--set", f"start_step={step}", "--set", f"stop_step={step}",
        "--set", f"verify_steps=[{step}]",
    )  # fmt: skip


def test_a_good_build_verifies_again_from_its_files(built, rtl, capsys):
    (rtl / "MVAU_1.sv").write_text((rtl / "MVAU_1.sv").read_text() + "// touched\n")
    code, text, err = _verify(capsys, built, "rtl_layers")
    assert code == 0, err
    assert "reused" not in text


def test_what_was_not_verified_is_not_reported(built, rtl, tmp_path, capsys):
    """A failed check takes the old success with it, and a report is not made of another configuration's RTL."""
    out = tmp_path / "out"
    shutil.copytree(built[1], out)
    _complement_word(next((out / "rtl").glob("MVAU_1*weights*.hex")), 2)
    again = ["run", built[0], "-o", out]
    code, _, err = run(capsys, *again, "--set", "start_step=rtl_layers")
    assert code == 1 and "MVAU_1" in err
    assert not (out / "report" / "summary.json").exists() and not (out / "report" / "index.html").exists()
    assert not (out / "verification_output" / "rtl_layers.json").exists()
    code, _, err = run(capsys, *again, "--set", "start_step=report")
    assert code == 2 and "rtl_layers has not checked what is there now" in err
    code, _, err = run(capsys, *again, "--set", "start_step=rtl_layers", "--set", "accumulator_policy=fixed-32")
    assert code == 2 and "was built from another configuration" in err
    next((out / "rtl").glob("MVAU_1*weights*.hex")).unlink()
    code, _, err = run(capsys, *again, "--set", "start_step=rtl_layers")
    assert code == 2 and "MVAU_1_weights.hex is missing" in err


def test_one_build_at_a_time_in_a_folder(built, capsys):
    with locked(built[1]):
        code, _, err = run(capsys, "run", built[0], "-o", built[1])
    assert code == 2 and "another build is writing" in err


def test_one_frame_is_enough_for_the_reset(built, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(built[1], out)
    code, _, err = run(
        capsys, "run", built[0], "-o", out, "--set", "verify_frames=1", "--set", "stop_step=rtl_stitched"
    )
    assert code == 0, err
    found = json.loads((out / "verification_output" / "rtl_stitched.json").read_text())
    assert found["frames"] == 1 and found["reset_frames"] > 2


def test_weights_kept_outside_of_the_model_file_count(tmp_path):
    import onnx

    from flows.stages import model_files

    weights = onnx.numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 4]) for n in "xy"]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [weights]))
    path = tmp_path / "net.onnx"
    onnx.save(model, path, save_as_external_data=True, location="net.data", size_threshold=0)
    assert model_files(path) == [path, tmp_path / "net.data"]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("training.json", b"[]", "no list of 'layers'"),
        ("training.json", b"{", "no training folder"),
        ("vectors.npz", b"junk", "vectors.npz"),
        ("vectors.npz", None, "vectors.npz"),
    ],
)
def test_a_damaged_training_folder_is_refused(file, content, message, built, tmp_path, capsys):
    shutil.copytree(built[1] / "train", tmp_path / "train")
    path = tmp_path / "train" / file
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    (tmp_path / "net.yaml").write_text("model: train\nlabel_select: true\ntarget_fps: 1000\n")
    code, _, err = run(capsys, "run", tmp_path / "net.yaml", "-o", tmp_path / "out")
    assert code == 2 and message in err


def test_a_full_disk_is_one_message(built, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    monkeypatch.setattr("flows.stages.write_tree", full)
    code, _, err = run(capsys, "run", built[0], "-o", tmp_path / "out", "--set", "stop_step=emit")
    assert code == 1 and "No space left on device" in err and err.count("error:") == 1


def _change_word(path, line, bit):
    words = path.read_text().split("\n")
    words[line] = f"{int(words[line], 16) ^ (1 << bit):0{len(words[line])}x}"
    path.write_text("\n".join(words))


def _complement_word(path, line):
    """Every weight of the word changes, so that one of them meets a channel that is not all zeros in this network."""
    words = path.read_text().split("\n")
    for bit in range(4 * len(words[line])):
        _change_word(path, line, bit)


def _shift_thresholds(rtl, name):
    """Every threshold off by one: some of them lie where the pictures' sums do."""
    for path in rtl.glob(f"{name}*.hex"):
        for line in range(len(path.read_text().split())):
            _change_word(path, line, 0)


def _narrow_one_lane(rtl, name):
    """The accumulator of the lane whose range fills its width, one bit narrower."""
    text = (rtl / f"{name}.sv").read_text()
    width, digits = re.search(r"\.ACC_BITS\((\d+)'h([0-9a-f]+)\)", text).groups()
    narrower = int(digits, 16) - 1
    (rtl / f"{name}.sv").write_text(text.replace(f"{width}'h{digits}", f"{width}'h{narrower:x}"))


def _stop_after(rtl, name, beats):
    text = (rtl / f"{name}.sv").read_text()
    text = text.replace(".s_axis_tvalid(s_axis_tvalid)", ".s_axis_tvalid(s_axis_tvalid && open_q)")
    text = text.replace(".s_axis_tready(s_axis_tready)", ".s_axis_tready(ready)")
    gate = f"""  logic ready, open_q;
  int unsigned taken_q;
  assign open_q = taken_q < {beats};
  assign s_axis_tready = ready && open_q;
  always_ff @(posedge clk) begin
    if (!rst_n) taken_q <= 0;
    else if (s_axis_tvalid && s_axis_tready) taken_q <= taken_q + 1;
  end
"""
    (rtl / f"{name}.sv").write_text(text.replace(");\n\n", f");\n\n{gate}", 1))


def _swap_lanes(rtl, name):
    """Lanes 0 and 1 of the input change places."""
    text = (rtl / f"{name}.sv").read_text()
    bits = int(re.search(r"\.INPUT_BITS\((\d+)\)", text).group(1))
    top = int(re.search(r"\[(\d+):0\] s_axis_tdata", text).group(1))
    swapped = f"s_axis_tdata[{bits - 1}:0], s_axis_tdata[{2 * bits - 1}:{bits}]"
    if top >= 2 * bits:
        swapped = f"s_axis_tdata[{top}:{2 * bits}], {swapped}"
    (rtl / f"{name}.sv").write_text(text.replace(".s_axis_tdata(s_axis_tdata)", f".s_axis_tdata({{{swapped}}})"))


FAULTS = {
    "weight": ("MVAU_1", lambda rtl: _complement_word(next(rtl.glob("MVAU_1*weights*.hex")), 2)),
    "accumulator": ("MVAU_1", lambda rtl: _narrow_one_lane(rtl, "MVAU_1")),
    "threshold": ("Thresholding_0", lambda rtl: _change_word(sorted(rtl.glob("Thresholding_0*.hex"))[0], 0, 0)),
    "thresholds": ("Thresholding_1", lambda rtl: _shift_thresholds(rtl, "Thresholding_1")),
    "lanes": ("MVAU_1", lambda rtl: _swap_lanes(rtl, "MVAU_1")),
    "stopped": ("MVAU_1", lambda rtl: _stop_after(rtl, "MVAU_1", 70)),
}


# Real pictures seldom reach the end of an accumulator or one given threshold: that is what the layers' own vectors are
# for, so these two faults are planted for them only.
PLANTED = [("rtl_layers", f) for f in FAULTS] + [
    ("rtl_stitched", f) for f in FAULTS if f not in ("accumulator", "threshold")
]


@pytest.mark.parametrize(("step", "fault"), PLANTED)
def test_planted_faults_are_caught_and_named(step, fault, built, rtl, capsys):
    layer, plant = FAULTS[fault]
    plant(rtl)
    code, _, err = _verify(capsys, built, step)
    assert code == 1
    assert f"{step}" in err and layer in err
    if fault == "stopped":
        assert "stands still" in err
    else:
        assert re.search(r"frame \d+, index \(.*\): expected -?\d+, got -?\d+", err)


def test_waveforms_on_request(built, tmp_path, capsys):
    code, _, err = run(
        capsys, "run", built[0], "-o", built[1], "--set", "start_step=rtl_stitched", "--set", "stop_step=rtl_stitched",
        "--set", "verify_save_rtlsim_waveforms=true", "--set", "verify_frames=2",
    )  # fmt: skip
    assert code == 0, err
    assert list((built[1] / "sim" / "rtl_stitched").rglob("*.vcd"))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "nowhere.yaml"], "no configuration file nowhere.yaml"),
        (["run", "{config}", "--set", "bord=x"], "unknown key 'bord'; did you mean 'board'"),
        (["run", "{config}", "--set", "board=pynq-z3"], "pynq-z2"),
        (["run", "{config}", "-o", "{file}"], "is a file"),
        (["run", "{config}", "-o", "{out}", "--set", "folding.MVAU_1.PE=3"], "PE = 3 does not divide"),
        (["run", "{config}", "-o", "{out}", "--set", "folding.MVAU_9.PE=2"], "no layer 'MVAU_9'"),
        (["run", "{config}", "-o", "{out}", "--set", "folding.MVAU_1.resType=bram"], "resType"),
        (["run", "{config}", "--set", "train.accumulator_bits=99"], "accumulator_bits"),
        (["run", "{truncated}", "-o", "{other}"], "net.onnx"),
        (["run", "{unsupported}", "-o", "{other}"], "Sin"),
    ],
)
def test_wrong_input_is_refused_with_one_message(arguments, message, built, tmp_path, capsys):
    config, out = built
    (tmp_path / "a_file").write_text("")
    names = {
        "config": config, "out": out, "file": tmp_path / "a_file", "other": tmp_path / "other",
        "truncated": _model(tmp_path / "cut", (out / "train" / "model.onnx").read_bytes()[:3000]),
        "unsupported": _model(tmp_path / "sin", _with_sine(out / "train" / "model.onnx")),
    }  # fmt: skip
    code, _, err = run(capsys, *[a.format(**names) for a in arguments])
    assert code == 2, err
    assert message in err
    assert err.count("error:") == 1


def _model(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    (folder / "net.onnx").write_bytes(content)
    (folder / "net.yaml").write_text("model: net.onnx\ntarget_fps: 1000\n")
    return folder / "net.yaml"


def _with_sine(path: Path) -> bytes:
    """The network with a sine in front of its first activation."""
    import onnx

    model = onnx.load(path)
    relu = next(n for n in model.graph.node if n.op_type == "Relu")
    relu.op_type = "Sin"
    return model.SerializeToString()


@pytest.fixture(scope="module")
def built_both(built, tmp_path_factory):
    """The tiny design with backend: both, and what that printed."""
    out = tmp_path_factory.mktemp("both") / "with hls"
    shutil.copytree(built[1], out)
    code = build.main(["run", str(built[0]), "-o", str(out), "--set", "backend=both"])
    assert code == 0
    return out


def test_hls_equals_golden_layer_by_layer_and_as_a_whole(built_both):
    """On the vectors that the RTL gets; every stream of the whole."""
    found = summary(built_both)["verification"]
    for step in ("rtl_layers", "rtl_stitched", "hls_layers", "hls_top"):
        assert (found[step]["mismatches"], found[step]["frames"]) == (0, 12), step
    checks = {step: json.loads((built_both / "verification_output" / f"{step}.json").read_text())
              for step in ("rtl_layers", "hls_layers", "hls_top")}  # fmt: skip
    assert checks["hls_layers"]["layers"] == checks["rtl_layers"]["layers"]
    design = json.loads((built_both / "rtl" / "design.json").read_text())
    assert len(checks["hls_top"]["streams"]) == len([i for i in design["instances"] if i["module"] != "fifo"]) + 1


def test_without_hls_in_the_configuration_there_is_no_hls(built, built_both, tmp_path, capsys):
    assert not (built[1] / "hls").exists()
    out = tmp_path / "out"
    shutil.copytree(built_both, out)
    code, _, err = run(capsys, "run", built[0], "-o", out)
    assert code == 0, err
    assert not (out / "hls").exists() and "hls_top" not in summary(out)["verification"]


def test_an_accumulator_too_narrow_in_the_cpp_is_caught_and_named(built, built_both, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(built_both, out)
    path = out / "hls" / "layers" / "MVAU_0.hpp"
    text, count = re.subn(r"lane_bits<\d+", "lane_bits<3", path.read_text())
    assert count == 1
    path.write_text(text)
    code, _, err = run(
        capsys, "run", built[0], "-o", out, "--set", "backend=both", "--set", "start_step=hls_layers",
        "--set", "stop_step=hls_layers",
    )  # fmt: skip
    assert code == 1 and "hls_layers: MVAU_0: " in err, err


def test_hls_of_another_configuration_is_not_checked(built, built_both, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(built_both, out)
    (out / "hls" / "design.json").write_text("{}")
    code, _, err = run(
        capsys, "run", built[0], "-o", out, "--set", "backend=both", "--set", "start_step=hls_layers",
        "--set", "stop_step=hls_layers",
    )  # fmt: skip
    assert code == 2 and "was built from another configuration; run again from step emit_hls" in err


def test_a_build_without_vectors_uses_pictures_of_its_own(built, tmp_path, capsys):
    folder = tmp_path / "elsewhere"
    config = _model(folder, (built[1] / "train" / "model.onnx").read_bytes())
    code, _, err = run(
        capsys, "run", config, "-o", tmp_path / "out", "--set", "verify_frames=4", "--set", "stop_step=rtl_stitched"
    )
    assert code == 0, err
    report = json.loads((tmp_path / "out" / "verification_output" / "rtl_stitched.json").read_text())
    assert (report["frames"], report["mismatches"]) == (4, 0)


def test_the_certificate_can_be_rechecked_from_the_weight_files(built):
    from flows.certificate import recheck

    out = built[1]
    recheck(out)
    path = next((out / "rtl").glob("MVAU_1*weights*.hex"))
    before = path.read_text()
    try:
        _change_word(path, 0, 2)
        with pytest.raises(Exception, match="MVAU_1"):
            recheck(out)
    finally:
        path.write_text(before)


def test_doctor_lists_the_tools(capsys):
    code, text, _ = run(capsys, "doctor")
    assert code == 0
    assert "verilator" in text and "5.48" in text


def test_no_arguments_means_the_default_design():
    options = build.parser().parse_args(["run"])
    assert options.config == build.DEFAULT and build.DEFAULT.is_file()


def test_golden_differs_from_tampered_vectors(built, tmp_path, capsys):
    """A wrong integer in the vectors is a failed verification that names the layer."""
    shutil.copytree(built[1] / "train", tmp_path / "train")
    path = tmp_path / "train" / "vectors.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    key = next(k for k in arrays if k.startswith("quant/1/"))
    arrays[key][3, 1, 2, 2] ^= 1
    np.savez_compressed(path, **arrays)
    (tmp_path / "net.yaml").write_text("model: train\nlabel_select: true\ntarget_fps: 1000\n")
    code, _, err = run(capsys, "run", tmp_path / "net.yaml", "-o", tmp_path / "out")
    assert code == 1
    assert re.search(r"brevitas_vs_golden: Thresholding_0 .*frame 3, index \(2, 2, 1\)", err)
