"""docs/tutorial.md: its commands are ones that exist, and those that need no board run as it says."""

from __future__ import annotations

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


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_blocks_without_a_board_run(tmp_path: Path) -> None:
    """In a copy of the project, with this Python in place of the virtual environment that `make` would install.

    A2QFLOW_TUTORIAL_OUT: an output folder of the demo to begin with, whose finished steps are reused.
    """
    left_out = shutil.ignore_patterns("out", ".venv", ".git", ".*cache", "__pycache__", ".hypothesis")
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
