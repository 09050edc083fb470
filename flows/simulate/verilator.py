"""Builds a Verilated model of SystemVerilog sources and runs jobs on it.

    model = build(files, "bench", folder)          # cached by content: the second build takes no time
    run = model.run(Job(sources=(…), sinks=(…)), folder / "run")
    run.sinks[0].beats                             # uint8 (beats, bytes per beat), as in flows.beats

The top has exactly the ports `clk` and `rst_n` (active low) and ends its streams in `axis_source`, `axis_sink` and
`axis_monitor` of `hw_templates/sim` (`flows.simulate.bench.bench` writes such a top). Source and sink IDs are positions
in `Job.sources` and `Job.sinks`; monitor and FIFO IDs are free.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from flows.design import Files
from flows.errors import ToolFailed, VerificationFailed
from flows.simulate.job import Job, Monitor, Port, Run, Sink, Source, Throttle, read_result, render
from flows.simulate.toolchain import Command, cached, find_compiler, find_verilator, processors, run_all

__all__ = ["Job", "Model", "Monitor", "Port", "Run", "Sink", "Source", "Throttle", "build"]

HARNESS = Path(__file__).parents[2] / "hw_templates" / "sim"
SOURCES = (".sv", ".svh", ".v", ".vh", ".vlt")
"""Files with other names (`.hex`, `.mem`) are memories: read when the model runs, so a change recompiles nothing."""
_RUNTIME = ("verilated.cpp", "verilated_dpi.cpp", "verilated_threads.cpp", "verilated_vcd_c.cpp")
_HEADER = "model_pch.h"
_PARALLEL_BYTES = 100_000
"""Generated C++ beyond this is worth a second compiler process."""
_UNIT_BYTES = 1_000_000


@dataclass(frozen=True)
class Model:
    """A compiled model. `memories` are written into every run's folder, where `$readmemh` finds them."""

    executable: Path
    memories: Files = field(repr=False)
    traced: bool = False

    def run(
        self, job: Job, folder: Path, *, timeout_s: float = 3600, idle_s: float = 120, raise_faults: bool = True
    ) -> Run:
        """Runs `job` in `folder` (created). The log is `folder/sim.log`.

        Raises VerificationFailed on a protocol fault (unless `raise_faults` is false: see Run.faults), ToolFailed
        when the process fails, runs longer than `timeout_s` or gives no heartbeat for `idle_s`. A deadlock is no
        error here: see Run.deadlock.
        """
        if job.trace and not self.traced:
            raise ValueError("the model was built without trace")
        _empty(folder)
        for name, content in self.memories.items():
            _write(folder / name, content)
        _write(folder / "job.txt", render(job))
        for i, source in enumerate(job.sources):
            source.beats.tofile(folder / f"source_{i}.bin")
        command = Command((str(self.executable.resolve()), "job.txt"), folder, folder / "sim.log")
        run_all([command], timeout_s=timeout_s, idle_s=idle_s)
        try:
            run = read_result(job, folder)
        except (OSError, ValueError) as error:
            raise ToolFailed(f"the simulation left no result ({error}); log: {command.log}") from None
        if run.faults and raise_faults:
            raise VerificationFailed("; ".join(run.faults))
        return run


