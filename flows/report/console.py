"""The summary on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from flows.report.summary import Summary
from flows.report.tables import Table, tables

SHOWN = ("training", "accumulators", "channels", "verification", "performance", "comparison")


def print_summary(summary: Summary, console: Console) -> None:
    """Prints the tables one looks for first; the page has all of them."""
    for table in tables(summary):
        if table.key not in SHOWN and not table.key.startswith("resources_"):
            continue
        print_table(table, console)


def print_table(table: Table, console: Console) -> None:
    """Prints one table."""
    shown = RichTable(title=Text(table.title, style="bold"), box=box.SIMPLE_HEAD, title_justify="left")
    for index, column in enumerate(table.columns):
        shown.add_column(Text(column), justify="left" if index < table.text_columns else "right")
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    console.print(shown)
