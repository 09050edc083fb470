"""The simulator itself: what it must catch (planted faults), what it reports, and how it fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from flows.design import Bits, Param
from flows.errors import ToolFailed, VerificationFailed
from flows.graph import IntArray, IntType
from flows.simulate.bench import (
    Case,
    Dut,
    Expect,
    Feed,
    Port,
    Result,
    build_duts,
    job_of,
    results_of,
    rtl_files,
    simulate_duts,
)
from flows.simulate.verilator import Job, build

BYTE = IntType(8, False)
HEADER = """`default_nettype none
module planted (
    input wire clk, input wire rst_n,
    input wire [7:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
    output wire [7:0] m_axis_tdata, output wire m_axis_tvalid, input wire m_axis_tready
);
"""
PASS = """
  assign s_axis_tready = m_axis_tready;
  assign m_axis_tvalid = s_axis_tvalid;
  assign m_axis_tdata = s_axis_tdata;
"""
BEATS = np.random.default_rng(0).integers(0, 256, (3, 20, 1))


def planted(body: str) -> dict[str, str]:
    """A module `planted` of 8-bit streams with that body."""
    return {"planted": f"{HEADER}{body}\nendmodule\n`default_nettype wire\n", **rtl_files()}


def case(module: str = "planted", name: str = "dut", frames: int | None = None, **params: Param) -> Case:
    dut = Dut(name, module, params, (Port("in", "s_axis", 8),), (Port("out", "m_axis", 8),))
    return Case(dut, (Feed(BEATS, 8),), (Expect(20, 1, BYTE, frames),))


def run(body: str, folder: Path, stall: tuple[float, float] = (0.2, 0.5), seed: int = 1) -> Result:
    return simulate_duts([case()], planted(body), folder, stall=stall, seed=seed)[0]


def test_beats_arrive_in_order(tmp_path: Path) -> None:
    assert np.array_equal(run(PASS, tmp_path).outputs[0], BEATS)


def test_changed_payload_is_caught(tmp_path: Path) -> None:
    body = PASS.replace("m_axis_tdata = s", "m_axis_tdata = toggle_q ^ s")
    body += "  reg [7:0] toggle_q; always @(posedge clk) toggle_q <= rst_n ? ~toggle_q : 8'h0;"
    with pytest.raises(VerificationFailed, match=r"dut\.out: tdata changed before the beat was taken \(cycle \d+\)"):
        run(body, tmp_path)
    with pytest.raises(VerificationFailed, match="changed"):
        run(body, tmp_path, seed=2)


def test_dropped_valid_is_caught(tmp_path: Path) -> None:
    body = PASS.replace("m_axis_tvalid = s", "m_axis_tvalid = !drop_q && s").replace(
        "= m_axis_tready", "= m_axis_tready && !drop_q"
    )
    body += "  reg drop_q; always @(posedge clk) drop_q <= rst_n && !drop_q && s_axis_tvalid && !m_axis_tready;"
    with pytest.raises(VerificationFailed, match=r"dut\.out: tvalid fell"):
        run(body, tmp_path)


def test_surplus_beats_are_caught(tmp_path: Path) -> None:
    """A frame more than expected, and a stream that never ends."""
    with pytest.raises(VerificationFailed, match=r"dut\.out: more beats than expected"):
        simulate_duts([case(frames=2)], planted(PASS), tmp_path)
    endless = PASS.replace("m_axis_tvalid = s_axis_tvalid", "m_axis_tvalid = 1'b1").replace("= s_axis_tdata", "= 8'd7")
    with pytest.raises(VerificationFailed, match="more beats than expected"):
        run(endless, tmp_path)


def test_source_that_ends_early_is_a_deadlock(tmp_path: Path) -> None:
    early = case(frames=4)
    model = build_duts([early.dut], planted(PASS), tmp_path)
    job = job_of([early], max_idle_cycles=500)
    done = model.run(job, tmp_path / "run")
    assert done.deadlock and done.cycles < 1000 and done.last_progress < 100
    assert done.sinks[0].taken == 60 and np.array_equal(results_of([early], done)[0].outputs[0], BEATS)
    assert "dut.out: 60 of 80 beats" in done.explain_deadlock(job)
    with pytest.raises(VerificationFailed, match=r"deadlock: no beat moved .*dut\.out: 60 of 80 beats"):
        simulate_duts([early], planted(PASS), tmp_path, max_idle_cycles=500)


def test_sink_that_never_takes_is_a_deadlock(tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match=r"dut\.in: 0 of 60 beats; dut\.out: 0 of 60"):
        run(PASS, tmp_path, stall=(0.0, 1.0))


