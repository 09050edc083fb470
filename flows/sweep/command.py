"""Sweeps: a grid of trainings and builds on Dask, a table of what came out, a page that compares it.

`OUT/points/NAME` is the output folder of a point, `OUT/trainings` and `OUT/float` hold what points share.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from flows.console import console
from flows.errors import FlowError
from flows.files import locked, make_output_folder, write_text
from flows.report.sweep import print_sweep, write_page
from flows.report.tables import metric
from flows.sweep import work
from flows.sweep.plan import Point, Request, integers, points, words
from flows.sweep.table import Row, groups, row, to_csv, to_sqlite

TABLE, DATABASE, PAGE = "results.csv", "results.sqlite", "index.html"


class SweepFailed(FlowError):
    """Some points failed; the message lists them with their reasons. The table and the page are written."""


def run_command(options: argparse.Namespace) -> int:
    """`build.py sweep`. Raises ConfigError where an option is wrong, SweepFailed where points failed."""

    def listed(name: str, values: str | None) -> tuple[str, ...]:
        return words(values, name) if values is not None else ()

    def numbers(name: str, values: str | None) -> tuple[int, ...]:
        return integers(values, name) if values is not None else ()

    request = Request(
        options.config, options.output_dir, tuple(options.overrides),
        accumulator_bits=numbers("--accumulator-bits", options.accumulator_bits),
        methods=listed("--methods", options.methods) or Request.methods,
        seeds=max(integers(options.seeds, "--seeds")),
        activation_bits=numbers("--activation-bits", options.activation_bits),
        policies=listed("--policies", options.policies), boards=listed("--boards", options.boards),
        target_fps=numbers("--target-fps", options.target_fps), stop_step=options.stop_step,
    )  # fmt: skip
    sweep(request, options.scheduler)
    return 0


def sweep(request: Request, scheduler: str | None = None) -> list[Row]:
    """Runs every point of `request` that is not done yet and writes results.csv and index.html; returns the table.

    `scheduler`: address of a Dask scheduler whose workers share this file system; None starts workers of our own.
    Raises ConfigError before any work where the request is wrong, SweepFailed at the end where points failed.
    """
    grid = points(request)
    out = grid[0].folder.parents[1].resolve()
    make_output_folder(out)
    with locked(out):
        for name in (TABLE, DATABASE, PAGE):  # those of an earlier run would look like the result of this one
            (out / name).unlink(missing_ok=True)
        rows, reused = _run(grid, out, request.stop_step, scheduler)
        _report(rows, request, out, reused)
    _complain(grid, rows)
    return rows


def _run(grid: Sequence[Point], out: Path, stop: str | None, scheduler: str | None) -> tuple[list[Row], int]:
    """The rows of all points, and how many were there before."""
    from flows.sweep.cluster import connect  # after the request is known to be right: Dask takes a second
    from flows.sweep.engine import Engine
    from flows.sweep.progress import display

    named = {point.name: point for point in grid}
    ended: dict[str, Row] = {}
    reused = 0
    with connect(scheduler, out) as client, display(client, frozenset(named)) as shown:

        def done(outcome: work.Outcome) -> None:
            nonlocal reused
            text = outcome.error or ""
            if outcome.name in named:
                ended[outcome.name] = _row(named[outcome.name], outcome, stop)
                reused += outcome.reused
                text = _line(ended[outcome.name], outcome.reused)
            shown.end(outcome, text)

        Engine(client, out, stop).run(grid, done)
    return [ended[point.name] for point in grid], reused


def _row(point: Point, outcome: work.Outcome, stop: str | None) -> Row:
    result = {"error": outcome.error} if outcome.error is not None else work.result(point.folder)
    return row(point, result, stop)


def _line(found: Row, reused: bool) -> str:
    if found["error"] is not None:
        return f"failed: {found['error']}"
    built = f", {found['LUT']:,} LUT" if found["LUT"] is not None else ""
    how = "reused" if reused else f"{found['seconds']:.1f} s"
    return f"{metric(found['quant_metric'], found['metric'])}{built} ({how})"


def _report(rows: Sequence[Row], request: Request, out: Path, reused: int) -> None:
    write_text(out / TABLE, to_csv(rows))
    write_text(out / DATABASE, to_sqlite(rows))
    found = groups(rows)
    page = write_page(found, rows, out, request.config.stem)
    print_sweep(found, console)
    console.print(f"{len(rows)} points, {reused} of them reused; table: {out / TABLE}; page: {page}")


def _complain(grid: Sequence[Point], rows: Sequence[Row]) -> None:
    failed = [(point, found["error"]) for point, found in zip(grid, rows, strict=True) if found["error"] is not None]
    if failed:
        lines = "\n".join(f"  {point.name}: {reason}" for point, reason in failed)
        raise SweepFailed(f"{len(failed)} of {len(rows)} points failed; the others are in the table\n{lines}")
