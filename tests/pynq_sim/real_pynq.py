"""Run by a Python that has the real `pynq` package: holds the stand-in against it. See test_against_pynq.py.

python real_pynq.py STAND_IN_FOLDER BITFILE FRAMES BYTES_IN BYTES_OUT SENT GOT_FIRST GOT_SECOND

Sends the file SENT twice and writes what came. Prints one line a check; exit code 1 where one fails.
"""

import importlib.util
import inspect
import sys
from pathlib import Path

import numpy as np
import pynq
from pynq.buffer import PynqBuffer, allocate
from pynq.lib.dma import _SDMAChannel
from pynq.metadata.ip_dict_view import IpDictView
from pynq.mmio import MMIO
from pynq.overlay import Overlay
from pynq.pl_server.embedded_device import parse_bit_header
from pynqmetadata.frontends import Metadata

FOLDER, BITFILE = Path(sys.argv[1]), Path(sys.argv[2])


def stand_in():
    """The stand-in, under a name of its own beside the real package."""
    spec = importlib.util.spec_from_file_location(
        "stand_in", FOLDER / "pynq" / "__init__.py", submodule_search_locations=[str(FOLDER / "pynq")]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["stand_in"] = module
    spec.loader.exec_module(module)
    return module


def names(function):
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]


def check(what, good):
    print(("ok      " if good else "FAILED  ") + what)
    check.failed |= not good


check.failed = False
fake = stand_in()

# Calls: what can be given to the stand-in by position or name can be given to the real one.
for what, mine, real in (
    ("Overlay()", fake.Overlay.__init__, Overlay.__init__),
    ("MMIO()", fake.MMIO.__init__, MMIO.__init__),
    ("MMIO.read", fake.MMIO.read, MMIO.read),
    ("MMIO.write", fake.MMIO.write, MMIO.write_mm),
    ("allocate", fake.allocate, allocate),
):
    given, taken = names(mine), names(real)
    check(f"{what}: {given} are among {taken}", given == [n for n in taken if n in given])
for name in ("flush", "invalidate", "sync_to_device", "sync_from_device", "freebuffer", "physical_address",
             "virtual_address"):  # fmt: skip
    check(f"PynqBuffer.{name}", hasattr(fake.PynqBuffer, name) and hasattr(PynqBuffer, name))
for name in ("download", "free"):
    check(f"Overlay.{name}", hasattr(fake.Overlay, name) and hasattr(Overlay, name))
check("Clocks.fclk0_mhz", hasattr(type(pynq.Clocks), "fclk0_mhz") or "fclk0_mhz" in dir(pynq.Clocks))

# Files: the real package reads the synthetic ones as the stand-in does.
header = parse_bit_header(BITFILE.read_bytes())
check(f"the .bit file's part {header['part']}", header["part"] in ("7z020clg400-1", "xczu7ev-ffvc1156-2-e"))
mine = fake.Overlay(str(BITFILE), download=True).ip_dict
real = {k: v for k, v in IpDictView(Metadata(str(BITFILE.with_suffix(".hwh")))).items() if "phys_addr" in v}
for entry in ("phys_addr", "addr_range", "type"):
    check(f".hwh: {entry}", {k: v[entry] for k, v in mine.items()} == {k: v[entry] for k, v in real.items()})

# The DMA: the real package's driver of a channel moves data through the register model.
dma = fake.MMIO(mine["axi_dma_0"]["phys_addr"], 0x10000)
control = fake.MMIO(mine["accelerator_0"]["phys_addr"], 0x1000)
width = (control.read(0x04) >> 16) // 8
frames = int(sys.argv[3])
source, target = (fake.allocate((frames * int(size),), np.uint8) for size in sys.argv[4:6])
source[:] = np.fromfile(sys.argv[6], dtype=np.uint8)
send, receive = _SDMAChannel(dma, 1 << 26, width, 1, False), _SDMAChannel(dma, 1 << 26, width, 0, False)
check("both channels run and none is idle before a transfer", send.running and receive.running and not send.idle)
for again in range(2):
    target[:] = 0
    control.write(0x20, frames)
    receive.transfer(target)
    send.transfer(source)
    send.wait()
    receive.wait()
    check(f"transfer {again}: {receive.transferred} bytes", receive.transferred == target.nbytes and receive.idle)
    Path(sys.argv[7 + again]).write_bytes(target.tobytes())
check("stop ends at once when idle", send.stop() is None and not send.running)
sys.exit(check.failed)
