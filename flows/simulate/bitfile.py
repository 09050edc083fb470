"""A synthetic .bit file for the simulated board: the layout of a real one, and labelled as what it is.

A .bit file has a header of five fields (design, part, date, time, data), each a letter and a big-endian length; PYNQ
and our driver read it. Here the data names a simulation (see `flows.simulate.pynq_sim`), which no FPGA takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_MAGIC = bytes.fromhex("00090ff00ff00ff00ff0000001")
MARK = b"a2qflow simulated bitstream\n"


def bitfile(part: str, settings: Mapping[str, Any]) -> bytes:
    """A synthetic .bit file for `part`; `settings`: what the stand-in needs to start the simulation."""
    data = MARK + json.dumps(dict(settings), indent=2, sort_keys=True).encode()
    plain = part.removeprefix("xc") if part.startswith("xc7") else part
    text = b"".join(
        letter + (len(value) + 1).to_bytes(2, "big") + value.encode() + b"\0"
        for letter, value in (
            (b"a", "SYNTHETIC_simulation_only"),
            (b"b", plain),
            (b"c", "1970/01/01"),
            (b"d", "00:00:00"),
        )
    )
    return _MAGIC + text + b"e" + len(data).to_bytes(4, "big") + data
