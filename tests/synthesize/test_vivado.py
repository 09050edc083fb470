"""Reading Vivado's reports, and running it, with a stand-in for the program that is labelled as one."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from flows.errors import ToolFailed, ToolMissing
from flows.synthesize.vivado import make_bitfile, parse_timing, parse_utilization
from tests.synthesize.vivado_reports import PLUS, SEVEN, timing

STAND_IN = '''#!{python}
"""STAND-IN for Vivado: runs nothing, writes reports of the documented layout."""
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.synthesize.vivado_reports import SEVEN, timing
script = sys.argv[sys.argv.index("-source") + 1]
assert Path(script).is_file() and "-mode" in sys.argv
print("****** Vivado v0 (STAND-IN)", flush=True)
if script == {fails!r}:
    print("INFO: nothing yet\\nERROR: [Place 30-640] Place Check : more LUTs than there are\\nERROR: [Common 17-69] no")
    sys.exit(1)
if script == "bitstream.tcl":
    made = Path("bitfile")
    made.mkdir()
    for name in {files!r}:
        (made / name).write_bytes(b"synthetic")
    (made / "utilization.rpt").write_text(SEVEN)
    (made / "timing.rpt").write_text(timing({wns!r}, "0.031"))
'''
ROOT = str(Path(__file__).parents[2])


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    values = {
        "python": sys.executable,
        "root": ROOT,
        "fails": "",
        "files": ["a2qflow.bit", "a2qflow.hwh"],
        "wns": "0.539",
    }
    path = folder / "bin" / "vivado"
    path.parent.mkdir()
    path.write_text(STAND_IN.format(**(values | changes)), encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(path.parent))
    for script in ("package_ip.tcl", "bitstream.tcl"):
        (folder / script).touch()


def test_seven_series_utilization() -> None:
    assert parse_utilization(SEVEN) == {
        "LUT": 5374, "LUTRAM": 470, "SRL": 70, "FF": 7204, "URAM": 0, "DSP": 2, "BRAM_18K": 11, "CARRY": 310,
    }  # fmt: skip


def test_ultrascale_plus_utilization() -> None:
    assert parse_utilization(PLUS) == {
        "LUT": 5100, "LUTRAM": 440, "SRL": 60, "FF": 7300, "URAM": 1, "DSP": 2, "BRAM_18K": 11, "CARRY": 240,
    }  # fmt: skip


def test_a_report_without_luts_is_refused() -> None:
    with pytest.raises(ToolFailed, match="no row Slice LUTs or CLB LUTs"):
        parse_utilization(SEVEN.replace("Slice LUTs", "Slice Things"))


@pytest.mark.parametrize(
    ("wns", "whs", "fmax", "met"),
    [("0.539", "0.020", 1e3 / 9.461, True), ("0.000", "0.000", 100.0, True), ("-0.250", "0.020", 1e3 / 10.25, False),
     ("1.000", "-0.001", 1e3 / 9.0, False)],
)  # fmt: skip
def test_timing(wns: str, whs: str, fmax: float, met: bool) -> None:
    found = parse_timing(timing(wns, whs), 10.0)
    assert (found.wns_ns, found.whs_ns, found.fmax_mhz, found.met) == (float(wns), float(whs), fmax, met)


@pytest.mark.parametrize("text", ["", "Design Timing Summary\n", timing("NA", "NA")])
def test_timing_without_slack_is_refused(text: str) -> None:
    with pytest.raises(ToolFailed, match="Vivado's timing report"):
        parse_timing(text, 10.0)


def test_it_runs_both_scripts_and_reads_the_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch)
    found = make_bitfile(tmp_path, 10.0)
    assert found["total"]["LUT"] == 5374 and found["timing"]["met"]
    assert "STAND-IN" in (tmp_path / "vivado_bitstream.log").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"fails": "bitstream.tcl"},
            r"vivado ended with status 1; log: .*vivado_bitstream.log\n  ERROR: \[Place 30-640\]",
        ),
        ({"fails": "package_ip.tcl"}, r"log: .*vivado_package_ip.log"),
        ({"files": ["a2qflow.bit"]}, "wrote no .*a2qflow.hwh"),
        ({"wns": "-0.4"}, r"timing is not met at 10.0 ns: worst slack -0.4 ns .*at least 10.400"),
    ],
)
def test_what_goes_wrong_is_named(tmp_path: Path, monkeypatch, changes: dict[str, object], message: str) -> None:
    stand_in(tmp_path, monkeypatch, **changes)
    with pytest.raises(ToolFailed, match=message):
        make_bitfile(tmp_path, 10.0)


def test_without_vivado(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"settings64.sh"):
        make_bitfile(tmp_path, 10.0)
