"""Reports of Vitis HLS in their documented format; a stand-in for the program. No real Vitis has run here."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from flows.errors import ToolFailed, ToolMissing
from flows.report import write_report
from flows.report.summary import validate
from flows.report.tables import tables
from flows.synthesize import vitis
from tests.report.sample import sample

CSYNTH = """<?xml version="1.0" encoding="UTF-8"?>
<profile>
  <ReportVersion><Version>2022.2</Version></ReportVersion>
  <UserAssignments>
    <unit>ns</unit><ProductFamily>zynq</ProductFamily><Part>xc7z020-clg400-1</Part>
    <TopModelName>accelerator</TopModelName><TargetClockPeriod>10.00</TargetClockPeriod>
    <ClockUncertainty>2.70</ClockUncertainty><FlowTarget>vivado</FlowTarget>
  </UserAssignments>
  <PerformanceEstimates>
    <PipelineType>dataflow</PipelineType>
    <SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>6.508</EstimatedClockPeriod></SummaryOfTimingAnalysis>
    <SummaryOfOverallLatency>
      <unit>clock cycles</unit><Best-caseLatency>1296</Best-caseLatency><Average-caseLatency>1310</Average-caseLatency>
      <Worst-caseLatency>1324</Worst-caseLatency><Interval-min>577</Interval-min><Interval-max>undef</Interval-max>
    </SummaryOfOverallLatency>
  </PerformanceEstimates>
  <AreaEstimates>
    <Resources><BRAM_18K>3</BRAM_18K><DSP>4</DSP><FF>2101</FF><LUT>5620</LUT><URAM>0</URAM></Resources>
    <AvailableResources><BRAM_18K>280</BRAM_18K><DSP>220</DSP><FF>106400</FF><LUT>53200</LUT><URAM>0</URAM>
    </AvailableResources>
  </AreaEstimates>
</profile>
"""
COSIM = """
Report time       : Wed Nov 25 10:00:00 2026.
Solution          : solution.
Simulation tool   : xsim.

+----------+----------+-----------------------------------------+-----------------------------------------+-------+
|          |          |         Latency(Clock Cycles)           |         Interval(Clock Cycles)          | Total |
+   RTL    +  Status  +-----------------------------------------+-----------------------------------------+ Cycles+
|          |          |      min    |    avg     |      max     |      min    |    avg     |      max     |       |
+----------+----------+-----------------------------------------+-----------------------------------------+-------+
|      VHDL|        NA|           NA|          NA|            NA|           NA|          NA|            NA|     NA|
|   Verilog|      Pass|         1290|        1301|          1310|          577|         578|           580|   4000|
+----------+----------+-----------------------------------------+-----------------------------------------+-------+
"""


def solution(folder: Path, csynth: str = CSYNTH, cosim: str = COSIM) -> Path:
    for name, text in (("syn/report/accelerator_csynth.xml", csynth), ("sim/report/accelerator_cosim.rpt", cosim)):
        path = folder / "solution" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "solution"


def test_reports_are_read(tmp_path: Path) -> None:
    found = vitis.read(solution(tmp_path), "accelerator", tmp_path / "log")
    s = found.synthesis
    assert s.resources == {"LUT": 5620, "FF": 2101, "DSP": 4, "BRAM_18K": 3, "URAM": 0}
    assert (s.part, s.latency_min, s.latency_max) == ("xc7z020-clg400-1", 1296, 1324)
    assert (s.interval_min, s.interval_max) == (577, None)
    assert s.slack_ns == pytest.approx(10 - 2.7 - 6.508)
    (c,) = found.cosimulation
    assert (c.language, c.status, c.latency, c.interval) == ("Verilog", "Pass", (1290, 1301, 1310), (577, 578, 580))


def test_older_reports_count_dsp48e(tmp_path: Path) -> None:
    old = CSYNTH.replace("<DSP>4</DSP>", "<DSP48E>7</DSP48E>")
    assert vitis.read(solution(tmp_path, old), "accelerator", tmp_path).synthesis.resources["DSP"] == 7


@pytest.mark.parametrize(
    ("csynth", "cosim", "message"),
    [
        (CSYNTH, COSIM.replace("Pass", "Fail"), "cosimulation of accelerator is Fail"),
        (CSYNTH, COSIM.replace("Pass", "  NA"), "cosimulation of accelerator did not run"),
        (CSYNTH, "nothing", "no row of VHDL or Verilog"),
        (CSYNTH[:300], COSIM, "cannot read the report"),
        (CSYNTH.replace("<LUT>5620</LUT>", ""), COSIM, "has no AreaEstimates/Resources/LUT"),
        (CSYNTH.replace("6.508", "fast"), COSIM, "is damaged"),
    ],
)
def test_what_failed_is_not_read_as_a_result(tmp_path: Path, csynth: str, cosim: str, message: str) -> None:
    with pytest.raises(ToolFailed, match=message):
        vitis.read(solution(tmp_path, csynth, cosim), "accelerator", tmp_path / "log")


def stand_in(folder: Path, name: str, lines: str) -> None:
    """A program called `name` on a PATH of its own: it writes reports where the script's project is."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def hls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "hls" / "vitis").mkdir(parents=True)
    (tmp_path / "hls" / "vitis" / "accelerator.tcl").write_text("exit\n")
    solution(tmp_path / "ready")
    return tmp_path / "hls"


@pytest.mark.parametrize(("name", "arguments"), [("vitis_hls", "-f"), ("vitis-run", "--mode hls --tcl")])
def test_the_program_is_run_on_the_script(hls: Path, name: str, arguments: str) -> None:
    script = hls / "vitis" / "accelerator.tcl"
    stand_in(
        hls.parent / "bin", name, f'echo "$@"; mkdir -p accelerator; cp -r {hls.parent}/ready/solution accelerator/'
    )
    found = vitis.run(hls, "accelerator", "accelerator", hls.parent / "log")
    assert found.synthesis.resources["LUT"] == 5620
    assert (hls.parent / "log").read_text().strip() == f"{arguments} {script.resolve()}"


def test_a_program_that_fails_is_reported_with_its_log(hls: Path) -> None:
    stand_in(hls.parent / "bin", "vitis_hls", "echo 'ERROR: [HLS 200-70] part not found'; exit 1")
    with pytest.raises(ToolFailed, match=r"vitis_hls ended with status 1; log: .*log"):
        vitis.run(hls, "accelerator", "accelerator", hls.parent / "log")


def test_without_vitis_nothing_is_claimed(hls: Path) -> None:
    assert vitis.find() is None
    with pytest.raises(ToolMissing, match="neither vitis-run nor vitis_hls is on PATH"):
        vitis.run(hls, "accelerator", "accelerator", hls.parent / "log")


def test_the_report_shows_what_vitis_says(tmp_path: Path) -> None:
    result = vitis.read(solution(tmp_path), "accelerator", tmp_path / "log")
    summary = sample()
    summary["resources"]["vitis"] = vitis.summary(result, "accelerator")
    write_report(summary, tmp_path / "report")
    (table,) = (t for t in tables(validate(summary)) if t.key == "resources_vitis")
    assert ("LUT", "5,620", "csynth") in table.rows and ("latency, cycles", "1,310", "C/RTL cosimulation") in table.rows
    assert ("interval, cycles", "–", "csynth") in table.rows and ("slack", "0.79 ns of 10 ns", "csynth") in table.rows
    assert "not the RTL" in (tmp_path / "report" / "index.html").read_text()
