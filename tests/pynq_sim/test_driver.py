"""deploy/driver.py, unmodified, on the simulated board: right answers, and one clear error for every failure."""

from __future__ import annotations

import json
import time
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from flows.simulate.driver import build_board
from tests.pynq_sim.small import Small, other_board

TIMEOUT = 0.5


def open_accelerator(load, package: Path, **options):
    driver = load(package, "driver")
    return driver, driver.Accelerator(**{"timeout_s": TIMEOUT, "batch_size": 4, **options})


def works(net: Small, accelerator) -> bool:
    return np.array_equal(accelerator.execute_integers(net.codes), net.output)


@pytest.mark.parametrize("batch_size", [1, 3, 40, 1000])
def test_any_number_of_frames_in_any_batch(net: Small, package: Path, load, batch_size: int) -> None:
    _, accelerator = open_accelerator(load, package, batch_size=batch_size)
    for count in (1, 2, 7, 40):
        assert np.array_equal(accelerator.execute_integers(net.codes[:count]), net.output[:count])
        frames = accelerator.execute(net.frames[:count])
        assert np.array_equal(frames, net.imported.output.apply(net.output[:count]))


def test_soft_reset_in_mid_frame_leaves_nothing_behind(net: Small, package: Path, load) -> None:
    driver, accelerator = open_accelerator(load, package, batch_size=40)
    import pynq  # the stand-in

    words = 40 * accelerator.description["input"]["frame_bytes"] // 4
    for stop in (1, 2, 3, 7, 20, words - 1):
        pynq.faults("hold_input", stop)
        with pytest.raises(driver.DriverError, match="MM2S"):
            accelerator.execute_integers(net.codes)
        pynq.faults(None)
        assert works(net, accelerator), f"after {stop} words"
    assert pynq.active().info()[1] == 0, "a protocol fault at the accelerator's ports"


def test_throughput_test_has_finns_keys(package: Path, load) -> None:
    _, accelerator = open_accelerator(load, package, batch_size=16)
    metrics = accelerator.throughput_test()
    assert {"runtime[ms]", "throughput[images/s]", "DRAM_in_bandwidth[MB/s]", "DRAM_out_bandwidth[MB/s]", "fclk[mhz]",
            "batch_size"} <= metrics.keys()  # fmt: skip
    assert metrics["batch_size"] == 16 and metrics["cycles_per_image"] >= 8


def test_counters_and_stalls_are_those_of_the_batch(net: Small, package: Path, load) -> None:
    _, accelerator = open_accelerator(load, package, batch_size=40)
    assert works(net, accelerator)
    counters = accelerator.counters
    assert (counters.frames_in, counters.frames_out) == (40, 40)
    d = accelerator.description
    assert counters.words_in == 40 * d["input"]["frame_bytes"] // 4
    assert counters.words_out == 40 * d["output"]["frame_bytes"] // 4
    bound, slowest = net.design.bound
    assert counters.cycles >= 40 * bound
    stalls = {name: cycles for name, cycles, _, _ in accelerator.hardware.stalls()}
    assert list(stalls) == [i.name for i in net.design.instances if i.op]
    before = next(n for n in stalls if n != slowest)
    assert stalls[before] > 0 or slowest == next(iter(stalls)), "the stage in front of the slowest one is never held up"


def test_buffers_are_flushed_invalidated_and_freed(net: Small, package: Path, load) -> None:
    driver = load(package, "driver")
    import pynq

    with driver.Accelerator(batch_size=8) as accelerator:
        assert works(net, accelerator)
        assert pynq.statistics.open == 2
        accelerator.batch_size = 16
        assert pynq.statistics.open == 0
        assert works(net, accelerator)
    assert (pynq.statistics.open, pynq.statistics.freed_twice) == (0, 0)


