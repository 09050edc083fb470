"""Yosys on small modules of known size; the cache; what happens when the tool fails, stalls or is missing."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pytest

from flows.design import Design, Instance, Stream
from flows.errors import ToolFailed, ToolMissing
from flows.graph import IntType
from flows.synthesize import cache, yosys
from flows.synthesize.cells import RESOURCES, count
from flows.synthesize.jobs import Job, design_jobs, stitched_job
from flows.synthesize.yosys import Result, synthesize, total

REGISTER = """
  always_ff @(posedge clk) q <= d;
"""
SHIFT = """
  logic [15:0] line[32];
  always_ff @(posedge clk) begin
    line[0] <= d;
    for (int i = 1; i < 32; i++) line[i] <= line[i-1];
  end
  assign q = line[31];
"""
MEMORY = """
  (* ram_style = "{style}" *) logic [15:0] memory[{depth}];
  logic [$clog2({depth})-1:0] a;
  always_ff @(posedge clk) begin
    a <= a + 1'b1;
    memory[a] <= d;
    q <= memory[a];
  end
"""
ROM = """
  logic [15:0] memory[64];
  initial $readmemh("words.hex", memory);
  assign q = memory[d[5:0]];
"""
WRONG = """
  assign q = nothing_of_this_name;
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A2QFLOW_CACHE", str(tmp_path / "cache"))


def job(name: str, body: str, **data: str) -> Job:
    text = f"module top (input wire logic clk, input wire logic [15:0] d, output logic [15:0] q);\n{body}endmodule\n"
    files: dict[PurePosixPath, str | bytes] = {PurePosixPath("top.sv"): text}
    return Job(name, "top", files | {PurePosixPath(key.replace("_", ".")): value for key, value in data.items()})


