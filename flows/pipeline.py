"""The street, walked once: train, front end, golden, channels, folding, FIFOs, RTL, HLS, simulation, synthesis."""

from __future__ import annotations

from pathlib import Path

from flows import stages
from flows.accumulators import analyse
from flows.channels.changes import changes
from flows.config import BuildConfig
from flows.console import announce
from flows.elaborate import elaborate
from flows.files import locked, make_output_folder
from flows.shared_steps import SharedSteps
from flows.steps import Steps, Stopped


def build(
    config: BuildConfig, stop: str | None = None, float_checkpoint: Path | None = None,
    shared: SharedSteps | None = None,
) -> None:  # fmt: skip
    """Runs `config` up to `stop` (or its `stop_step`) into its output folder; every finished step can be reused.

    `float_checkpoint`: what `a2qplus_train.pretrain` wrote for the same float configuration, in place of that training.
    `shared`: steps of other builds that need not run again.

    Raises FlowError: see `flows.errors` for what is the user's fault and what is a failed build.
    """
    make_output_folder(config.out)
    results = [config.out / "report" / name for name in stages.RESULTS]
    steps = Steps(config.out, config.start_step, stop or config.stop_step, announce, results, shared)
    with locked(config.out):
        try:
            _walk(stages.Build(config, steps, float_checkpoint))
        except Stopped:
            stages.stopped(config, steps)


def _walk(b: stages.Build) -> None:
    stages.check_tools(b)
    source = stages.train(b)
    imported = stages.frontend(b, source)
    analyse(imported.graph)  # a layer beyond its trained width is refused before anything is made of it
    values = stages.golden(b, source, imported)

    asked = stages.folding_request(b)
    minimized, values = stages.minimize(b, imported, values, asked)
    folding = stages.fold(b, minimized.graph, asked)
    built, values = stages.permute(b, minimized, values, folding)
    graph = built.graph
    widths = analyse(graph)
    implemented = {name: w.implemented(b.config.accumulator_policy) for name, w in widths.items()}
    stages.check_budget(b, graph, folding, implemented, asked)

    depths = stages.fifos(b, graph, folding, implemented, asked)
    design = elaborate(graph, folding, implemented, depths)
    finn = stages.for_finn(b, imported, graph, design, folding, asked)
    stages.emit(b, graph, design, folding, widths, implemented, source, finn)
    hls = stages.emit_hls(b, graph, design, folding, values)
    stages.package(b, design, built, values)

    checks = {
        "rtl_layers": stages.rtl_layers(b, graph, design, values),
        "rtl_stitched": stages.rtl_stitched(b, graph, design, values),
        "hls_layers": stages.hls_layers(b, graph, design, hls, values),
        "hls_top": stages.hls_top(b, graph, design, hls, values),
        "driver": stages.driver(b, graph, design, values),
    }
    vivado = stages.bitfile(b)
    resources = stages.synthesize(b, graph, folding, widths, depths)
    vitis = stages.vitis(b, hls)
    changed = changes(imported.graph, minimized.graph, graph, folding)
    stages.report(b, source, graph, design, widths, checks, resources, vitis, vivado, changed)
