"""Configuration files: what is accepted, and how a mistake is explained."""

from pathlib import Path

import pytest

from flows.config import load
from flows.errors import ConfigError

EXAMPLES = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_loads(path):
    assert load(path).name == path.stem


def _write(tmp_path, text):
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return path


def test_overrides_reach_into_sections_and_keep_types(tmp_path):
    path = _write(tmp_path, "model: net.onnx\n")
    config = load(path, ["folding.MVAU_0.PE=4", "synth_clk_period_ns=5", "label_select=true"])
    assert config.folding["MVAU_0"].PE == 4
    assert config.synth_clk_period_ns == 5.0
    assert config.label_select is True
    assert config.model == tmp_path / "net.onnx"
    assert config.name == "net"


@pytest.mark.parametrize(
    "text, overrides, message",
    [
        ("model: a.onnx\nbord: zcu104\n", [], "unknown key 'bord'; did you mean 'board'"),
        ("model: a.onnx\n", ["folding.MVAU_0.pe=3"], "unknown key 'folding.MVAU_0.pe'; did you mean 'PE'"),
        ("train: {methd: qat}\n", [], "unknown key 'train.methd'; did you mean 'method'"),
        ("board: zcu104\n", [], "either a 'train' section or a 'model' file"),
        ("model: a.onnx\n", ["accumulator_policy=wide"], "accumulator_policy"),
        ("model: a.onnx\n", ["start_step=report", "stop_step=train"], "comes after"),
        ("model: a.onnx\n", ["stop_step=hls_top"], "stop_step 'hls_top' does not run with backend: rtl"),
        ("model: a.onnx\n", ["backend=both", "verify_steps=[hls_top]", "stop_step=rtl_layers"], "does not run"),
        ("model: a.onnx\n", ["nonsense"], "write key=value"),
        ("model: a.onnx\n", ["model.x=1"], "not a section"),
        ("- 1\n", [], "key: value"),
        ("a: [\n", [], "not valid YAML"),
    ],
)
def test_mistakes_are_named(tmp_path, text, overrides, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        load(_write(tmp_path, text), overrides)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no configuration file"):
        load(tmp_path / "none.yaml")


def test_all_means_every_verification(tmp_path):
    assert load(_write(tmp_path, "model: a.onnx\nverify_steps: [all]\n")).verify_steps == (
        "rtl_layers", "rtl_stitched", "hls_layers", "hls_top", "driver",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "checks", "with_hls"),
    [
        ("", ("rtl_layers", "rtl_stitched"), False),
        ("backend: rtl\n", ("rtl_layers", "rtl_stitched"), False),
        ("backend: hls\n", ("hls_layers", "hls_top"), True),
        ("backend: both\n", ("rtl_layers", "rtl_stitched", "hls_layers", "hls_top"), True),
        ("backend: both\nverify_steps: [rtl_layers]\n", ("rtl_layers",), True),
        ("verify_steps: [hls_layers]\n", ("hls_layers",), True),
        ("backend: hls\nverify_steps: []\n", (), True),
    ],
)
def test_the_backend_says_what_is_checked_unless_the_steps_are_named(tmp_path, text, checks, with_hls):
    config = load(_write(tmp_path, "model: a.onnx\n" + text))
    assert (config.checks, config.with_hls) == (checks, with_hls)


def test_an_unknown_backend_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"backend: .*'rtl', 'hls' or 'both'"):
        load(_write(tmp_path, "model: a.onnx\nbackend: vhdl\n"))


def test_without_a_board_there_is_no_driver(tmp_path):
    text = "model: a.onnx\nboard: none\n"
    assert "driver" not in load(_write(tmp_path, text + "verify_steps: [all]\n")).verify_steps
    with pytest.raises(ConfigError, match="'driver' needs a board"):
        load(_write(tmp_path, text + "verify_steps: [driver]\n"))
    with pytest.raises(ConfigError, match="no step 'package' without a board"):
        load(_write(tmp_path, text + "stop_step: package\n"))
    with pytest.raises(ConfigError, match="'bitfile' needs a board"):
        load(_write(tmp_path, text + "generate_outputs: [bitfile]\n"))
