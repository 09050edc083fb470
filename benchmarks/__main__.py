"""Runs every benchmark, or those named: python -m benchmarks [--reduced] [NAME]…

`--reduced`: those that know a short form of themselves run in it; its figures only show that everything works.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import benchmarks
from flows.errors import FlowError
from flows.files import write_json

OUT = Path("out") / "benchmarks"


def main(names: list[str]) -> int:
    """Each benchmark module has run(folder) -> (JSON-like result, what rich prints), some with reduced=False.

    Returns 1 where one lacks its peer or failed, after the others have run.
    """
    from rich.console import Console

    console = Console(width=140)
    available = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_")]
    reduced = "--reduced" in names
    names = [name for name in names if name != "--reduced"]
    status = 0
    for name in names or available:
        if name not in available:
            console.print(f"no benchmark {name}; there are: {', '.join(available)}")
            return 2
        run = importlib.import_module(f"benchmarks.{name}").run
        if reduced and "reduced" not in inspect.signature(run).parameters:
            console.print(f"benchmark {name} has no reduced form; leave --reduced out")
            return 2
        label = f"{name}_reduced" if reduced else name
        try:
            result, table = run(OUT / label, reduced=True) if reduced else run(OUT / label)
        except FlowError as error:
            console.print(f"{name}: {error}", style="red")
            status = 1
            continue
        write_json(OUT / f"{label}.json", result)
        console.print(table)
        console.print(f"written: {OUT / f'{label}.json'}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
