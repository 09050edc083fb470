"""Runs every benchmark, or those named: python -m benchmarks [NAME]…"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

import benchmarks
from flows.files import write_json

OUT = Path("out") / "benchmarks"


def main(names: list[str]) -> int:
    """Each benchmark module has run(folder) -> (JSON-like result, rich table)."""
    from rich.console import Console

    console = Console(width=140)
    available = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_")]
    for name in names or available:
        if name not in available:
            console.print(f"no benchmark {name}; there are: {', '.join(available)}")
            return 2
        result, table = importlib.import_module(f"benchmarks.{name}").run(OUT / name)
        write_json(OUT / f"{name}.json", result)
        console.print(table)
        console.print(f"written: {OUT / f'{name}.json'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
