"""Sweeps: a grid or a search of trainings and builds on Dask, a table of what came out, a page that compares it.

`OUT/points/NAME` is the output folder of a point. What points share is in `OUT/float` (float networks),
`OUT/trainings` (training, front end, golden model) and `OUT/shared` (simulation and synthesis of equal hardware).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flows.console import console
from flows.errors import ConfigError, FlowError
from flows.files import locked, make_output_folder, write_text
from flows.report.sweep import print_sweep, write_page
from flows.report.tables import metric
from flows.sweep import work
from flows.sweep.plan import Point, Request, integers, points, words
from flows.sweep.table import Row, groups, row, to_csv, to_sqlite
from flows.sweep.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flows.sweep.search import Search

TABLE, DATABASE, PAGE = "results.csv", "results.sqlite", "index.html"
TRIALS = 40
Batch = Callable[[Sequence[Point]], None]


class SweepFailed(FlowError):
    """Some points failed; the message lists them with their reasons. The table and the page are written."""


def run_command(options: argparse.Namespace) -> int:
    """`build.py sweep`. Raises ConfigError where an option is wrong, SweepFailed where points failed."""

    def listed(name: str, values: str | None) -> tuple[str, ...]:
        return words(values, name) if values is not None else ()

    def numbers(name: str, values: str | None) -> tuple[int, ...]:
        return integers(values, name) if values is not None else ()

    def count(name: str, value: str | None) -> int | None:
        return None if value is None else max(integers(value, name))

    request = Request(
        options.config, options.output_dir, tuple(options.overrides),
        accumulator_bits=numbers("--accumulator-bits", options.accumulator_bits),
        methods=listed("--methods", options.methods),
        seeds=max(integers(options.seeds, "--seeds")),
        activation_bits=numbers("--activation-bits", options.activation_bits),
        weight_bits=numbers("--weight-bits", options.weight_bits),
        policies=listed("--policies", options.policies), boards=listed("--boards", options.boards),
        target_fps=numbers("--target-fps", options.target_fps),
        skip_zeros=listed("--skip-zeros", options.skip_zeros), stop_step=options.stop_step,
    )  # fmt: skip
    workers = Workers(options.scheduler, count("--workers", options.workers), tuple(options.job))
    trials = count("--trials", options.trials)
    if options.optimize is None and trials is not None:
        raise ConfigError("--trials: how many points --optimize tries; a grid has as many as its axes make")
    if options.optimize is None:
        sweep(request, workers)
    else:
        optimize(request, options.optimize, trials or TRIALS, workers)
    return 0


def sweep(request: Request, workers: Workers | None = None) -> list[Row]:
    """Runs every point of `request` that is not done yet and writes results.csv and index.html; returns the table.

    `workers`: which to run on; None starts one a core of our own. Raises ConfigError before any work where the request
    is wrong, SweepFailed at the end where points failed.
    """
    workers = workers or Workers()
    workers.check()
    grid = points(request)
    run = _Run(grid[0].folder.parents[1].resolve(), request.stop_step)
    with run.writing():
        with run.connected(workers, grid, len(grid)) as batch:
            batch(grid)
        run.report(request)
    run.complain()
    return run.rows


def optimize(request: Request, text: str, trials: int = TRIALS, workers: Workers | None = None) -> list[Row]:
    """Looks for what `text` asks ("min LUT where accuracy >= 0.99*float") among the values that `request` names.

    Every constrained layer has a P of its own. The first points have one P for all layers; `trials`: how many points at
    most. A point that breaks a condition once it is trained is not built. Writes and returns the same table as `sweep`.
    Raises ConfigError, ToolMissing before any work, SweepFailed at the end where points failed.
    """
    from flows.sweep.search import BATCH, Search, objective, space

    workers = workers or Workers()
    workers.check()
    chosen = space(request)
    search = Search(chosen, objective(text, chosen.base))
    run = _Run(chosen.base.out.resolve(), None, search)
    total = min(trials, chosen.size)
    with run.writing():
        first = search.propose(min(BATCH, total))
        with run.connected(workers, first, total) as batch:
            proposed = first
            while proposed:
                batch(proposed)
                proposed = search.propose(min(BATCH, total - len(run.rows)))
        run.report(request)
        run.praise()
    run.complain()
    return run.rows


class _Run:
    """The points that a sweep has run so far, in the order of its table. `search`: what chooses them and learns."""

    def __init__(self, out: Path, stop: str | None, search: Search | None = None) -> None:
        self.out, self.stop, self.search = out, stop, search
        self.points: list[Point] = []
        self.rows: list[Row] = []
        self.reused = 0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the folder; the results of an earlier run, which would look like the result of this one, are gone."""
        make_output_folder(self.out)
        with locked(self.out):
            for name in (TABLE, DATABASE, PAGE):
                (self.out / name).unlink(missing_ok=True)
            yield

    @contextmanager
    def connected(self, workers: Workers, first: Sequence[Point], total: int) -> Iterator[Batch]:
        """Gives what runs points on the workers and appends their rows. Of `first` the workers' tags are checked."""
        from flows.sweep.cluster import connect, require  # after the request is known to be right: Dask takes a second
        from flows.sweep.engine import Engine, needs
        from flows.sweep.progress import display

        wanted = self.search.objective if self.search else None
        with connect(workers, self.out) as client, display(client, total) as shown:
            require(client, needs(first[0].config, self.stop) | needs(first[0].config, "train"))
            engine = Engine(client, self.out, self.stop)

            def batch(points: Sequence[Point]) -> None:
                named, ended = {point.name: point for point in points}, dict[str, Row]()
                shown.expect(named)

                def done(outcome: work.Outcome) -> None:
                    text = outcome.error or ""
                    if outcome.name in named:
                        ended[outcome.name] = _row(named[outcome.name], outcome, self.stop)
                        self.reused += outcome.reused
                        text = _line(ended[outcome.name], outcome.reused)
                    shown.end(outcome, text)

                engine.run(points, done, wanted)
                self.points += points
                self.rows += [ended[point.name] for point in points]
                if self.search:
                    for point in points:
                        self.search.learn(point.name, ended[point.name])

            yield batch

    def report(self, request: Request) -> None:
        """Writes the table, as CSV and SQLite, and the page; prints the groups."""
        write_text(self.out / TABLE, to_csv(self.rows))
        write_text(self.out / DATABASE, to_sqlite(self.rows))
        found = groups(self.rows)
        page = write_page(found, self.rows, self.out, request.config.stem)
        print_sweep(found, console)
        console.print(f"{len(self.rows)} points, {self.reused} of them reused; table: {self.out / TABLE}; page: {page}")

    def praise(self) -> None:
        """Prints what a search found, and the best of the points with one P for all layers."""
        from flows.sweep.search import best

        assert self.search is not None
        wanted = self.search.objective
        pruned = sum(r["pruned"] is not None for r in self.rows)
        console.print(f"{wanted.text}: {len(self.rows)} of {self.search.space.size} points tried, {pruned} not built")
        for title, rows in (
            ("best", self.rows), ("best with one P for all layers", [r for r in self.rows if not r["layer_bits"]])
        ):  # fmt: skip
            for r in best(rows, wanted):
                name = Path(r["folder"]).name
                figures = ", ".join(f"{goal.column} {r[goal.column]:,}" for goal in wanted.goals)
                console.print(f"{title}: {name}: {figures}; {metric(r['quant_metric'], r['metric'])}")
        if not best(self.rows, wanted):
            console.print("no point meets every condition; the page shows the front")

    def complain(self) -> None:
        """Raises SweepFailed where points failed."""
        found = zip(self.points, self.rows, strict=True)
        failed = [(point, r["error"]) for point, r in found if r["error"] is not None]
        if failed:
            lines = "\n".join(f"  {point.name}: {reason}" for point, reason in failed)
            raise SweepFailed(f"{len(failed)} of {len(self.rows)} points failed; the others are in the table\n{lines}")


def _row(point: Point, outcome: work.Outcome, stop: str | None) -> Row:
    result = {"error": outcome.error} if outcome.error is not None else work.result(point.folder)
    return row(point, result, stop)


def _line(found: Row, reused: bool) -> str:
    if found["error"] is not None:
        return f"failed: {found['error']}"
    built = f", {found['LUT']:,} LUT" if found["LUT"] is not None else ""
    if found["pruned"] is not None:
        built = ", not built"
    how = "reused" if reused else f"{found['seconds']:.1f} s"
    measured = "" if found["quant_metric"] is None else metric(found["quant_metric"], found["metric"])
    return f"{measured}{built} ({how})".removeprefix(", ")