def words(seed: int) -> str:
    """64 words of 16 bits without structure that logic optimization could use."""
    value, lines = seed, []
    for _ in range(64):
        value = (value * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        lines.append(f"{value >> 48:04x}")
    return "\n".join(lines) + "\n"


def nonzero(result: Result) -> dict[str, int]:
    return {name: n for name, n in result.counts.items() if n}


def yosys_must_not_start(*arguments: object, **options: object) -> None:
    raise AssertionError("Yosys was started")


@pytest.mark.parametrize("family", ["xc7", "xcup"])
def test_modules_of_known_size_and_the_cache(tmp_path: Path, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [
        job("register", REGISTER),
        job("shift", SHIFT),
        job("lutram", MEMORY.format(style="distributed", depth=64)),
        job("bram", MEMORY.format(style="block", depth=1024)),
        job("rom", ROM, words_hex=words(1)),
        job("rom of zeros", ROM, words_hex="0\n" * 64),
        job("register again", REGISTER),
    ]
    heard: list[tuple[int, int]] = []
    results = synthesize(jobs, family, tmp_path / "work", advance=lambda what, done, of: heard.append((done, of)))
    register, shift, lutram, bram, rom, zeros, again = results
    assert [r.name for r in results] == [j.name for j in jobs] and not any(r.cached for r in results)
    assert set(register.counts) == set(RESOURCES)
    assert nonzero(register) == {"FF": 16}
    # 32 stages of 16 bits: one SRLC32E a bit, or 31 stages and the output register.
    assert shift.counts["SRL"] == shift.counts["LUT"] == 16 and shift.counts["FF"] in (0, 16)
    # 64 x 16, written and read at the same address: 64 x 1 bit a LUT.
    assert lutram.counts["LUTRAM"] == 16 and lutram.counts["BRAM_18K"] == 0
    assert lutram.counts["LUT"] >= 16 + 1 and lutram.counts["FF"] == 16 + 6, "and a counter of 6 bits"
    # 1024 x 16 is exactly one 18 Kb block.
    assert bram.counts["BRAM_18K"] == 1 and bram.counts["LUTRAM"] == 0
    # 64 words of noise are one LUT6 a bit; fewer only where two bits happen to agree.
    assert rom.counts["LUT"] == 16 and rom.counts["FF"] == 0, "the memory image decides the size"
    assert nonzero(zeros) == {}
    assert again.counts == register.counts
    assert heard[0] == (0, 6) and heard[-1] == (6, 6), "equal jobs are synthesized once"

    monkeypatch.setattr(subprocess, "Popen", yosys_must_not_start)
    second = synthesize(jobs, family, tmp_path / "elsewhere")
    assert [r.counts for r in second] == [r.counts for r in results] and all(r.cached for r in second)
    with pytest.raises(AssertionError, match="Yosys was started"):
        synthesize([job("rom", ROM, words_hex=words(2))], family, tmp_path / "elsewhere")


def test_what_runs_beside_a_job_does_not_change_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rom, ram = job("rom", ROM, words_hex=words(3)), job("ram", MEMORY.format(style="auto", depth=96))
    together = synthesize([job("shift", SHIFT), ram, rom], "xc7", tmp_path / "together", processes=1)
    monkeypatch.setenv("A2QFLOW_CACHE", str(tmp_path / "other"))
    (alone,) = synthesize([rom], "xc7", tmp_path / "alone")
    assert together[2].counts == alone.counts


def test_two_that_run_at_a_time_share_out_what_they_have_in_common(tmp_path: Path) -> None:
    """Each finds all results; the log of a job that the other did was never begun."""
    jobs = [job(f"rom{n}", ROM, words_hex=words(n)) for n in range(8)]
    with ThreadPoolExecutor(2) as pool:
        places = [tmp_path / "one", tmp_path / "two"]
        one, two = pool.map(lambda place: synthesize(jobs, "xc7", place, processes=1), places)
    assert [r.counts for r in one] == [r.counts for r in two]
    logs = [log for place in places for log in place.glob("jobs/*/yosys.log")]
    assert len(logs) == len(jobs), "a job was done twice, or one did nothing"
    assert all(list(place.glob("jobs/*/yosys.log")) for place in places)


def test_it_is_what_synth_xilinx_gives(tmp_path: Path) -> None:
    """Reading the library once and skipping what has nothing to do changes nothing."""
    one = job("ram", MEMORY.format(style="auto", depth=96))
    (result,) = synthesize([one], "xc7", tmp_path / "work")
    script = (
        "from pyosys import libyosys as ys\nd = ys.Design()\n"
        "ys.run_pass('read_slang --top top top.sv', d)\n"
        "ys.run_pass('synth_xilinx -family xc7 -noiopad -noclkbuf -nodsp -flatten -top top', d)\n"
        "ys.run_pass('tee -q -o stat.json stat -json', d)\n"
    )
    (tmp_path / "top.sv").write_text(str(one.files[PurePosixPath("top.sv")]), encoding="utf-8")
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    stat = json.loads((tmp_path / "stat.json").read_text(encoding="utf-8"))
    assert result.counts == count(stat["modules"]["\\top"]["num_cells_by_type"])


def test_failing_rtl_names_the_job_the_reason_and_the_log(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"Yosys failed on wrong: .*nothing_of_this_name") as caught:
        synthesize([job("right", REGISTER), job("wrong", WRONG)], "xc7", tmp_path / "work", processes=1)
    log = Path(str(caught.value).rpartition("log: ")[2])
    assert log.is_relative_to(tmp_path) and "nothing_of_this_name" in log.read_text(encoding="utf-8")


def test_missing_memory_image_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"words\.hex"):
        synthesize([job("rom", ROM)], "xc7", tmp_path / "work")


def test_unknown_cell_is_an_error_that_names_it(tmp_path: Path) -> None:
    body = "  IBUF pad (.I(d[0]), .O(q[0]));\n  assign q[15:1] = '0;\n"
    box = "(* blackbox *) module IBUF (input wire logic I, output logic O);\nendmodule\n"
    with pytest.raises(ToolFailed, match="padded holds 1 cells of the unknown type 'IBUF'"):
        one = job("padded", body)
        synthesize([Job(one.name, one.top, one.files | {PurePosixPath("box.sv"): box})], "xc7", tmp_path / "work")


def test_missing_yosys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match="Yosys is not installed"):
        synthesize([job("register", REGISTER)], "xc7", tmp_path / "work")


