"""Runs the code of a notebook from its first cell to its last, in a process of its own, without Jupyter.

python -m docs.notebook docs/accumulator_study.ipynb ["SEEDS = 5"]…: what follows replaces values of the cell that is
tagged `parameters`, as papermill does.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.console import error, exit_code
from flows.errors import ConfigError, ToolFailed
from flows.files import read_json

ROOT = Path(__file__).parents[1]


def cells(notebook: Path) -> list[dict[str, Any]]:
    """The cells of a notebook (nbformat 4). Raises ConfigError where the file is none."""
    content = read_json(notebook)
    if not isinstance(content, dict) or content.get("nbformat") != 4:
        raise ConfigError(f"{notebook} is no notebook of format 4")
    return list(content["cells"])


def code(notebook: Path, settings: Sequence[str] = ()) -> str:
    """Its code cells as one program. `settings`: assignments of literals, such as "SEEDS = 5".

    Raises ConfigError where a setting is none, or its name no parameter of the notebook.
    """
    parts = []
    for cell in cells(notebook):
        if cell["cell_type"] == "code":
            parts.append("".join(cell["source"]))
            if "parameters" in cell["metadata"].get("tags", []):
                parts += [_checked(setting, parts[-1]) for setting in settings]
    return "\n\n".join(parts) + "\n"


def _checked(setting: str, parameters: str) -> str:
    known = [name for name, _ in map(_assignment, ast.parse(parameters).body)]
    try:
        (statement,) = ast.parse(setting).body
        name, literal = _assignment(statement)
        ast.literal_eval(literal)
    except (SyntaxError, ValueError):
        raise ConfigError(f"{setting!r} is no setting; write NAME = VALUE, such as 'SEEDS = 5'") from None
    if name not in known:
        raise ConfigError(f"the notebook has no parameter {name!r}, but {', '.join(known)}")
    return setting


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr]:
    if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
        raise ValueError("no assignment to a name")
    return statement.targets[0].id, statement.value


def run(notebook: Path, settings: Sequence[str] = (), folder: Path = ROOT) -> None:
    """Runs it with this Python in `folder`. Raises ConfigError as `code` does, ToolFailed where a cell fails."""
    # No file: processes that it spawns would import one again, and begin the study anew.
    done = subprocess.run([sys.executable, "-c", code(notebook, settings)], cwd=folder, check=False)
    if done.returncode:
        raise ToolFailed(f"{notebook} ended with {done.returncode}; its last lines say why")


def main(arguments: Sequence[str]) -> int:
    """The command line above; returns the exit code."""
    if not arguments:
        error("name the notebook, such as docs/accumulator_study.ipynb")
        return 2
    return exit_code(lambda: run(Path(arguments[0]), arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
