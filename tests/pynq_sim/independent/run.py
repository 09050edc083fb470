"""Run by a Python that has cocotbpynq: builds the accelerator with cocotb's own runner and runs bench.py on it.

python run.py HARDWARE_FOLDER DEPLOY_FOLDER WORK_FOLDER       exit code 0: passed; WORK_FOLDER/outputs.npz is what came
"""

import os
import sys
from pathlib import Path

from cocotb_tools.runner import get_results, get_runner
from cocotbpynq._toolchain import ensure_verilator

hardware, deploy, work = (Path(name).resolve() for name in sys.argv[1:4])
TOP = "accelerator_ps"

ensure_verilator()
sys.path[:0] = [str(Path(__file__).resolve().parent), str(deploy)]
runner = get_runner("verilator")
runner.build(
    sources=[*sorted(hardware.glob("*.vlt")), *sorted(hardware.glob("*.sv")), *sorted(hardware.glob("*.v"))],
    hdl_toplevel=TOP, build_dir=work / "model", always=True, timescale=("1ns", "1ps"),
    build_args=["-UVERILATOR", "-Wno-UNOPTFLAT", "-Wno-SPLITVAR", "--output-split", "30000", "--x-initial", "unique"],
    log_file=work / "build.log",
)  # fmt: skip
for memory in hardware.glob("*.hex"):
    (work / memory.name).write_bytes(memory.read_bytes())
environment = {"HWH_LOCATION_DIR": str(deploy), "COCOTB_SYS_ARGV": "", "PYTHONDONTWRITEBYTECODE": "1"}
results = runner.test(
    hdl_toplevel=TOP, hdl_toplevel_lang="verilog", test_module=["bench"], build_dir=work / "model", test_dir=work,
    extra_env=environment | {name: os.environ[name] for name in ("BOARD",)}, log_file=work / "test.log",
)  # fmt: skip
ran, failed = get_results(results)
print(f"{ran} run, {failed} failed")
sys.exit(0 if ran == 1 and not failed else 1)