PREPARE = """
import json, os, pathlib, sys, time
batch = pathlib.Path(sys.argv[1])
folder = batch.parent / json.loads(batch.read_text())["jobs"][0]["folder"]
log = (folder / "yosys.log").open("w", buffering=1)
print("start 0", flush=True)
"""
ANSWER = """
(folder / "cells.json").write_text('{"FDRE": 16}')
print("end 0 0", flush=True)
"""


def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Replaces Yosys by a script that talks as the worker does."""
    path = tmp_path / "worker.py"
    path.write_text(PREPARE + script, encoding="utf-8")
    monkeypatch.setattr(yosys, "WORKER", path)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


SLEEP_IN_A_CHILD = "if os.fork() == 0:\n    print(os.getpid(), file=log)\n    time.sleep(600)\ntime.sleep(600)\n"


def test_standing_still_is_an_error_and_the_process_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker(tmp_path, monkeypatch, SLEEP_IN_A_CHILD)
    began = time.monotonic()
    with pytest.raises(ToolFailed, match="wrote nothing for 1 s on register; log: ") as caught:
        synthesize([job("register", REGISTER)], "xc7", tmp_path / "work", stall_seconds=1.0)
    assert time.monotonic() - began < 30
    child = int(Path(str(caught.value).rpartition("log: ")[2]).read_text(encoding="utf-8"))
    wait_for(lambda: not is_running(child))


def wait_for(what: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_slow_but_talking_is_no_stall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker(tmp_path, monkeypatch, "for i in range(8):\n    print(i, file=log)\n    time.sleep(0.25)\n" + ANSWER)
    (result,) = synthesize([job("register", REGISTER)], "xc7", tmp_path / "work", stall_seconds=1.0)
    assert nonzero(result) == {"FF": 16}


def test_killed_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker(tmp_path, monkeypatch, "print('end 0 -9', flush=True)\n")
    with pytest.raises(ToolFailed, match="register: killed by SIGKILL; out of memory"):
        synthesize([job("register", REGISTER)], "xc7", tmp_path / "work")


def test_worker_that_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker(tmp_path, monkeypatch, "sys.exit(3)\n")
    with pytest.raises(ToolFailed, match="exit code 3"):
        synthesize([job("register", REGISTER)], "xc7", tmp_path / "work")


def test_ctrl_c_kills_the_children(tmp_path: Path) -> None:
    """Ctrl-C in the terminal while Yosys runs: the build ends and its children with it."""
    (tmp_path / "worker.py").write_text(PREPARE + SLEEP_IN_A_CHILD, encoding="utf-8")
    script = tmp_path / "build.py"
    script.write_text(
        "import pathlib\n"
        "from flows.synthesize import yosys\n"
        "from flows.synthesize.jobs import Job\n"
        f"yosys.WORKER = pathlib.Path({str(tmp_path / 'worker.py')!r})\n"
        "job = Job('register', 'top', {pathlib.PurePosixPath('top.sv'): 'module top; endmodule'})\n"
        f"yosys.synthesize([job], 'xc7', pathlib.Path({str(tmp_path / 'work')!r}))\n",
        encoding="utf-8",
    )
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.DEVNULL
    )
    log = tmp_path / "work" / "jobs" / "000_register" / "yosys.log"
    try:
        wait_for(lambda: log.exists() and log.read_text(encoding="ascii").endswith("\n"), 60.0)
        child = int(log.read_text(encoding="ascii"))
        assert is_running(child)
        parent.send_signal(signal.SIGINT)
        assert parent.wait(timeout=30) != 0
    finally:
        parent.kill()
    wait_for(lambda: not is_running(child))


def test_damaged_cache_entry_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = job("register", REGISTER)
    worker(tmp_path, monkeypatch, ANSWER)
    synthesize([one], "xc7", tmp_path / "work")
    (entry,) = cache.folder().glob("*.json")
    entry.write_text('{"cells": {"LUT', encoding="utf-8")
    (result,) = synthesize([one], "xc7", tmp_path / "work")
    assert not result.cached and nonzero(result) == {"FF": 16}


def test_cache_that_cannot_be_written_costs_no_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("A2QFLOW_CACHE", str(tmp_path / "file"))
    worker(tmp_path, monkeypatch, ANSWER)
    (result,) = synthesize([job("register", REGISTER)], "xc7", tmp_path / "work")
    assert not result.cached and nonzero(result) == {"FF": 16}


def test_key_depends_on_everything_that_decides_the_result() -> None:
    one = job("a", ROM, words_hex=words(1))
    base = cache.key(one, "xc7", "0.70", ("synth",))
    assert cache.key(job("another name", ROM, words_hex=words(1)), "xc7", "0.70", ("synth",)) == base
    others = [
        cache.key(job("a", ROM, words_hex=words(2)), "xc7", "0.70", ("synth",)),
        cache.key(job("a", SHIFT, words_hex=words(1)), "xc7", "0.70", ("synth",)),
        cache.key(one, "xcup", "0.70", ("synth",)),
        cache.key(one, "xc7", "0.71", ("synth",)),
        cache.key(one, "xc7", "0.70", ("synth -dff",)),
    ]
    assert len({base, *others}) == 6


def fifos(shapes: Sequence[tuple[int, int]]) -> Design:
    """A chain of FIFOs (bits, depth) as a design."""
    streams = {f"s{i}": Stream(f"s{i}", "x", IntType(1, False), width, 4) for i, (width, _) in enumerate(shapes)}
    streams["end"] = Stream("end", "x", IntType(1, False), shapes[-1][0], 4)
    names = [*streams]
    instances = tuple(
        Instance(f"StreamingFIFO_{i}", "fifo", "",
                 {"WIDTH": width, "DEPTH": depth, "RAM_STYLE": "auto", "SIM_ID": i + 1},
                 (names[i],), (names[i + 1],), 4)
        for i, (width, depth) in enumerate(shapes)
    )  # fmt: skip
    return Design("chain", instances, streams, "s0", "end")


def test_a_longer_path_takes_longer(tmp_path: Path) -> None:
    """From register to register: one addition, or eight in a row, in which Yosys cannot know what is added."""

    def chain(adders: int) -> str:
        sums = "".join(f"    s = (s ^ (s >> {n % 3 + 1})) + d_q;\n" for n in range(adders))
        return (
            "  logic [15:0] d_q, s;\n  always_comb begin\n    s = q;\n" + sums + "  end\n"
            "  always_ff @(posedge clk) begin d_q <= d; q <= s; end\n"
        )

    wire, one, eight = synthesize(
        [job("wire", REGISTER), job("one", chain(1)), job("eight", chain(8))], "xc7", tmp_path / "work"
    )
    assert 0 < wire.path_ns < one.path_ns < 3 and 5 * one.path_ns > eight.path_ns > 2 * one.path_ns
    again = synthesize([job("eight", chain(8))], "xc7", tmp_path / "again")
    assert again[0].cached and again[0].path_ns == eight.path_ns


def test_design_is_the_sum_of_its_layers_and_fifos_count(tmp_path: Path) -> None:
    design = fifos([(8, 2), (8, 33), (8, 2)])
    resources = total(design, "xc7", tmp_path / "work")
    assert (resources.scope, resources.family) == ("sum of layers", "xc7")
    assert [(r.name, r.impl) for r in resources.layers] == [(f"StreamingFIFO_{i}", "fifo") for i in range(3)]
    first, second, third = (layer.counts for layer in resources.layers)
    assert first == third and second["LUT"] > first["LUT"] > 0 and second["LUTRAM"] > 0
    assert resources.total == {name: 2 * first[name] + second[name] for name in RESOURCES}
    assert len({j.files[PurePosixPath("out_of_context.sv")] for j in design_jobs(design)}) == 2


def test_stitched_design(tmp_path: Path) -> None:
    body = "  logic [15:0] between;\n" + "".join(
        f"  top i_{i} (.clk, .d({a}), .q({b}));\n" for i, (a, b) in enumerate([("d", "between"), ("between", "q")])
    )
    outer = job("x", body).files[PurePosixPath("top.sv")]
    assert isinstance(outer, str)
    files = job("x", REGISTER).files | {PurePosixPath("chain.sv"): outer.replace("module top", "module chain", 1)}
    (result,) = synthesize([stitched_job("chain", "chain", files)], "xc7", tmp_path / "work")
    assert nonzero(result) == {"FF": 32}
