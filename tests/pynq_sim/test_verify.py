"""The build's own check: the package runs in a process of its own, and what it says is not simply believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flows.errors import VerificationFailed
from flows.simulate.driver import verify
from tests.networks import Chain
from tests.pynq_sim.small import Small, small


def check(net: Small, folder: Path, output: np.ndarray | None = None) -> dict:
    wanted = net.output if output is None else output
    return verify(net.design, net.hardware, net.deploy, net.simulated.board, wanted, folder, timeout_s=60)


def test_all_frames_in_all_batches(net: Small, tmp_path: Path) -> None:
    result = check(net, tmp_path)
    assert result["mismatches"] == 0 and [run["batch_size"] for run in result["runs"][:3]] == [1, 7, 32]
    assert result["runs"][-1]["transfer_bytes"] > 16384 and result["images"] == len(net.codes)
    assert result["frames"] == sum(run["frames"] for run in result["runs"])


def test_what_the_package_believes_is_checked_against_golden_once_more(net: Small, tmp_path: Path) -> None:
    """vectors.npz of the package and the hardware agree, but both are wrong."""
    other = net.output.copy()
    other[5, 0, 0, 2] += 1
    with pytest.raises(VerificationFailed, match=r"driver \(batch_7\): net.*frame 5"):
        check(net, tmp_path, other)


def test_a_wrong_weight_is_found(net: Small, tmp_path: Path) -> None:
    name = next(n for n in net.hardware if n.suffix == ".hex" and "MVAU_1" in n.name)
    words = str(net.hardware[name]).split()
    words[0] = f"{int(words[0], 16) ^ 1:0{len(words[0])}x}"
    hardware = {**net.hardware, name: "\n".join(words) + "\n"}
    with pytest.raises(VerificationFailed, match=r"driver: batch_1: \d+ of \d+ integers differ"):
        verify(net.design, hardware, net.deploy, net.simulated.board, net.output, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["ultra96-v2", "kv260"])
def test_every_width_of_a_dma(board: str, tmp_path: Path) -> None:
    """Convolutions, so that a frame is many beats, and lanes that fill no byte."""
    chain = Chain((6, 6, 3), bits=3, seed=4).pad().window(3).mvau(5).thresholds(3).pool().flatten().mvau(7)
    net = small(tmp_path / "net", board, chain, target=400)
    assert check(net, tmp_path / "check")["mismatches"] == 0
