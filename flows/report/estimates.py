"""The other files of `report/`, with FINN's names and keys where FINN reports the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.design import Design


def layer_cycles(design: Design) -> dict[str, int]:
    """`estimate_layer_cycles.json`: analytic cycles per frame of every operator."""
    return {i.name: design.cycles(i) for i in design.instances if i.op}


def network_performance(design: Design, clk_period_ns: float) -> dict[str, int | float | str]:
    """`estimate_network_performance.json`.

    `critical_path_cycles` sums the layers' cycles, as FINN does: an upper estimate of the latency without overlap.
    """
    cycles, slowest = design.bound
    critical = sum(layer_cycles(design).values())
    return {
        "critical_path_cycles": critical,
        "max_cycles": cycles,
        "max_cycles_node_name": slowest,
        "estimated_throughput_fps": 1e9 / (cycles * clk_period_ns),
        "estimated_latency_ns": critical * clk_period_ns,
    }


def rtlsim_performance(measured: Mapping[str, Any], clk_period_ns: float) -> dict[str, int | float]:
    """`rtlsim_performance.json` from {"cycles", "frames", "latency_cycles", "interval_cycles"} of a stitched run.

    `throughput[images/s]` includes the filling of the pipeline, `fps_from_interval` does not.
    """
    runtime_ms = measured["cycles"] * clk_period_ns * 1e-6
    return {
        "N": measured["frames"],
        "cycles": measured["cycles"],
        "latency_cycles": measured["latency_cycles"],
        "interval_cycles": measured["interval_cycles"],
        "fclk[mhz]": 1e3 / clk_period_ns,
        "runtime[ms]": runtime_ms,
        "throughput[images/s]": measured["frames"] / (runtime_ms * 1e-3),
        "fps_from_interval": 1e9 / (measured["interval_cycles"] * clk_period_ns),
    }