@pytest.mark.parametrize(
    ("fault", "value", "message"),
    [
        ("hold_input", 5, r"nothing moved for 0.5 s: channel MM2S .* and channel S2MM .* stands still; 5 of 8 words"),
        ("cut_output", 2, r"channel S2MM .*: the output is truncated: 12 of 48 bytes came"),
        ("slave_error", 1, r"channel S2MM .*: slave error"),
    ],
)
def test_a_failed_transfer_is_one_error_and_the_next_call_works(
    net: Small, package: Path, load, fault: str, value: int, message: str
) -> None:
    driver, accelerator = open_accelerator(load, package)
    import pynq

    assert works(net, accelerator)
    pynq.faults(fault, value)
    began = time.monotonic()
    with pytest.raises(driver.DriverError, match=message):
        accelerator.execute_integers(net.codes)
    assert time.monotonic() - began < 20 * TIMEOUT
    assert pynq.statistics.open == 0
    pynq.faults(None)
    assert works(net, accelerator)


def test_a_reset_that_never_ends_is_named_and_the_buffers_are_not_reused(net: Small, package: Path, load) -> None:
    driver, accelerator = open_accelerator(load, package)
    import pynq

    assert works(net, accelerator)
    pynq.faults("no_reset")
    with pytest.raises(driver.DriverError, match="does not end its reset"):
        accelerator.reset()


def test_a_shut_fifo_is_named_by_the_stage_in_front_of_it(net: Small, tmp_path: Path, load) -> None:
    """The fault is in the RTL: the last FIFO never takes a beat."""
    fifo = [i for i in net.design.instances if i.module == "fifo"][-1]
    stage = next(i.name for i in net.design.instances if i.outputs == fifo.inputs)
    name = PurePosixPath(f"{fifo.name}.sv")
    text = str(net.hardware[name])
    shut = text.replace(".s_axis_tready(s_axis_tready)", ".s_axis_tready(ready)")
    shut = shut.replace(".s_axis_tvalid(s_axis_tvalid)", ".s_axis_tvalid(s_axis_tvalid && !ready)")
    shut = shut.replace("endmodule", "  logic ready;\n  assign s_axis_tready = 1'b0;\nendmodule")
    assert ".s_axis_tready(ready)" in shut and "&& !ready" in shut
    board = build_board({**net.hardware, name: shut}, net.simulated.board, tmp_path / "board")
    package = net.package(tmp_path / "deploy")
    board.bitfile(package)
    driver, accelerator = open_accelerator(load, package)
    import pynq

    began = time.monotonic()
    with pytest.raises(driver.DriverError, match=rf"S2MM .* stands still.*look behind {stage}"):
        accelerator.execute_integers(net.codes)
    assert time.monotonic() - began < 20 * TIMEOUT and pynq.statistics.open == 0
    net.simulated.bitfile(package)
    _, healthy = open_accelerator(load, package)
    assert works(net, healthy)


def test_a_bitstream_of_another_design_is_refused(net: Small, package: Path, load) -> None:
    description = json.loads((package / "accelerator.json").read_text())
    wrong = f"{int(description['identity'], 16) ^ 1:032x}"
    (package / "accelerator.json").write_text(json.dumps({**description, "identity": wrong}))
    driver = load(package, "driver")
    with pytest.raises(
        driver.DriverError, match=f"its hash is {description['identity']}, accelerator.json says {wrong}"
    ):
        driver.Accelerator()
    (package / "accelerator.json").write_text(json.dumps(description))
    assert works(net, driver.Accelerator())


def test_another_board_is_refused_before_anything_is_loaded(net: Small, package: Path, load, monkeypatch) -> None:
    driver = load(package, "driver")
    monkeypatch.setenv("BOARD", "ZCU104")
    with pytest.raises(driver.DriverError, match="this package is for board pynq-z2, this board is a ZCU104"):
        driver.Accelerator()
    import pynq

    with pytest.raises(RuntimeError, match="no bitstream"):
        pynq.active()


