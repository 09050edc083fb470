"""The sweep's table and page: groups, spread and front recomputed here; every figure on the page; safe HTML."""

from __future__ import annotations

import csv
import io
import itertools
import sqlite3
import statistics
from typing import Any

import pytest
from rich.console import Console

from flows.report.sweep import FRONT, print_sweep, sweep_tables, write_page
from flows.report.sweep_plots import sweep_plots
from flows.sweep.row import ALL_COLUMNS, COLUMNS
from flows.sweep.table import Row, front, groups, spread, to_csv, to_sqlite
from tests.report.test_report import Text


def row(method: str, width: int | None, seed: int, value: float | None, bits: int = 4, **more: Any) -> Row:
    """A row as a training leaves it; made-up figures. `value` None: a point that failed."""
    found: dict[str, Any] = dict.fromkeys(ALL_COLUMNS)
    found |= {"method": method, "accumulator_bits": width, "seed": seed, "activation_bits": bits}
    if value is None:
        return found | {"error": "the <disk> is full"}
    return found | {
        "float_metric": 99.0 + seed / 8, "quant_metric": value, "metric": "accuracy", "sparsity": 1 / (width or 40),
        "seconds": 1.5, **more,
    }  # fmt: skip


ROWS = [
    *(row("a2q+", p, s, 80.0 + p + s / 4) for p in (8, 10, 12) for s in range(3)),
    *(row("a2q", p, s, 75.0 + p + s / 2) for p in (8, 10) for s in range(3)),
    row("a2q", 12, 0, None), row("a2q", 12, 1, 91.0),
    *(row("qat", None, s, 98.0 - s / 4) for s in range(3)),
]  # fmt: skip


def test_groups_are_the_points_that_differ_in_the_seed_alone() -> None:
    found = {(g.axes["method"], g.axes["accumulator_bits"]): g for g in groups(ROWS)}
    assert len(found) == 7
    values = [88.0, 88.25, 88.5]
    accuracy = found["a2q+", 8].figures["quant_metric"]
    assert accuracy.mean == statistics.fmean(values) and accuracy.deviation == statistics.stdev(values)
    half = found["a2q", 12]
    assert half.failed == 1 and half.figures["quant_metric"] == spread([91.0])
    assert half.figures["quant_metric"].deviation is None
    # At equal P, A2Q+ is better everywhere; QAT has no P to compare.
    assert [k for k, g in found.items() if g.on_front] == [("a2q+", 8), ("a2q+", 10), ("a2q+", 12)]


def test_the_front_is_what_nothing_dominates() -> None:
    grid = [None, *((float(a), float(b), float((3 * a + 5 * b) % 7)) for a, b in itertools.product(range(5), repeat=2))]
    best = front(grid)
    for i, a in enumerate(grid):
        beaten = a is not None and any(
            b is not None and b != a and all(y <= x for x, y in zip(a, b, strict=True)) for b in grid
        )
        assert (i in best) == (a is not None and not beaten)
    assert front([(1.0, 2.0), (1.0, 2.0), (2.0, 2.0)]) == {0, 1}, "equals do not dominate each other"


def test_built_points_are_compared_by_luts() -> None:
    rows = [
        row("a2q+", 8, 0, 90.0, LUT=100, FF=10, DSP=0, BRAM_18K=0, interval_cycles=64.0, verified=True),
        row("a2q+", 10, 0, 95.0, LUT=200, FF=10, DSP=0, BRAM_18K=0, interval_cycles=64.0, verified=True),
        row("qat", None, 0, 94.0, LUT=300, FF=10, DSP=0, BRAM_18K=0, interval_cycles=64.0, verified=True),
    ]
    assert [g.on_front for g in groups(rows)] == [True, True, False]
    table = sweep_tables(groups(rows), rows)[0]
    assert (
        table.rows[1][table.columns.index("LUT")] == "200" and table.rows[1][table.columns.index("verified")] == "yes"
    )
    assert "accuracy_by_lut.png" in {p.file for p in sweep_plots(groups(rows))}


def test_csv_begins_with_the_columns_of_the_contract_and_has_empty_cells_where_nothing_ran() -> None:
    read = list(csv.DictReader(io.StringIO(to_csv(ROWS))))
    assert tuple(read[0]) == ALL_COLUMNS and ALL_COLUMNS[: len(COLUMNS)] == COLUMNS and COLUMNS[-1] == "error"
    assert read[0]["quant_metric"] == "88.0" and read[0]["LUT"] == read[0]["verified"] == read[0]["error"] == ""
    assert read[-1]["accumulator_bits"] == "" and read[15]["error"] == "the <disk> is full"
    assert read[0]["activation_bits"] == "4" and read[0]["vivado_LUT"] == ""


def test_the_database_holds_the_same_table(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "results.sqlite").write_bytes(to_sqlite(ROWS))
    connection = sqlite3.connect(tmp_path / "results.sqlite")
    connection.row_factory = sqlite3.Row
    assert [dict(r) for r in connection.execute("SELECT * FROM results")] == ROWS
    best = connection.execute("SELECT max(quant_metric) FROM results WHERE method = 'a2q+'").fetchone()[0]
    connection.close()
    assert best == 92.5


def test_the_page_holds_every_figure_and_is_safe(tmp_path) -> None:  # type: ignore[no-untyped-def]
    found = groups(ROWS)
    path = write_page(found, ROWS, tmp_path, "digits")
    page = path.read_text(encoding="utf-8")
    assert "<disk>" not in page and "://" not in page
    text = Text(page)
    for table in sweep_tables(found, ROWS):
        assert table.key in text.sections
        for cell in itertools.chain(table.columns, *table.rows):
            assert not cell.strip() or cell in text.cells, cell
    images = [a for t, a in text.tags if t == "svg"]
    assert [p.name for p in sorted(tmp_path.glob("*.png"))] == ["accuracy_by_width_N4.png", "sparsity_by_width_N4.png"]
    assert len(images) == 2 and all(a["aria-label"] for a in images)


def test_activation_bits_have_a_plot_for_each_method_with_a_width(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = [row(m, p, s, 70.0 + p + n + s, bits=n) for m in ("a2q+", "a2q") for p in (8, 9) for n in (2, 4)
            for s in (0, 1)]  # fmt: skip
    files = {p.file for p in sweep_plots(groups(rows))}
    assert files == {
        *(f"{what}_by_width_N{n}.png" for what in ("accuracy", "sparsity") for n in (2, 4)),
        "activation_bits_a2qplus.png", "activation_bits_a2q.png",
    }  # fmt: skip
    table = sweep_tables(groups(rows), rows)[0]
    assert table.columns[:3] == ("method", "P", "N")


def test_the_same_rows_give_the_same_picture() -> None:
    assert sweep_plots(groups(ROWS)) == sweep_plots(groups(ROWS))


def test_the_console_shows_the_groups(capsys: pytest.CaptureFixture[str]) -> None:
    print_sweep(groups(ROWS), Console(width=160, force_terminal=False))
    printed = capsys.readouterr().out
    assert "88.25 ± 0.25 %" in printed and FRONT in printed and "1 (1 failed)" in printed


def test_a_sweep_of_failures_has_a_page_too(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = [row("a2q+", 8, s, None) for s in range(2)]
    page = write_page(groups(rows), rows, tmp_path, "digits").read_text(encoding="utf-8")
    assert "the &lt;disk&gt; is full" in page and sweep_plots(groups(rows)) == ()