def build(
    sources: Files, top: str, folder: Path, *, trace: bool = False, optimize: str = "-O1", timeout_s: float = 1800,
    main: Path = HARNESS / "harness.cpp",
) -> Model:  # fmt: skip
    """Verilates and compiles module `top` of `sources` (path to text; memories among them) into `folder`.

    The harness' own modules are added. The executable comes from the cache where the same sources were built before.
    `optimize`: g++'s level; `main`: the C++ around the model (the default runs jobs). Raises ToolFailed, naming the log
    and its first errors (a warning is an error; so is an elaboration `$fatal`), and ToolMissing.
    """
    texts = {name: content for name, content in sources.items() if name.suffix in SOURCES}
    texts |= {PurePosixPath(p.name): p.read_bytes() for p in sorted(HARNESS.glob("*.sv"))}
    memories = {name: content for name, content in sources.items() if name.suffix not in SOURCES}
    flags, compiler_flags = _verilator_flags(top, trace), _compiler_flags(optimize, trace)
    content = [part for name in sorted(texts) for part in (str(name), texts[name])]
    # Verilator also looks for modules, and the model for memories, in the folder: nothing of another run may be there.
    _empty(folder)
    for name in texts:
        _write(folder / name, texts[name])

    def make(entry: Path) -> None:
        obj = folder / "obj"
        shutil.rmtree(obj, ignore_errors=True)
        _verilate(texts, flags, folder, timeout_s)
        _compile(obj, compiler_flags, timeout_s, main)
        shutil.copy2(obj / "sim", entry / "sim")
        shutil.rmtree(obj)

    executable = folder / "sim"
    executable.unlink(missing_ok=True)
    with cached("models", _digest(*_tools(), main.read_bytes(), *flags, *compiler_flags, *content), make) as entry:
        try:
            os.link(entry / "sim", executable)
        except OSError:
            shutil.copy2(entry / "sim", executable)
    return Model(executable, memories, trace)


def build_with(texts: Files, top: str, folder: Path, main: Path, timeout_s: float = 1800) -> Path:
    """The model of `texts` as `build` makes it, but with the C++ of `main` in place of the harness; for benchmarks."""
    _empty(folder)
    for name in texts:
        _write(folder / name, texts[name])
    _verilate(texts, _verilator_flags(top, False), folder, timeout_s)
    flags, obj = _compiler_flags("-O1", False), folder / "obj"
    _write(obj / "unit.cpp", "".join(f'#include "{p.name}"\n' for p in sorted(obj.glob("Vmodel*.cpp"))))
    compiler, _ = find_compiler()
    runtime_key = _digest(*_tools(), *_compiler_flags("-O2", True))
    with cached("verilated", runtime_key, lambda e: _objects(e, _runtime())) as runtime:
        objects = [str(p) for p in sorted(runtime.glob("*.o"))]
        argv = (compiler, *flags, "-I.", "unit.cpp", str(main.resolve()), *objects, "-pthread", "-o", "loop")
        run_all([Command(argv, obj, folder / "compile.log")], timeout_s=timeout_s)
    return obj / "loop"


def _verilator_flags(top: str, trace: bool) -> list[str]:
    return [
        "--cc", "--prefix", "Vmodel", "--top-module", top, "--Mdir", "obj", "--no-timing", "--assert",
        "--x-initial", "unique", "--x-assign", "unique", "--output-split", "30000", "--output-split-cfuncs", "2000",
        *(["--trace-vcd"] if trace else []),
    ]  # fmt: skip


def _compiler_flags(optimize: str, trace: bool) -> list[str]:
    root = find_verilator().root / "include"
    options = {"VERILATOR": 1, "VM_COVERAGE": 0, "VM_SC": 0, "VM_TIMING": 0, "VM_TRACE": int(trace)}
    options |= {"VM_TRACE_FST": 0, "VM_TRACE_VCD": int(trace), "VM_TRACE_SAIF": 0, "VL_TIME_CONTEXT": 1}
    return [
        "-std=gnu++17", optimize, "-w", *(f"-D{k}={v}" for k, v in options.items()),
        f"-I{root}", f"-I{root / 'vltstd'}", f"-I{HARNESS}",
    ]  # fmt: skip


def _verilate(texts: Files, flags: Sequence[str], folder: Path, timeout_s: float) -> None:
    tool = find_verilator()
    waivers = sorted(str(n) for n in texts if n.suffix == ".vlt")
    modules = sorted(str(n) for n in texts if n.suffix in (".sv", ".v"))
    _write(folder / "files.f", "".join(f"{name}\n" for name in (*waivers, *modules)))
    command = Command(
        (str(tool.binary), *flags, "-f", "files.f"), folder, folder / "verilator.log",
        {"VERILATOR_ROOT": str(tool.root)},
    )  # fmt: skip
    run_all([command], timeout_s=timeout_s)