def test_a_bitstream_for_another_part_is_refused(net: Small, package: Path, load) -> None:
    from flows.simulate.bitfile import bitfile

    other = other_board("pynq-z2")
    (package / "a2qflow.bit").write_bytes(bitfile(other.part, {}))
    driver = load(package, "driver")
    with pytest.raises(
        driver.DriverError, match=f"bitstream for part {other.part}, not for this package's xc7z020clg400-1"
    ):
        driver.Accelerator()
    (package / "a2qflow.bit").write_bytes(b"no header")
    with pytest.raises(driver.DriverError, match="no header"):
        driver.Accelerator()
    (package / "a2qflow.bit").unlink()
    with pytest.raises(driver.DriverError, match="generate_outputs"):
        driver.Accelerator()


@pytest.mark.parametrize(
    ("call", "frames", "message"),
    [
        (
            "execute",
            lambda n: n.frames[:, :3],
            r"takes frames \(N, 12, 1, 1\), N at least 1; these are \(40, 3, 1, 1\)",
        ),
        ("execute", lambda n: n.codes, "float frames, not int64.*execute_integers"),
        ("execute", lambda n: n.frames.tolist(), "float frames, not list"),
        ("execute", lambda n: n.frames[:0], "N at least 1"),
        ("execute", lambda n: n.frames * np.nan, "NaN"),
        ("execute_integers", lambda n: n.frames, "array of integers, not float64"),
        ("execute_integers", lambda n: n.codes[0], r"takes frames \(N, 1, 1, 12\)"),
        ("execute_integers", lambda n: n.codes + 1, "hold 1 to 16; this network takes 0 to 15"),
    ],
)
def test_frames_of_the_wrong_shape_or_type(net: Small, package: Path, load, call: str, frames, message: str) -> None:
    driver, accelerator = open_accelerator(load, package)
    with pytest.raises(driver.InputError, match=message):
        getattr(accelerator, call)(frames(net))
    assert works(net, accelerator)


@pytest.mark.parametrize("size", [0, -1, 1.5, 1 << 25])
def test_batch_sizes_that_no_transfer_takes(package: Path, load, size: float) -> None:
    driver = load(package, "driver")
    with pytest.raises(driver.InputError, match="batch_size"):
        driver.Accelerator(batch_size=size)


def test_command_line(net: Small, package: Path, load, tmp_path: Path, monkeypatch, capsys) -> None:
    driver = load(package, "driver")
    monkeypatch.chdir(tmp_path)
    np.save("input.npy", net.frames)
    assert driver.main(["--exec_mode", "execute", "--batchsize", "7", "--outputfile", "out.npy"]) == 0
    assert np.array_equal(np.load("out.npy"), net.imported.output.apply(net.output))
    np.save("codes.npy", net.codes)
    assert driver.main(["--inputfile", "codes.npy", "--outputfile", "integers.npy"]) == 0
    assert np.array_equal(np.load("integers.npy"), net.output)
    assert driver.main(["--exec_mode", "throughput_test", "--batchsize", "5"]) == 0
    assert json.loads(Path("nw_metrics.txt").read_text())["batch_size"] == 5
    assert driver.main(["--inputfile", "missing.npy"]) == 2
    assert driver.main(["--batchsize", "0"]) == 2
    errors = capsys.readouterr().err
    assert "missing.npy" in errors and "batch_size 0" in errors and "Traceback" not in errors


def test_validation_sees_a_wrong_integer(package: Path, load, tmp_path: Path, monkeypatch, capsys) -> None:
    validate = load(package, "validate")
    monkeypatch.chdir(tmp_path)
    assert validate.main(["--save", "outputs.npz"]) == 0
    result = json.loads(Path("validation.json").read_text())
    assert result["mismatches"] == 0 and result["runs"][-1]["transfer_bytes"] > 16384
    with np.load(package / "vectors.npz") as archive:
        vectors = {name: archive[name] for name in archive.files}
    vectors["output"][3, 0, 0, 0] ^= 1
    np.savez(package / "vectors.npz", **vectors)
    assert validate.main([]) == 1
    assert "the first at (frame, h, w, c) (3, 0, 0, 0)" in capsys.readouterr().out
