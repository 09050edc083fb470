"""docs/tutorial.md: its commands are ones that exist, and those that need no board run as it says."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import build
from flows.config import load

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh (run|board)\n(.*?)^```$", TEXT, re.M | re.S)


def commands(text: str) -> list[list[str]]:
    """Every `python build.py …` of a block, as words."""
    joined = text.replace("\\\n", " ")
    found = re.findall(r"python build\.py ([^'\n]*)", joined)
    return [shlex.split(line) for line in found]


def test_every_block_says_whether_it_needs_a_board() -> None:
    assert TEXT.count("\n```") == 2 * len(BLOCKS)
    assert {kind for kind, _ in BLOCKS} == {"run", "board"}


@pytest.mark.parametrize("words", [words for _, text in BLOCKS for words in commands(text)], ids=" ".join)
def test_every_command_line_is_one(words: list[str]) -> None:
    options = build.parser().parse_args(words)
    if options.command == "run":
        assert load(ROOT / options.config, options.overrides).board != "none"


def test_every_file_that_it_names_exists() -> None:
    for name in re.findall(r"`((?:tests|flows|configs|docs)/[\w./-]+)`", TEXT):
        assert (ROOT / name).exists(), name


SAID_BY_OTHERS = (
    "python3: command not found",
    "No space left on device",
    "ERROR: [Common 17-345]",
    "ended with status",
)
"""Of the messages in the tutorial's tables: the shell's, the system's, Vivado's, and one put together from a name."""


def test_every_message_in_its_tables_is_said_somewhere() -> None:
    """In the first column, `…` stands for what differs from case to case; the text between is in some string."""
    files = [p for folder in ("flows", "hw_templates/pynq") for p in sorted((ROOT / folder).rglob("*.py"))]
    strings = [
        node.value
        for path in (*files, ROOT / "build.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    strings += [p.read_text(encoding="utf-8") for p in sorted((ROOT / "hw_templates" / "vivado").iterdir())]
    rows = re.findall(r"^\| (`.*?) \| (.+) \|$", TEXT, re.M)
    assert len(rows) > 15 and all(what for _, what in rows)
    for message in (m for said, _ in rows for m in re.findall("`([^`]+)`", said)):
        for part in filter(None, (part.strip() for part in message.removeprefix("error: ").split("…"))):
            known = any(part.strip(":, ") in text for text in strings)
            assert known or any(other in part for other in SAID_BY_OTHERS), (message, part)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_blocks_without_a_board_run(tmp_path: Path) -> None:
    """In a copy of the project, with this Python in place of the virtual environment that `make` would install.

    A2QFLOW_TUTORIAL_OUT: an output folder of the demo to begin with, whose finished steps are reused.
    """
    left_out = shutil.ignore_patterns("out", ".venv*", ".git", ".*cache", "__pycache__", ".hypothesis")
    shutil.copytree(ROOT, tmp_path, ignore=left_out, dirs_exist_ok=True)
    if "A2QFLOW_TUTORIAL_OUT" in os.environ:
        shutil.copytree(os.environ["A2QFLOW_TUTORIAL_OUT"], tmp_path / "out" / "digits_cnn")
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "A2QFLOW_IMAGE": "1"}
    said = ""
    for kind, text in BLOCKS:
        if kind == "run":
            argv = ["bash", "-euo", "pipefail", "-c", text]
            done = subprocess.run(
                argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=3000
            )
            assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            said += done.stdout
    for expected in (
        "report: out/digits_cnn/report/index.html",
        "340 frames, 0 mismatches",
        "cycles_per_image",
        "run: train, ",
    ):
        assert expected in said
