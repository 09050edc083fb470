"""What the user sees while a sweep runs: a bar with what is done, running and failed; one line a point in a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from distributed import Client, Worker, WorkerPlugin
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from flows.console import console
from flows.sweep.work import Outcome

TOPIC = "a2qflow-running"


class Announcer(WorkerPlugin):
    """Lets the client know when a worker begins a task."""

    name = TOPIC

    def setup(self, worker: Worker) -> None:
        self.worker = worker

    def transition(self, key: Any, start: str, finish: str, **kwargs: Any) -> None:
        """Called by the worker at every change of a task's state."""
        if finish == "executing":
            self.worker.log_event(TOPIC, str(key).rpartition("-")[0])


class Display:
    """Counts tasks as they begin and end. `expect` names those that the table has a row for, of `total`."""

    def __init__(self, bar: Progress, total: int) -> None:
        self._bar = bar
        self._total = total
        self._points: set[str] = set()
        self._task = bar.add_task("", total=total, failed="")
        self._running: dict[str, None] = {}
        self._ended: set[str] = set()
        self._done = self._failed = 0

    def expect(self, names: Iterable[str]) -> None:
        """Points that the table will have a row for."""
        self._points.update(names)

    def begin(self, event: tuple[float, str]) -> None:
        """An event of `Announcer`; it can come after the end of the task."""
        if event[1] not in self._ended:
            self._running[event[1]] = None
        self._show()

    def end(self, outcome: Outcome, text: str) -> None:
        """A task ended; `text` is said of it where there is no bar, and always where it failed."""
        self._ended.add(outcome.name)
        self._running.pop(outcome.name, None)
        if outcome.name in self._points:
            self._done += 1
            self._failed += outcome.error is not None
            if outcome.error is not None or not console.is_terminal:
                console.print(f"[dim]{self._done}/{self._total}[/] {escape(f'{outcome.name}: {text}')}")
        self._show()

    def _show(self) -> None:
        failed = f"[bold red]{self._failed} failed[/]" if self._failed else ""
        running = f"running: {', '.join(self._running)}" if self._running else ""
        self._bar.update(self._task, completed=self._done, description=escape(running), failed=failed)


@contextmanager
def display(client: Client, total: int) -> Iterator[Display]:
    """The live display of a sweep of `total` points on that client."""
    columns = (
        SpinnerColumn(), BarColumn(30), MofNCompleteColumn(), TextColumn("{task.fields[failed]}"), TextColumn("left"),
        TimeRemainingColumn(), TextColumn("{task.description}"),
    )  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal, speed_estimate_period=3600
    ) as bar:
        shown = Display(bar, total)
        client.register_plugin(Announcer())
        client.subscribe_topic(TOPIC, shown.begin)  # type: ignore[no-untyped-call]
        try:
            yield shown
        finally:
            client.unsubscribe_topic(TOPIC)  # type: ignore[no-untyped-call]
