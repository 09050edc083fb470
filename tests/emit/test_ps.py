"""The accelerator for a processing system: how words are cut, what its identity depends on, and its lint."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from flows.boards import BOARDS, board_of
from flows.design import Design
from flows.elaborate import elaborate
from flows.emit import ps
from flows.errors import ConfigError, UnsupportedModel
from flows.files import write_tree
from flows.folding import Request, choose
from flows.simulate.bench import RTL
from flows.simulate.toolchain import find_verilator
from tests.networks import Chain


def design(seed: int = 1, bits: int = 4, width: int = 12) -> Design:
    graph = Chain((1, 1, width), bits=bits, seed=seed).mvau(8).thresholds(3).mvau(5).graph("net")
    widths = {"MVAU_0": (20,) * 8, "MVAU_1": (17,) * 5}
    return elaborate(graph, choose(graph, Request({}, 40)), widths)


@pytest.mark.parametrize("word", [32, 64, 128])
def test_a_beat_divides_a_word_or_is_a_multiple(word: int) -> None:
    for bits in range(1, 600):
        padded = ps.beat_bits(bits, word)
        assert padded >= bits and padded % 8 == 0 and (word % padded == 0 or padded % word == 0)
        assert padded == 8 or bits > padded // 2 or padded - bits < word, "no more padding than needed"
        for beats in (1, 2, 3, 17):
            whole = 8 * ps.frame_bytes(bits, beats, word)
            assert whole % word == 0 and padded * beats <= whole < padded * beats + word


def test_the_identity_is_that_of_the_design_and_the_board() -> None:
    boards = [*BOARDS.values(), dataclasses.replace(BOARDS["pynq-z2"], dma_bits=64)]
    found = [ps.identity(design(), board) for board in boards]
    assert found == [ps.identity(design(), board) for board in boards]
    found.append(ps.identity(design(seed=2), BOARDS["pynq-z2"]))
    assert len(set(found)) == len(found) and all(len(x) == 32 and int(x, 16) for x in found)
    top = str(ps.emit(design(), BOARDS["zcu104"])[PurePosixPath("accelerator_ps.v")])
    assert f".IDENTITY(128'h{ps.identity(design(), BOARDS['zcu104'])})" in top


@pytest.mark.parametrize("board", ["pynq-z2", "ultra96-v2", "kv260"])
@pytest.mark.parametrize(("bits", "width"), [(4, 12), (7, 1), (8, 20)])
def test_the_generated_top_is_clean(board: str, bits: int, width: int, tmp_path: Path) -> None:
    files = ps.emit(design(bits=bits, width=width), BOARDS[board])
    write_tree(tmp_path / "src", files)
    sources = [str(name) for name in files if name.suffix in (".sv", ".v")]
    tool = find_verilator()
    done = subprocess.run(
        [str(tool.binary), "--lint-only", "-Wall", "-DSYNTHESIS", "--top-module", "accelerator_ps",
         str(RTL / "lint.vlt"), *sources, *map(str, sorted((RTL.parent / "sim").glob("*.sv")))],
        cwd=tmp_path / "src", capture_output=True, text=True, check=False, env={"VERILATOR_ROOT": str(tool.root)},
    )  # fmt: skip
    found = [line for line in done.stderr.splitlines() if "src/" not in line and "/sim/axis_" not in line]
    assert done.returncode == 0, "\n".join(found)


def test_more_stages_than_registers_are_refused() -> None:
    one = design()
    many = dataclasses.replace(one, instances=one.instances * (ps.MAX_STAGES // 3 + 1))
    with pytest.raises(UnsupportedModel, match="more than 256 operators"):
        ps.emit(many, BOARDS["pynq-z2"])


def test_boards_are_known_by_name() -> None:
    assert board_of("none") is None and board_of("zcu104") is BOARDS["zcu104"]
    with pytest.raises(ConfigError, match="did you mean 'pynq-z2'"):
        board_of("pynq-z3")
    assert {board.dma_bits for board in BOARDS.values()} == {32, 64, 128}
    assert all(board.pynq_names for board in BOARDS.values())
