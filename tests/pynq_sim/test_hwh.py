"""The synthetic .hwh file against the generated top: its ports, their directions, and both ends of every stream."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from xml.etree import ElementTree

import pytest

from flows.boards import BOARDS
from flows.emit.ps import TOP
from flows.simulate.hwh import hwh
from tests.pynq_sim.small import Small


@pytest.mark.parametrize("board", sorted(BOARDS))
def test_the_ports_are_those_of_the_top(net: Small, board: str) -> None:
    root = ElementTree.fromstring(hwh(BOARDS[board]).encode())
    top = str(net.hardware[PurePosixPath(f"{TOP}.v")])
    found = {name: way for way, name in re.findall(r"^    (in|out)put +wire (?:\[.*\] )?(\w+),?$", top, re.M)}
    module = root.find(f"./MODULES/MODULE[@MODTYPE='{TOP}']")
    assert module is not None
    ports = {p.get("NAME"): {"I": "in", "O": "out"}[p.get("DIR", "")] for p in module.iter("PORT")}
    assert ports == {name: way for name, way in found.items() if not name.endswith("tkeep")}
    assert {p.get("PHYSICAL") for p in module.iter("PORTMAP")} == ports.keys() - {"ap_clk", "ap_rst_n"}
    ends: dict[str, set[str]] = {}
    for bus in root.iter("BUSINTERFACE"):
        if ":axis:" in bus.get("VLNV", ""):
            ends.setdefault(bus.get("BUSNAME", ""), set()).add(bus.get("TYPE", ""))
    assert list(ends.values()) == [{"INITIATOR", "TARGET"}] * 2