def test_one_stuck_module_among_many_is_named(tmp_path: Path) -> None:
    """A stage that stops taking input in mid-frame, beside one that works."""
    body = PASS.replace("s_axis_tready = m", "s_axis_tready = count_q < 30 && m").replace(
        "tvalid = s", "tvalid = count_q < 30 && s"
    )
    body += "  reg [7:0] count_q;"
    body += "  always @(posedge clk) count_q <= rst_n ? count_q + 8'(s_axis_tready && s_axis_tvalid) : 8'd0;"
    fifo = case("fifo", "good", WIDTH=8, DEPTH=4, RAM_STYLE="auto", SIM_ID=0)
    with pytest.raises(VerificationFailed) as caught:
        simulate_duts([fifo, case()], planted(body), tmp_path, max_idle_cycles=300)
    assert "dut.in: 30 of 60" in str(caught.value) and "good" not in str(caught.value)


INNER = """
  wire [7:0] a_tdata; wire a_tvalid, a_tready;
  fifo #(.WIDTH(8), .DEPTH(4), .RAM_STYLE("auto"), .SIM_ID(9)) i_fifo (
    .clk, .rst_n, .s_axis_tdata, .s_axis_tvalid, .s_axis_tready,
    .m_axis_tdata(a_tdata), .m_axis_tvalid(a_tvalid), .m_axis_tready(a_tready));
  axis_monitor #(.ID(1), .WIDTH(8)) i_front (
    .clk, .rst_n, .tvalid(s_axis_tvalid), .tready(s_axis_tready), .tdata(s_axis_tdata));
  axis_monitor #(.ID(2), .WIDTH(8)) i_back (
    .clk, .rst_n, .tvalid(a_tvalid), .tready(a_tready), .tdata(TAPPED));
  assign m_axis_tdata = a_tdata + 8'd1;
  assign m_axis_tvalid = a_tvalid;
  assign a_tready = m_axis_tready;
"""


def test_monitors_count_and_capture(tmp_path: Path) -> None:
    model = build_duts([case().dut], planted(INNER.replace("TAPPED", "a_tdata")), tmp_path)
    job = replace(job_of([case()], stall=(0.3, 0.6)), capture=True, monitors={1: "front", 2: "back"})
    done = model.run(job, tmp_path / "run")
    front, back = done.monitors[1], done.monitors[2]
    assert (front.name, back.name) == ("front", "back")
    for monitor in (front, back):
        assert monitor.captured is not None
        assert np.array_equal(monitor.captured, BEATS.reshape(-1, 1)) and monitor.beats == 60
    assert done.sinks[0].last[-1] == back.last_cycle and front.last_cycle == done.sources[0].last[-1]
    assert not (back.valid or front.valid) and front.ready
    # Every cycle is a beat, a stall, a starve, or neither valid nor ready.
    assert 0 < back.stalls < done.cycles and back.beats + back.stalls + back.starves <= done.cycles
    free = model.run(job_of([case()]), tmp_path / "free")
    assert free.monitors[2].stalls == 0 and free.monitors[1].captured is None
    assert free.monitors[2].starves == free.cycles - 60 - 1  # the sink is not ready in the cycle after reset only


def test_monitor_names_the_stream_that_breaks_the_rules(tmp_path: Path) -> None:
    body = INNER.replace("TAPPED", "a_tdata ^ {8{toggle_q}}")
    body += "  reg toggle_q; always @(posedge clk) toggle_q <= rst_n && !toggle_q;"
    model = build_duts([case().dut], planted(body), tmp_path)
    job = replace(job_of([case()], stall=(0.0, 0.7)), monitors={2: "MVAU_1_out"})
    with pytest.raises(VerificationFailed, match=r"MVAU_1_out: tdata changed"):
        model.run(job, tmp_path / "run")
    done = model.run(job, tmp_path / "run", raise_faults=False)
    assert done.faults and not done.deadlock


def test_reset_in_mid_stream_starts_again(tmp_path: Path) -> None:
    """A module that keeps state over the reset gives other beats than one that does not."""
    count = "  reg [7:0] n_q = 0; always @(posedge clk) {}if (m_axis_tvalid && m_axis_tready) n_q <= n_q + 1;"
    summed = PASS.replace("m_axis_tdata = s_axis_tdata", "m_axis_tdata = s_axis_tdata + n_q")
    expected = (BEATS + np.arange(60).reshape(BEATS.shape)) % 256
    outputs: dict[str, IntArray] = {}
    for name, text in (("good", count.format("if (!rst_n) n_q <= 0; else ")), ("bad", count.format(""))):
        folder = tmp_path / name
        outputs[name] = simulate_duts([case()], planted(summed + text), folder, reset_at=33)[0].outputs[0]
        late = simulate_duts([case()], planted(summed + text), folder, reset_at=3000, max_idle_cycles=500)[0]
        assert np.array_equal(late.outputs[0], expected) == (name == "good")
    assert np.array_equal(outputs["good"], expected)
    assert not np.array_equal(outputs["bad"], expected)