def _compile(obj: Path, flags: Sequence[str], timeout_s: float, main: Path) -> None:
    """Compiles the generated C++ in `obj`, many files to a unit, and links `obj/sim`."""
    compiler, _ = find_compiler()
    units = []
    for i, names in enumerate(_units(obj)):
        units.append(obj / f"unit{i}.cpp")
        _write(units[i], "".join(f'#include "{name}"\n' for name in names))
    with ExitStack() as stack:
        runtime = stack.enter_context(
            cached("verilated", _digest(*_tools(), *_compiler_flags("-O2", True)), lambda e: _objects(e, _runtime()))
        )
        harness = stack.enter_context(
            cached(
                "harness", _digest(*_tools(), main.read_bytes(), *_compiler_flags("-O2", True)),
                lambda e: _objects(e, [main]),
            )
        )  # fmt: skip
        header = stack.enter_context(
            cached("header", _digest(*_tools(), *flags), lambda entry: _make_header(entry, flags))
        )
        include = ("-I.", "-include", str(header / _HEADER))
        run_all(
            [
                Command((compiler, *flags, *include, "-c", u.name, "-o", f"{u.stem}.o"), obj, obj / f"{u.stem}.log")
                for u in units
            ],
            timeout_s=timeout_s,
        )
        objects = [f"{u.stem}.o" for u in units] + [
            str(p) for folder in (harness, runtime) for p in sorted(folder.glob("*.o"))
        ]
        run_all([Command((compiler, *objects, "-pthread", "-o", "sim"), obj, obj / "link.log")], timeout_s=timeout_s)


def _units(obj: Path) -> list[list[str]]:
    """Groups of the generated files: few, for each parses the headers again, but small enough for every processor."""
    sizes = {p.name: p.stat().st_size for p in obj.glob("Vmodel*.cpp")}
    total = sum(sizes.values())
    count = max(1 + total // _UNIT_BYTES, min(processors(), 1 + total // _PARALLEL_BYTES))
    groups: list[list[str]] = [[] for _ in range(count)]
    filled = [0] * count
    for name in sorted(sizes, key=lambda n: (-sizes[n], n)):
        smallest = filled.index(min(filled))
        groups[smallest].append(name)
        filled[smallest] += sizes[name]
    groups[filled.index(min(filled))].append("model.cpp")
    return [sorted(group) for group in groups if group]


def _runtime() -> list[Path]:
    """Sources of Verilator's runtime, the same for every model."""
    return [find_verilator().root / "include" / name for name in _RUNTIME]


def _objects(entry: Path, sources: Sequence[Path]) -> None:
    """Compiles `sources`, which do not depend on the model, into `entry`."""
    compiler, _ = find_compiler()
    flags = _compiler_flags("-O2", True)
    run_all(
        [
            Command((compiler, *flags, "-c", str(p), "-o", f"{p.stem}.o"), entry, entry / f"{p.stem}.log")
            for p in sources
        ],
        timeout_s=600,
    )


def _make_header(entry: Path, flags: Sequence[str]) -> None:
    """Verilator's headers, precompiled for `flags`; g++ finds the .gch beside the header it stands for."""
    compiler, _ = find_compiler()
    trace = "#include <verilated_vcd_c.h>\n" if "-DVM_TRACE=1" in flags else ""
    _write(entry / _HEADER, f"#include <verilated.h>\n#include <verilated_dpi.h>\n{trace}#include <memory>\n")
    argv = (compiler, *flags, "-x", "c++-header", _HEADER, "-o", f"{_HEADER}.gch")
    run_all([Command(argv, entry, entry / "header.log")], timeout_s=600)


def _tools() -> list[str | bytes]:
    """What, besides sources and flags, decides the result: the tools' versions and the harness."""
    harness = [p.read_bytes() for p in sorted(HARNESS.iterdir()) if p.suffix in (".cpp", ".hpp")]
    return [find_verilator().version, *find_compiler(), *harness]


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:40]


def _empty(folder: Path) -> None:
    """Makes `folder` an empty folder."""
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
