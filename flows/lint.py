"""`python -m flows.lint`: every RTL module under `verilator --lint-only -Wall` and Yosys' `read_slang`.

One line a module; exit code 1 on any warning, or where a module has no parameter grid. Waivers only in
hw_templates/rtl/lint.vlt.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from flows.emit.sv import modules_used, render_param
from flows.errors import FlowError
from flows.files import write_json, write_text
from flows.lint_grid import GRID, Case
from flows.simulate.toolchain import find_verilator, processors
from flows.synthesize.jobs import RTL, primitives
from flows.synthesize.yosys import LOG, WORKER
from flows.synthesize.yosys import version as require_yosys

LEAST_CASES = 6
SECONDS = 300.0
Grid = Mapping[str, Callable[[], Iterator[Case]]]


def main(rtl: Path = RTL, grid: Grid = GRID, show: Callable[[str], None] = print) -> int:
    """Lints every module of the folder `rtl`; returns the exit code."""
    require_yosys()
    find_verilator()
    modules = {path.stem: path.read_text(encoding="utf-8") for path in sorted(rtl.glob("*.sv"))}
    problems = {name: [text] for name, text in uncovered(modules, grid).items()}
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(processors()) as pool:
        checked = [name for name in modules if name in grid]
        began = time.monotonic()
        for name, found in zip(
            checked, pool.map(lambda n: check(n, tuple(grid[n]()), rtl, Path(scratch) / n), checked), strict=True
        ):
            problems[name] = problems.get(name, []) + found
    for name in modules:
        found = problems.get(name, [])
        what = f"{len(tuple(grid[name]()))} parameter sets" if name in grid else "no set of its own"
        show(f"{name:<20} {'FAILED' if found else 'clean'}  ({what})")
        for text in found:
            show("  " + text.replace("\n", "\n  "))
    missing = [name for name in grid if name not in modules]
    for name in missing:
        show(f"{name:<20} FAILED  (the grid names it, {rtl} does not have it)")
    failed = sum(bool(problems.get(name)) for name in modules) + len(missing)
    show(f"{len(modules)} modules, {failed} with problems, {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


def uncovered(modules: Mapping[str, str], grid: Grid) -> dict[str, str]:
    """{module: what is wrong} of modules that no parameter set reaches, or too few."""
    reached = set(modules_used(modules, *(modules[name] for name in grid if name in modules)))
    wrong = {
        name: f"has no parameter grid: add {name!r} to flows/lint_grid.py"
        for name in modules
        if name not in grid and name not in reached
    }
    for name, cases in grid.items():
        if name in modules and len(tuple(cases())) < LEAST_CASES:
            wrong[name] = f"has fewer than {LEAST_CASES} parameter sets in flows/lint_grid.py"
    return wrong


def check(module: str, cases: Sequence[Case], rtl: Path, scratch: Path) -> list[str]:
    """What the two tools say against `module`, one text per finding."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(rtl.glob("*.sv"))}
    sources = [f"{name}.sv" for name in modules_used(texts, module)]
    # Copies: read_slang's command line takes no path with a space in it, and these have none.
    for source in sources:
        write_text(scratch / source, texts[source.removesuffix(".sv")])
    folders = [scratch / f"set_{i}" for i in range(len(cases))]
    for case, folder in zip(cases, folders, strict=True):
        folder.mkdir(parents=True)
        for memory in case.memories:
            write_text(folder / memory.name, memory.text)
    found = [verilator(module, case, sources, rtl, folder) for case, folder in zip(cases, folders, strict=True)]
    return [text for text in found if text] + slang(module, cases, sources, scratch)


def verilator(module: str, case: Case, sources: Sequence[str], rtl: Path, folder: Path) -> str:
    """Output of `verilator --lint-only -Wall`, "" when clean."""
    tool = find_verilator()
    parameters = [f"-G{key}={render_param(value)}" for key, value in case.params.items()]
    waivers = [str(path.resolve()) for path in rtl.glob("lint.vlt")]
    command = [str(tool.binary), "--lint-only", "-Wall", "--top-module", module, *parameters, *waivers]
    command += [str((rtl / source).resolve()) for source in sources]
    code, output = _run(command, folder, {"VERILATOR_ROOT": str(tool.root)})
    return f"verilator, {dict(case.params)}:\n{output.strip()}" if code or "%Warning" in output else ""


def slang(module: str, cases: Sequence[Case], sources: Sequence[str], scratch: Path) -> list[str]:
    """What Yosys' `read_slang` says against each of `cases`."""
    jobs = []
    beside = primitives({PurePosixPath(source): "" for source in sources})
    for path, text in beside.items():
        write_text(scratch / path, text)
    sources = [*sources, *(str(path) for path in beside)]
    for index, case in enumerate(cases):
        parameters = [f"-G {key}={render_param(value)}" for key, value in case.params.items()]
        arguments = [*parameters, *(f"../{source}" for source in sources)]
        jobs.append({"folder": f"set_{index}", "top": module, "arguments": arguments})
    write_json(scratch / "batch.json", {"family": "", "processes": 1, "jobs": jobs})
    code, output = _run([sys.executable, "-P", str(WORKER), str(scratch / "batch.json")], scratch, {})
    failed = {int(line.split()[1]) for line in output.splitlines() if line.startswith("end") and line.split()[2] != "0"}
    found = [] if code == 0 else [f"read_slang: {output.strip()[-500:] or f'exit code {code}'}"]
    for index, case in enumerate(cases):
        log = scratch / f"set_{index}" / LOG
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        lines = [line for line in text.splitlines() if "ERROR:" in line or "warning:" in line.lower()]
        if index in failed and not lines:
            lines = text.splitlines()[-5:]
        if lines:
            found.append(f"read_slang, {dict(case.params)}:\n" + "\n".join(dict.fromkeys(lines)))
    return found


def _run(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 1, f"ran longer than {SECONDS:.0f} s"
    return done.returncode, done.stdout.decode("utf-8", errors="replace")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FlowError as error:
        sys.exit(f"error: {error}")
