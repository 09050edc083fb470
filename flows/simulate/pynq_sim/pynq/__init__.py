"""STAND-IN for the `pynq` package, over a simulated board: not PYNQ, and never installed on a board.

It has what the driver package uses, with PYNQ's names and behaviour: Overlay (ip_dict from the .hwh file), MMIO,
allocate, Clocks. The DMA is a register model in hw_templates/sim/board/board.cpp; memory is only what was flushed, and
buffers only see what was invalidated, as with the non-coherent ports of a Zynq. A simulated .bit file has the header of
a real one; its payload names the simulation. `tests/pynq_sim` holds this against the real package.
"""

from ._board import Board, active, faults
from ._buffer import PynqBuffer, allocate, statistics
from ._overlay import MMIO, Clocks, Overlay

__all__ = ["MMIO", "Board", "Clocks", "Overlay", "PynqBuffer", "active", "allocate", "faults", "statistics"]
__version__ = "0+simulated"