def test_uninitialised_state_is_random_by_seed(tmp_path: Path) -> None:
    body = (
        PASS.replace("= s_axis_tdata", "= s_axis_tdata ^ state")
        + "  reg [7:0] state; always @(posedge clk) state <= state;"
    )
    seen = {int(run(body, tmp_path, stall=(0.0, 0.0), seed=seed).outputs[0][0, 0, 0]) for seed in range(6)}
    assert len(seen) > 3
    again = [run(body, tmp_path, seed=3).outputs[0] for _ in range(2)]
    assert np.array_equal(*again)


def test_memories_are_read_at_run_time(tmp_path: Path) -> None:
    """Another memory needs no other executable."""
    body = (
        PASS.replace("= s_axis_tdata", "= s_axis_tdata ^ words[0]")
        + '  reg [7:0] words[2]; initial $readmemh("words.hex", words);'
    )
    c = case()
    model = build_duts([c.dut], planted(body), tmp_path, memories={PurePosixPath("words.hex"): "5a\n00\n"})
    other = replace(model, memories={PurePosixPath("words.hex"): "0f\n00\n"})
    for m, word in ((model, 0x5A), (other, 0x0F)):
        done = m.run(job_of([c]), tmp_path / "run")
        assert np.array_equal(results_of([c], done)[0].outputs[0], BEATS ^ word)


def test_tlast_is_given_and_checked(tmp_path: Path) -> None:
    def marked(beats: int) -> Case:
        source, sink = Port("in", "s_axis", 8), Port("out", "m_axis", 8, last=True)
        dut = Dut("dut", "tlastmarker", {"WIDTH": 8, "BEATS": beats}, (source,), (sink,))
        return Case(dut, (Feed(BEATS, 8),), (Expect(20, 1, BYTE),))

    assert np.array_equal(simulate_duts([marked(20)], rtl_files(), tmp_path / "a")[0].outputs[0], BEATS)
    with pytest.raises(VerificationFailed, match=r"dut\.out: tlast does not mark"):
        simulate_duts([marked(10)], rtl_files(), tmp_path / "b")


def test_source_drives_tlast_and_other_clock_names(tmp_path: Path) -> None:
    top = """module accel (input wire ap_clk, input wire ap_rst_n, input wire [11:0] in_tdata, input wire in_tvalid,
        input wire in_tlast, output wire in_tready, output wire [12:0] out_tdata, output wire out_tvalid,
        output wire out_tlast, input wire out_tready);
      wire unused = &{1'b0, ap_clk, ap_rst_n};
      assign out_tdata = {in_tlast, in_tdata};
      assign out_tvalid = in_tvalid; assign out_tlast = in_tlast; assign in_tready = out_tready;
    endmodule"""
    ports = (Port("in", "in", 12, last=True),), (Port("out", "out", 13, last=True),)
    x = np.random.default_rng(1).integers(0, 64, (2, 5, 2))
    c = Case(Dut("dut", "accel", {}, *ports, "ap_clk", "ap_rst_n"), (Feed(x, 6),), (Expect(5, 1, IntType(13, False)),))
    y = simulate_duts([c], {"accel": top}, tmp_path)[0].outputs[0]
    assert np.array_equal(y[..., 0] & 0xFFF, x[..., 0] + 64 * x[..., 1])
    assert np.array_equal(y[..., 0] >> 12, np.tile([0, 0, 0, 0, 1], (2, 1)))


def test_padded_ports_and_wide_params(tmp_path: Path) -> None:
    """A port wider than its lanes is padded with zeros; a Bits parameter keeps its 40 bits."""
    module = """module wide #(parameter logic [39:0] MASK) (input wire clk, input wire rst_n,
        input wire [39:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
        output wire [39:0] m_axis_tdata, output wire m_axis_tvalid, input wire m_axis_tready);
      wire unused = &{1'b0, clk, rst_n};
      assign m_axis_tdata = s_axis_tdata ^ MASK;
      assign m_axis_tvalid = s_axis_tvalid; assign s_axis_tready = m_axis_tready;
    endmodule"""
    mask = 0xA5_0000_00F0
    dut = Dut("dut", "wide", {"MASK": Bits(40, mask)}, (Port("in", "s_axis", 40),), (Port("out", "m_axis", 40),))
    c = Case(dut, (Feed(BEATS, 9),), (Expect(20, 1, IntType(40, False)),))
    assert np.array_equal(simulate_duts([c], {"wide": module}, tmp_path)[0].outputs[0], BEATS ^ mask)


