"""The stand-in against the real `pynq` package, so that it cannot drift: calls, files, and the DMA's registers.

`pynq` needs numpy < 2 and belongs to the board's environment, not to ours: `make pynq-env` makes an environment for it,
where `make test` finds it; A2QFLOW_PYNQ_PYTHON names another Python that has it. Without one the test is skipped.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np

from flows.emit.pynq import _stream
from flows.simulate.driver import STAND_IN
from tests.pynq_sim.small import Small
from tests.tools import not_here

PYTHON = os.environ.get("A2QFLOW_PYNQ_PYTHON")


def test_the_stand_in_is_what_pynq_is(net: Small, package: Path, tmp_path: Path, load) -> None:
    if not PYTHON:
        not_here("no Python with the real pynq package: make pynq-env, or name one with A2QFLOW_PYNQ_PYTHON")
    packing = load(package, "packing")
    ends = [
        _stream(net.design.streams[name], net.graph[tensor].shape, net.simulated.board)
        for name, tensor in ((net.design.input, net.graph.inputs[0]), (net.design.output, net.graph.outputs[0]))
    ]
    i, o = ends
    packed = packing.pack(packing.fold(net.codes, i["lanes"]), i["bits"], i["beat_bytes"], i["frame_bytes"])
    packed.tofile(tmp_path / "sent")
    sizes = [str(end["frame_bytes"]) for end in ends]
    script = Path(__file__).parent / "real_pynq.py"
    done = subprocess.run(
        [PYTHON, str(script), str(STAND_IN), str(package / "a2qflow.bit"), str(len(net.codes)), *sizes,
         *(str(tmp_path / name) for name in ("sent", "first", "second"))],
        capture_output=True, text=True, check=False, timeout=300,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") > 20 and "FAILED" not in done.stdout
    for name in ("first", "second"):
        got = np.fromfile(tmp_path / name, dtype=np.uint8).reshape(len(net.codes), -1)
        beats = packing.unpack(got, o["lanes"], o["bits"], o["signed"], o["beats"], o["beat_bytes"])
        assert np.array_equal(packing.unfold(beats, o["shape"]), net.output), name
