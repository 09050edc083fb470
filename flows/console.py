"""What the user sees: one console, progress bars, errors as one message."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from flows.errors import FlowError

console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 160)
_stderr = Console(stderr=True, soft_wrap=True, highlight=False)

Advance = Callable[[str, int, int], None]
"""advance(what is being done, done, total)"""


def error(message: str) -> None:
    """Prints one error message on standard error."""
    _stderr.print(f"[bold red]error:[/] {escape(message)}")


def exit_code(action: Callable[[], object]) -> int:
    """Runs `action`: 0, or, after its message, the exit code of the FlowError that it raised."""
    try:
        action()
    except FlowError as problem:
        error(str(problem))
        return problem.exit_code
    return 0


@contextmanager
def progress(title: str) -> Iterator[Advance]:
    """A progress bar on a terminal, nothing elsewhere (logs stay short)."""
    columns = (
        SpinnerColumn(), TextColumn("{task.fields[title]:<13}"), BarColumn(30), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("{task.description}"),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, title=title)

        def advance(what: str, done: int, total: int) -> None:
            bar.update(task, description=escape(what), completed=done, total=total)

        yield advance


def announce(step: str, what: str) -> None:
    """One line a step: run, reused (nothing it depends on changed), shared (another build ran the same) or kept."""
    note = {
        "run": "", "reused": "[dim]reused: nothing it depends on has changed[/]", "kept": "[dim]kept as it is[/]",
        "shared": "[dim]another build ran it with the same dependencies[/]",
    }  # fmt: skip
    console.print(f"[bold]{step:<13}[/] {note[what]}")