def test_trace_holds_the_signals(tmp_path: Path) -> None:
    c = case()
    model = build_duts([c.dut], planted(PASS), tmp_path, trace=True)
    done = model.run(job_of([c], trace=True), tmp_path / "run")
    assert done.trace is not None
    text = done.trace.read_text()
    assert "$scope module dut" in text and "m_axis_tvalid" in text and text.count("\n#") > 60
    assert model.run(job_of([c]), tmp_path / "run2").trace is None
    with pytest.raises(ValueError, match="without trace"):
        build_duts([c.dut], planted(PASS), tmp_path / "plain").run(job_of([c], trace=True), tmp_path / "run3")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("assign m_axis_tdata = 9'h1ff;" + PASS.replace("assign m_axis_tdata = s_axis_tdata;", ""), "WIDTHTRUNC"),
        (PASS + "assign nowhere = 1'b1;", "nowhere"),
        (PASS + "nosuch i_nosuch ();", "nosuch"),
        (PASS + 'if (1) begin : g_bad $fatal(1, "illegal"); end', "illegal"),
    ],
)
def test_verilator_errors_are_shown_with_their_log(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(ToolFailed, match=message) as caught:
        run(body, tmp_path)
    assert str(tmp_path / "verilator.log") in str(caught.value)


def test_run_time_errors_are_shown_with_their_log(tmp_path: Path) -> None:
    body = (
        PASS
        + '  always @(posedge clk) if (rst_n && s_axis_tvalid && s_axis_tdata == 8\'d217) $fatal(1, "planted stop");'
    )
    assert 217 in BEATS
    with pytest.raises(ToolFailed, match=r"(?s)sim\.log.*planted stop"):
        run(body, tmp_path)


def test_hanging_model_is_ended(tmp_path: Path) -> None:
    """One clock edge that takes minutes: no heartbeat, so the process is ended."""
    body = PASS + '  import "DPI-C" function int unsigned sleep(input int unsigned seconds);'
    body += "  int unsigned rest; always @(posedge clk) if (rst_n) rest <= sleep(600);"
    model = build_duts([case().dut], planted(body), tmp_path)
    with pytest.raises(ToolFailed, match="no progress for 1 s"):
        model.run(job_of([case()]), tmp_path / "run", idle_s=1)


def test_job_that_does_not_fit_the_model(tmp_path: Path) -> None:
    c = case()
    model = build_duts([c.dut], planted(PASS), tmp_path)
    job = job_of([c])
    with pytest.raises(ToolFailed, match="the job has no sink 0"):
        model.run(Job(job.sources, ()), tmp_path / "run")
    with pytest.raises(ToolFailed, match="the model has no source 1"):
        model.run(Job(job.sources * 2, job.sinks), tmp_path / "run")
    with pytest.raises(ToolFailed, match=r"source_0\.bin has 2 bytes a beat, the model's source 0 takes 8 bits"):
        model.run(Job((replace(job.sources[0], beats=np.zeros((20, 2), np.uint8)),), job.sinks), tmp_path / "run")
    with pytest.raises(ValueError, match="no beats for 3 frames"):
        model.run(Job((replace(job.sources[0], beats=np.zeros((0, 1), np.uint8)),), job.sinks), tmp_path / "run")
    with pytest.raises(ValueError, match="stall probability"):
        model.run(job_of([c], stall=(1.5, 0.0)), tmp_path / "run")
    with pytest.raises(ValueError, match="not whole frames"):
        model.run(Job((replace(job.sources[0], beats_per_frame=7),), job.sinks), tmp_path / "run")


def test_second_build_is_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        PurePosixPath("bench.sv"): "module bench(input wire clk, input wire rst_n); wire u = clk & rst_n; endmodule"
    }
    first = build(files, "bench", tmp_path / "a")
    monkeypatch.setattr("flows.simulate.verilator.run_all", None)
    second = build(files, "bench", tmp_path / "b")
    assert first.executable.read_bytes() == second.executable.read_bytes()
    with pytest.raises(TypeError):  # the planted None is called as soon as one character differs
        build({**files, PurePosixPath("more.sv"): "// more"}, "bench", tmp_path / "c")
