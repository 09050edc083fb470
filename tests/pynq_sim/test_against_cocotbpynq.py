"""The driver on a PYNQ-Z2 that is not ours: cocotbpynq's AXI-Lite and stream masters, cocotb's build of the same RTL.

An optional check: cocotbpynq is GPL-3, so it has an environment of its own, which A2QFLOW_COCOTBPYNQ_PYTHON names
(python -m venv DIR; DIR/bin/pip install -r tests/pynq_sim/requirements-cocotbpynq.txt). Skipped without one.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from flows.boards import BOARDS
from flows.errors import ToolFailed
from flows.files import read_json, write_tree
from flows.simulate.toolchain import Command, run_all
from tests.pynq_sim.small import Small

PYTHON = os.environ.get("A2QFLOW_COCOTBPYNQ_PYTHON")
FOLDER = Path(__file__).parent / "independent"


def run(hardware: Path, deploy: Path, work: Path) -> None:
    """run.py on the RTL in `hardware` and the package with a synthetic bitfile in `deploy`; ToolFailed if it fails.

    A driver that fails inside cocotb leaves its thread, and with it the simulation, waiting: nothing outlives the call.
    """
    assert PYTHON
    work.mkdir()
    argv = ["env", "-u", "PYTHONPATH", "-u", "VERILATOR_ROOT", PYTHON, str(FOLDER / "run.py")]
    argv += [str(folder) for folder in (hardware, deploy, work)]
    run_all([Command(argv, work, work / "run.log", {"BOARD": BOARDS["pynq-z2"].pynq_names[0]})], timeout_s=1500)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not PYTHON, reason="A2QFLOW_COCOTBPYNQ_PYTHON names no Python with cocotbpynq")
def test_validate_passes_through_cocotbpynq(net: Small, package: Path, tmp_path: Path) -> None:
    write_tree(tmp_path / "hardware", net.hardware)
    run(tmp_path / "hardware", package, tmp_path / "work")
    with np.load(tmp_path / "work" / "outputs.npz", allow_pickle=False) as archive:
        assert len(archive.files) == 4
        for name in archive.files:
            wanted = net.output[np.arange(len(archive[name])) % len(net.output)]
            assert np.array_equal(archive[name], wanted), name
    assert read_json(tmp_path / "work" / "validation.json")["mismatches"] == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not PYTHON, reason="A2QFLOW_COCOTBPYNQ_PYTHON names no Python with cocotbpynq")
def test_a_wrong_weight_is_seen_there_too(net: Small, package: Path, tmp_path: Path) -> None:
    """The check can fail: with one memory of the RTL changed, the same run ends in differing integers."""
    files = dict(net.hardware)
    memory = next(name for name in sorted(files) if name.suffix == ".hex" and "weights" in name.name)
    text = files[memory]
    assert isinstance(text, str)
    files[memory] = text.translate(str.maketrans("0123456789abcdef", "fedcba9876543210"))
    write_tree(tmp_path / "hardware", files)
    with pytest.raises(ToolFailed):
        run(tmp_path / "hardware", package, tmp_path / "work")
    assert "integers differ" in (tmp_path / "work" / "test.log").read_text()
