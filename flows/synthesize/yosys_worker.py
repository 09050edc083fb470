"""Yosys, in processes of its own because an error in Yosys ends the process.

    python yosys_worker.py BATCH.json

Reads the cell library once and forks one process a job from that state: a job's result depends on the job alone, not on
what ran before it (Yosys numbers its signals, and the order of names steers ABC). Imports nothing of this project.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
import time
import traceback
from pathlib import Path
from typing import Any

READ = "read_slang --top {top} {arguments}"
HIERARCHY = "hierarchy -check -top {top}"
SYNTHESIZE = "synth_xilinx -family {family} -noiopad -noclkbuf -nodsp -flatten -top {top} -run {labels}"
LIBRARY = ("read_verilog -lib -specify +/xilinx/cells_sim.v", "read_verilog -lib +/xilinx/cells_xtra.v")
# Of cells_xtra.v's hundreds of transceivers and processors, which cost every pass more time than a small module does.
KEPT = ("RAMB18E2", "RAMB36E2", "URAM288", "DSP48E2", "RAM32X16DR8", "RAM64X8SW", "RAM512X1S", "RAM32M16", "RAM64M8")
# Word-level cells that know their line of source, memories with the registers that they take in.
SPLIT = ("proc", "opt -nodffe -nosdff", "wreduce", "memory -nomap", "opt_clean")
# Synthesis drops the delays of the library's cells.
STA = ("design -load library", "read_verilog netlist.v", "hierarchy -top {top}", "tee -q -o sta.txt sta")
PATH = "path_ps"
"""Beside the cells of a whole module: the latest arrival in it by Yosys' timing analysis."""
COMMANDS = (READ, HIERARCHY, SYNTHESIZE, *STA, *LIBRARY, *KEPT)
"""What decides the result, besides the sources: part of the cache key."""


def main(path: Path) -> None:
    """Runs the batch in `path`: {"family", "processes", "jobs": [{"folder", "top", "arguments", "kinds"}]}.

    `folder` of a job is relative to `path`; `arguments` go to `read_slang`. Writes yosys.log and, unless `family` is ""
    (reading only), netlist.v and cells.json {cell type: number; PATH: picoseconds} there; with `kinds` {kind:
    selections of cells} {kind/cell type: number}, without kind for what no kind selects. Prints "start INDEX" and "end
    INDEX STATUS".

    A job may have "result", a file that whoever started this worker makes of what the job gave. Workers that run at the
    same time share such jobs out: one that another is at comes last, and "known INDEX" says that the file is there.
    """
    batch, root = json.loads(path.read_text(encoding="utf-8")), path.parent
    told = os.fdopen(os.dup(1), "w", buffering=1, encoding="ascii")
    _log_to(root / "library.log")
    from pyosys import libyosys

    design = libyosys.Design()
    if batch["family"]:
        _read_library(libyosys, design)
    waiting = list(enumerate(batch["jobs"]))
    running: dict[int, int] = {}
    claims = _Claims()
    while waiting or running:
        free = (
            next((one for one in waiting if claims.claim(one[1])), None) if len(running) < batch["processes"] else None
        )
        if free:
            waiting.remove(free)
            index, job = free
            if claims.known(job):
                told.write(f"known {index}\n")
                continue
            sys.stdout.flush()
            if (child := os.fork()) == 0:
                _work(libyosys, design, job, root / job["folder"], batch["family"])
            running[child] = index
            told.write(f"start {index}\n")
        elif running:
            child, status = os.wait()
            if child in running:
                told.write(f"end {running.pop(child)} {os.waitstatus_to_exitcode(status)}\n")
        else:
            time.sleep(0.1)  # others are at all that is left


