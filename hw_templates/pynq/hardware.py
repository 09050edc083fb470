"""The accelerator's registers and its AXI DMA: every wait watches progress and ends, every error names what stands.

Registers are written directly rather than through pynq's DMA class: its `wait`, `start` and `stop` loop without end
when a channel hangs. Register layouts: control.sv of this package's design; AMD PG021, direct register mode.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, NamedTuple, Sequence

MAGIC = 0x41325146  # "A2QF"
REGISTERS = {
    "magic": 0x00, "version": 0x04, "stages": 0x08, "control": 0x0C, "identity": 0x10, "batch": 0x20, "status": 0x24,
    "frames_in": 0x28, "frames_out": 0x2C, "words_in": 0x30, "words_out": 0x34, "cycles_low": 0x38,
    "cycles_high": 0x3C, "frames_total": 0x40, "stalls": 0x400, "stage_state": 0x800,
}  # fmt: skip
MM2S, S2MM = 0x00, 0x30
CHANNELS = {MM2S: "MM2S (memory to accelerator)", S2MM: "S2MM (accelerator to memory)"}
DMA_ERRORS = (
    (0x10, "internal error: the packet does not fit the buffer, or its length is zero"),
    (0x20, "slave error: memory refused an access"),
    (0x40, "decode error: no memory at the address"),
)
RESET_SECONDS = 1.0
LENGTH_BITS = 26


class DriverError(RuntimeError):
    """Something that the user can act on: one message that names it."""


class TransferError(DriverError):
    """A transfer that did not end, or ended wrongly. The hardware has been reset when this is raised."""


class Counters(NamedTuple):
    """What the accelerator counts in a batch; `cycles`: clock cycles in which it was busy."""

    frames_in: int
    frames_out: int
    words_in: int
    words_out: int
    cycles: int


class Hardware:
    """Registers through `control` and `dma` (each with read(offset) and write(offset, value), such as pynq.MMIO)."""

    def __init__(self, control: Any, dma: Any, description: Mapping[str, Any]) -> None:
        self.control, self.dma, self.description = control, dma, description

    def check_identity(self) -> None:
        """Raises DriverError where the loaded bitstream is not the one that accelerator.json describes."""
        read = self.control.read
        if read(REGISTERS["magic"]) != MAGIC or read(REGISTERS["version"]) & 0xFF != 1:
            raise DriverError("the loaded bitstream holds no a2qflow accelerator where its .hwh file says one is")
        words = [read(REGISTERS["identity"] + 4 * i) for i in range(4)]
        found = f"{sum(word << (32 * i) for i, word in enumerate(words)):032x}"
        wanted = self.description["identity"]
        if found != wanted:
            raise DriverError(
                f"the bitstream is of another design: its hash is {found}, accelerator.json says {wanted}; copy the "
                "bitfile and the package of the same build"
            )

    def counters(self) -> Counters:
        read = self.control.read
        high = read(REGISTERS["cycles_high"])
        low = read(REGISTERS["cycles_low"])
        if read(REGISTERS["cycles_high"]) != high:  # the lower half ran over in between
            high, low = high + 1, 0
        names = ("frames_in", "frames_out", "words_in", "words_out")
        return Counters(*(read(REGISTERS[name]) for name in names), cycles=(high << 32) | low)

    def stalls(self) -> list[tuple[str, int, bool, bool]]:
        """(stage, cycles it was held up in this batch, offers a beat now, its reader is ready now) in stream order."""
        found = []
        for number, name in enumerate(self.description["stages"]):
            state = self.control.read(REGISTERS["stage_state"] + 4 * number)
            stalled = self.control.read(REGISTERS["stalls"] + 4 * number)
            found.append((name, stalled, bool(state & 1), bool(state & 2)))
        return found

    def reset(self) -> None:
        """Resets the DMA, then the accelerator, so that nothing of an earlier batch is left in either.

        Raises DriverError where one of the two does not come back.
        """
        self.dma.write(MM2S, 0x4)
        _until(lambda: not (self.dma.read(MM2S) & 0x4 or self.dma.read(S2MM) & 0x4), "the DMA does not end its reset")
        self.control.write(REGISTERS["control"], 1)
        _until(lambda: self.control.read(REGISTERS["status"]) & 0xF == 0, "the accelerator does not end its reset")
        self.dma.write(S2MM, 0x1)
        self.dma.write(MM2S, 0x1)
        _until(lambda: not (self.dma.read(S2MM + 4) | self.dma.read(MM2S + 4)) & 0x1, "the DMA does not start")

    def run(self, frames: int, source: Any, target: Any, sizes: tuple[int, int], timeout_s: float) -> Counters:
        """Sends `sizes[0]` bytes of buffer `source`, which are `frames` frames, and gets `sizes[1]` into `target`.

        Raises TransferError where nothing moves for `timeout_s` seconds, or what came is not what was asked for.
        """
        for channel, size in zip((MM2S, S2MM), sizes):
            if size >= 1 << LENGTH_BITS:
                raise DriverError(f"{size} bytes are more than channel {CHANNELS[channel]} moves at once")
        source.flush()
        target.flush()  # so that no dirty cache line is written over what the DMA has written
        self.control.write(REGISTERS["batch"], frames)
        if self.control.read(REGISTERS["status"]) & 0x400:
            raise TransferError(f"the accelerator refused a batch of {frames} frames{self._state(sizes)}")
        for channel, buffer, size in ((S2MM, target, sizes[1]), (MM2S, source, sizes[0])):
            self.dma.write(channel + 4, 0x7000)
            self.dma.write(channel + 0x18, buffer.physical_address & 0xFFFFFFFF)
            self.dma.write(channel + 0x1C, buffer.physical_address >> 32)
            self.dma.write(channel + 0x28, size)
        self._wait((S2MM,), sizes, timeout_s)
        received = self.dma.read(S2MM + 0x28)
        if received != sizes[1]:
            raise TransferError(
                f"channel {CHANNELS[S2MM]}: the output is truncated: {received} of {sizes[1]} bytes came"
                f"{self._state(sizes)}"
            )
        self._wait((MM2S,), sizes, timeout_s)
        if self.control.read(REGISTERS["status"]) & 0x701:
            raise TransferError(f"the accelerator and the DMA do not agree on the batch{self._state(sizes)}")
        target.invalidate()
        return self.counters()

    def _wait(self, channels: Sequence[int], sizes: tuple[int, int], timeout_s: float) -> None:
        """Until `channels` are idle, while anything moves and neither channel reports an error."""
        seen, since = None, time.monotonic()
        while True:
            states = {channel: self.dma.read(channel + 4) for channel in (MM2S, S2MM)}
            for channel, state in states.items():
                for bit, meaning in DMA_ERRORS:
                    if state & bit:
                        raise TransferError(f"channel {CHANNELS[channel]}: {meaning}{self._state(sizes)}")
            if all(states[channel] & 0x2 for channel in channels):
                return
            moved = self.counters()[:4]
            now = time.monotonic()
            if moved != seen:
                seen, since = moved, now
            elif now - since > timeout_s:
                standing = [name for channel, name in CHANNELS.items() if not states[channel] & 0x2]
                who = " and channel ".join(standing)
                raise TransferError(
                    f"nothing moved for {timeout_s:g} s: channel {who} stands still{self._state(sizes)}"
                )
            time.sleep(0.0002)

    def _state(self, sizes: tuple[int, int]) -> str:
        """What the counters show, as the end of a message."""
        word = self.description["dma_bits"] // 8
        c = self.counters()
        status = self.control.read(REGISTERS["status"])
        flags = [
            text
            for bit, text in ((8, "tlast came early"), (9, "tlast was missing"), (10, "a batch was refused"))
            if status >> bit & 1
        ]
        held = [(name, cycles) for name, cycles, valid, ready in self.stalls() if valid and not ready]
        lines = [
            f"{c.words_in} of {sizes[0] // word} words went in, {c.words_out} of {sizes[1] // word} came out",
            f"frames in {c.frames_in}, out {c.frames_out}, in {c.cycles} cycles",
            f"DMA status MM2S 0x{self.dma.read(MM2S + 4):x}, S2MM 0x{self.dma.read(S2MM + 4):x}",
            *flags,
        ]
        if held:
            lines.append("held up now: " + ", ".join(f"{name} (for {cycles} cycles)" for name, cycles in held))
            lines.append(f"look behind {held[-1][0]}, the last of them")
        return "; " + "; ".join(lines)


def _until(done: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + RESET_SECONDS
    while not done():
        if time.monotonic() > end:
            raise DriverError(f"{otherwise} after {RESET_SECONDS:g} s; load the bitstream again")
        time.sleep(0.0002)
