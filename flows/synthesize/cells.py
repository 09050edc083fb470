"""What a netlist of Xilinx primitives costs: counts of cell types to LUT, FF, CARRY, BRAM, URAM and DSP.

Sources: UG953 (7 series libraries guide) and UG974 (UltraScale libraries guide) for what each primitive occupies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flows.errors import ToolFailed

Counts = Mapping[str, int]

RESOURCES = ("LUT", "LUTRAM", "SRL", "FF", "CARRY", "BRAM_18K", "URAM", "DSP")
"""LUT: LUT1 to LUT6, inverters, and LUTRAM and SRL in LUT equivalents, which also have a column of their own.
CARRY: CARRY4 units. BRAM_18K: 18 Kb blocks. DSP: DSP48 slices."""

_LOGIC = {**{f"LUT{k}": 1 for k in range(1, 7)}, "LUT6_2": 1, "INV": 1, "CFGLUT5": 1}
# The wide multiplexers sit behind the LUTs of a slice and cost none.
_FREE = ("MUXF7", "MUXF8", "MUXF9", "VCC", "GND")
_LUTRAM = {
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8,
    "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8,
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X16DR8": 8, "RAM64X8SW": 8,
}  # fmt: skip
_SRL = {"SRL16": 1, "SRL16E": 1, "SRLC16": 1, "SRLC16E": 1, "SRLC32E": 1}
_FF = ("FDRE", "FDSE", "FDCE", "FDPE", "LDCE", "LDPE")
_CARRY = {"CARRY4": 1, "CARRY8": 2}
_BRAM = {"RAMB18E1": 1, "RAMB18E2": 1, "RAMB36E1": 2, "RAMB36E2": 2}


def _costs() -> dict[str, dict[str, int]]:
    costs: dict[str, dict[str, int]] = {name: {} for name in _FREE}
    costs |= {name: {"LUT": n} for name, n in _LOGIC.items()}
    costs |= {name: {"LUT": n, "LUTRAM": n} for name, n in _LUTRAM.items()}
    costs |= {name: {"LUT": n, "SRL": n} for name, n in _SRL.items()}
    costs |= {name: {"FF": 1} for name in _FF}
    costs |= {name: {"CARRY": n} for name, n in _CARRY.items()}
    costs |= {name: {"BRAM_18K": n} for name, n in _BRAM.items()}
    costs |= {"URAM288": {"URAM": 1}, "DSP48E1": {"DSP": 1}, "DSP48E2": {"DSP": 1}}
    # Negative-edge variants (FDRE_1, RAM64X1S_1, ...) occupy the same site.
    return costs | {f"{name}_1": cost for name, cost in costs.items() if name in (*_FF, *_LUTRAM)}


COSTS = _costs()
"""Cell type to the resources that one cell takes."""


def count(cells: Mapping[str, int], where: str = "the netlist") -> dict[str, int]:
    """Resources of `cells` {cell type: number}. Raises ToolFailed naming a cell type that is not known.

    An unknown cell is never ignored: it may be logic that was left unmapped, or a resource nobody counts.
    """
    total = dict.fromkeys(RESOURCES, 0)
    for cell, number in cells.items():
        if cell not in COSTS:
            raise ToolFailed(f"{where} holds {number} cells of the unknown type {cell!r}; add it to {__name__}.COSTS")
        for resource, cost in COSTS[cell].items():
            total[resource] += number * cost
    return total


def add(many: Iterable[Counts]) -> dict[str, int]:
    """The sum, resource by resource."""
    total = dict.fromkeys(RESOURCES, 0)
    for counts in many:
        for resource in RESOURCES:
            total[resource] += counts[resource]
    return total
