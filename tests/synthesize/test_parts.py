"""Boards and parts."""

import pytest

from flows.errors import ConfigError
from flows.synthesize.cells import RESOURCES
from flows.synthesize.parts import BOARDS, part_of


@pytest.mark.parametrize("board", [board for board, part in BOARDS.items() if part])
def test_every_board_has_a_family_and_capacities(board: str) -> None:
    part = part_of(board)
    assert part.name == BOARDS[board]
    assert part.family == ("xc7" if part.name.startswith("xc7") else "xcup")
    assert part.capacity is not None and set(part.capacity) == set(RESOURCES)
    assert part.capacity["FF"] == 2 * part.capacity["LUT"] and 0 < part.capacity["LUTRAM"] < part.capacity["LUT"]


def test_share_of_the_part() -> None:
    used = dict.fromkeys(RESOURCES, 0) | {"LUT": 5_320, "BRAM_18K": 70}
    share = part_of("pynq-z2").share(used)
    assert share["LUT"] == pytest.approx(0.1) and share["BRAM_18K"] == pytest.approx(0.25)
    assert "URAM" not in share, "a part without URAM has no share of it"


def test_no_board_has_no_limit() -> None:
    part = part_of("none")
    assert (part.family, part.capacity, part.share({"LUT": 5})) == ("xc7", None, {})


def test_part_without_board() -> None:
    assert part_of("none", "xczu7ev-ffvc1156-2-e") == part_of("zcu104")
    assert part_of("none", "xczu9eg-ffvb1156-2-e").family == "xcup"
    assert part_of("none", "xc7a100tcsg324-1").capacity is None


def test_unknown_board_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'pynq-22' is not known; did you mean 'pynq-z2'"):
        part_of("pynq-22")


def test_unknown_part_and_contradiction() -> None:
    with pytest.raises(ConfigError, match="'ice40up5k'"):
        part_of("none", "ice40up5k")
    with pytest.raises(ConfigError, match="carries xc7z020clg400-1"):
        part_of("pynq-z2", "xczu7ev-ffvc1156-2-e")