class _Claims:
    """Which jobs are this worker's: a lock beside the result of each, until that is there or the worker ends."""

    def __init__(self) -> None:
        self._locks: dict[Path, int] = {}

    def claim(self, job: dict[str, Any]) -> bool:
        """Whether nobody else is at `job`."""
        for result in [r for r in self._locks if r.exists()]:
            lock = self._locks.pop(result)
            fcntl.flock(lock, fcntl.LOCK_UN)  # closing it is not enough: children of ours have it too
            os.close(lock)
        if "result" not in job or self.known(job):
            return True
        lock = os.open(f"{job['result']}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._locks[Path(job["result"])] = lock
        return True

    def known(self, job: dict[str, Any]) -> bool:
        """Whether the result of `job` is there."""
        return "result" in job and Path(job["result"]).exists()


def _read_library(libyosys: Any, design: Any) -> None:
    first, second = LIBRARY
    libyosys.run_pass(first, design)
    kept = {*_names(design.modules_), *KEPT}
    libyosys.run_pass(second, design)
    unused = [f"={name}" for name in _names(design.modules_) if name not in kept]
    libyosys.run_pass("delete " + " ".join(unused), design)
    libyosys.run_pass("design -save library", design)


def _names(by_name: Any) -> list[str]:
    return sorted(name.str().removeprefix("\\") for name in by_name)


def _work(libyosys: Any, design: Any, job: dict[str, Any], folder: Path, family: str) -> None:
    """The child: never returns."""
    status = 1
    try:
        # $readmemh opens its files relative to the working directory.
        os.chdir(folder)
        _log_to(Path("yosys.log"))
        libyosys.run_pass(READ.format(top=job["top"], arguments=" ".join(job["arguments"])), design)
        if family:
            _synthesize(libyosys, design, job["top"], family, job.get("kinds", {}))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _synthesize(libyosys: Any, design: Any, top: str, family: str, kinds: dict[str, list[str]]) -> None:
    libyosys.run_pass(HIERARCHY.format(top=top), design)
    _separate(libyosys, design, top, kinds)
    for labels in ("prepare:map_memory", "map_memory:map_ffram", "map_ffram:"):
        # Half the modules have no memory; for them, reading the block RAM library would be most of the time.
        if kinds or not labels.startswith("map_memory") or _has_memory(design.module(libyosys.IdString(f"\\{top}"))):
            libyosys.run_pass(SYNTHESIZE.format(family=family, top=top, labels=labels), design)
    libyosys.run_pass("write_verilog -noattr netlist.v", design)
    libyosys.run_pass("tee -q -o stat.json stat -json", design)
    modules = json.loads(Path("stat.json").read_text(encoding="utf-8"))["modules"]
    places = {f"\\{top}": "", **{f"\\{top}_{kind}": f"{kind}/" for kind in kinds}}
    cells = {
        f"{prefix}{cell}": number
        for module, prefix in places.items()
        for cell, number in modules.get(module, {}).get("num_cells_by_type", {}).items()
        if f"\\{cell}" not in places
    }
    if not kinds:
        cells[PATH] = _latest_arrival(libyosys, design, top)
    Path("cells.json").write_text(json.dumps(cells), encoding="utf-8")


def _latest_arrival(libyosys: Any, design: Any, top: str) -> int:
    """Picoseconds from a register or input to a register or output, 0 where nothing is timed."""
    for command in STA:
        libyosys.run_pass(command.format(top=top), design)
    found = re.search(r"Latest arrival time in '.*' is (\d+):", Path("sta.txt").read_text(encoding="utf-8"))
    return int(found[1]) if found else 0


def _separate(libyosys: Any, design: Any, top: str, kinds: dict[str, list[str]]) -> None:
    """Moves the cells of every kind into a module of their own, TOP_KIND, that nothing is optimized into or out of."""
    if not kinds:
        return
    for command in SPLIT:
        libyosys.run_pass(command, design)
    for kind, selections in kinds.items():
        for selection in selections:
            libyosys.run_pass(f"select -set found {selection}", design)
            libyosys.run_pass(f'setattr -set submod "{kind}" @found', design)
    libyosys.run_pass("submod", design)
    for kind in kinds:
        libyosys.run_pass(f"setattr -mod -set keep_hierarchy 1 {top}_{kind}*", design)


def _has_memory(module: Any) -> bool:
    return any(cell.type.str().startswith("$mem") for cell in module.cells_.values()) or bool(list(module.memories))


def _log_to(path: Path) -> None:
    """Standard output and error, Python's and Yosys', to `path` from here on."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
