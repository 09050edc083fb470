"""Runs the network of accelerator.json on a PYNQ board.

    from driver import Accelerator
    with Accelerator(batch_size=32) as accelerator:
        classes = accelerator.execute(frames)      # float (N, …) as the network takes them, any N

On the command line: python driver.py --exec_mode execute --inputfile input.npy --outputfile output.npy --batchsize 32
Needs numpy and pynq only; Python 3.8 or later.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import packing
from hardware import Counters, DriverError, Hardware

HERE = Path(__file__).resolve().parent


class InputError(DriverError, ValueError):
    """Frames that this network does not take."""


def running_board() -> str | None:
    """What PYNQ calls this board: BOARD of its images, also where a shell has not read it. None: unknown."""
    if os.environ.get("BOARD"):
        return os.environ["BOARD"]
    try:
        lines = Path("/etc/environment").read_text().splitlines()
    except OSError:
        return None
    return next((line[6:].strip().strip("'\"") for line in lines if line.startswith("BOARD=")), None)


def bitfile_part(path: Path) -> str:
    """The part in the header of a .bit file. Raises DriverError where it has none."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    at = head.find(b"\x00\x01a")
    at += 3
    for field in (b"a", b"b"):
        if at < 3 or len(head) < at + 2:
            raise DriverError(f"{path} is no bitfile: no header")
        size = int.from_bytes(head[at : at + 2], "big")
        text = head[at + 2 : at + 2 + size].rstrip(b"\x00").decode("ascii", "replace")
        at += 2 + size + 1
        if field == b"b":
            return text
    raise AssertionError("unreachable")


def _device(part: str) -> str:
    """Device and package of a part, however it is written: xc7z020clg400-1 and 7z020clg400 are 7z020clg400."""
    plain = part.lower()
    plain = plain[2:] if plain.startswith("xc") else plain
    fields = plain.split("-")
    return fields[0] if fields[0].startswith("7") else "".join(fields[:2])


class Accelerator:
    """The network on the FPGA. Use it in a `with` block, or call `close`: its buffers are memory of the board.

    `bitfile`: default: the one beside accelerator.json. `batch_size`: frames of one transfer; `execute` takes any
    number. `timeout_s`: how long nothing may move before a transfer counts as failed. `download`: False where the
    bitstream is loaded already.

    Raises DriverError where board, bitfile and package do not belong together.
    """

    def __init__(
        self,
        bitfile: str | None = None,
        batch_size: int = 1,
        timeout_s: float = 10.0,
        download: bool = True,
        description: Path = HERE / "accelerator.json",
    ) -> None:
        self._buffers: tuple[Any, Any] | None = None
        self.description: dict[str, Any] = json.loads(Path(description).read_text())
        path = Path(bitfile) if bitfile else HERE / self.description["bitfile"]
        self._check_board(path)
        import pynq

        self._pynq = pynq
        self.overlay = pynq.Overlay(str(path), download=download)
        self.hardware = Hardware(self._registers("accelerator"), self._registers("dma"), self.description)
        self.hardware.check_identity()
        self.hardware.reset()
        self.timeout_s = timeout_s
        self.batch_size = batch_size
        self.counters: Counters | None = None

    def _check_board(self, bitfile: Path) -> None:
        d = self.description
        board = running_board()
        if board is not None and board.lower() not in [name.lower() for name in d["board_names"]]:
            raise DriverError(
                f"this package is for board {d['board']}, this board is a {board}; build it with --set board=…"
            )
        for path in (bitfile, bitfile.with_suffix(".hwh")):
            if not path.is_file():
                raise DriverError(f"no {path}; a build with --set generate_outputs=[bitfile] makes it")
        part = bitfile_part(bitfile)
        if _device(part) != _device(d["part"]):
            raise DriverError(
                f"{bitfile} is a bitstream for part {part}, not for this package's {d['part']} (board {d['board']})"
            )

    def _registers(self, what: str) -> Any:
        name = self.description["blocks"][what]
        entry = self.overlay.ip_dict.get(name)
        if entry is None:
            raise DriverError(
                "the bitstream's .hwh file has no block {!r}; it holds {}".format(
                    name, ", ".join(self.overlay.ip_dict) or "none"
                )
            )
        return self._pynq.MMIO(entry["phys_addr"], entry["addr_range"])

    # Shapes, by the names that FINN's driver has.

    @property
    def batch_size(self) -> int:
        return self._batch_size

    @batch_size.setter
    def batch_size(self, size: int) -> None:
        largest = max(self.description["input"]["frame_bytes"], self.description["output"]["frame_bytes"])
        if not isinstance(size, int) or size < 1 or size * largest >= 1 << 26:
            raise InputError(f"batch_size {size!r}: 1 to {((1 << 26) - 1) // largest} frames fit one transfer")
        self._free()
        self._batch_size = size

    @property
    def ishape_normal(self) -> tuple[int, ...]:
        """Of the integers that the accelerator takes: (batch, H, W, C)."""
        return (self.batch_size, *self.description["input"]["shape"])

    @property
    def oshape_normal(self) -> tuple[int, ...]:
        return (self.batch_size, *self.description["output"]["shape"])

    @property
    def fclk_mhz(self) -> float:
        return float(self._pynq.Clocks.fclk0_mhz)

    # Calls.

    def execute(self, frames: np.ndarray) -> np.ndarray:
        """Float frames (N, *input shape) as the network takes them -> its output, (N, …): see packing.dequantize.

        Raises InputError for frames of another shape or type, TransferError where the hardware fails.
        """
        return packing.dequantize(self.execute_integers(self.quantize(frames)), self.description["host_output"])

    def quantize(self, frames: np.ndarray) -> np.ndarray:
        """Float frames (N, *input shape) to the integers that the accelerator takes, int64 (N, H, W, C)."""
        spec = self.description["host_input"]
        if not isinstance(frames, np.ndarray) or frames.dtype.kind != "f":
            kind = frames.dtype if isinstance(frames, np.ndarray) else type(frames).__name__
            raise InputError(
                f"execute takes an array of float frames, not {kind}; integers that are quantized already go "
                "to execute_integers"
            )
        if frames.shape[1:] != tuple(spec["shape"]) or len(frames) == 0:
            raise InputError(
                "execute takes frames (N, {}), N at least 1; these are {}".format(
                    ", ".join(map(str, spec["shape"])), frames.shape
                )
            )
        try:
            codes = packing.quantize(frames, spec)
        except ValueError as error:
            raise InputError(str(error)) from None
        return packing.arrange(codes, spec["perm"], self.description["input"]["shape"])

    def execute_integers(self, codes: np.ndarray) -> np.ndarray:
        """Quantized frames, integers (N, H, W, C), any N -> the accelerator's integers, int64 (N, H, W, C).

        Raises InputError for frames of another shape, type or range, TransferError where the hardware fails.
        """
        i, o = self.description["input"], self.description["output"]
        if not isinstance(codes, np.ndarray) or codes.dtype.kind not in "iu":
            kind = codes.dtype if isinstance(codes, np.ndarray) else type(codes).__name__
            raise InputError(f"execute_integers takes an array of integers, not {kind}")
        if codes.shape[1:] != tuple(i["shape"]) or len(codes) == 0:
            raise InputError(
                "execute_integers takes frames (N, {}), N at least 1; these are {}".format(
                    ", ".join(map(str, i["shape"])), codes.shape
                )
            )
        if codes.min() < i["lo"] or codes.max() > i["hi"]:
            raise InputError(
                f"the frames hold {codes.min()} to {codes.max()}; this network takes {i['lo']} to {i['hi']}"
            )
        packed = packing.pack(
            packing.fold(codes, i["lanes"], i["window"]), i["bits"], i["beat_bytes"], i["frame_bytes"]
        )
        got = self._transfer_all(packed)
        beats = packing.unpack(got, o["lanes"], o["bits"], o["signed"], o["beats"], o["beat_bytes"])
        return packing.unfold(beats, o["shape"], o["window"])

    def _transfer_all(self, packed: np.ndarray) -> np.ndarray:
        out = np.empty((len(packed), self.description["output"]["frame_bytes"]), dtype=np.uint8)
        for start in range(0, len(packed), self.batch_size):
            chunk = packed[start : start + self.batch_size]
            out[start : start + len(chunk)] = self._transfer(chunk)
        return out

    def _transfer(self, packed: np.ndarray) -> np.ndarray:
        """One batch, uint8 (n, frame bytes) there and back."""
        sizes = (packed.size, len(packed) * self.description["output"]["frame_bytes"])
        try:
            source, target = self._allocated()
            source[: sizes[0]] = packed.reshape(-1)
            self.counters = self.hardware.run(len(packed), source, target, sizes, self.timeout_s)
            return np.array(target[: sizes[1]]).reshape(len(packed), -1)
        except BaseException as problem:
            # Whatever ended it: first nothing may write into the buffers any more, then they can go.
            try:
                self.hardware.reset()
            except DriverError as second:
                self._buffers = None
                raise DriverError(
                    f"{problem}; then {second}; the buffers stay allocated, the DMA may still write to them"
                ) from problem
            self._free()
            raise

    def reset(self) -> None:
        """Soft reset: the DMA and everything in the accelerator but the weights."""
        self.hardware.reset()

    def throughput_test(self) -> dict[str, float]:
        """One batch of random frames of `batch_size`; times in ms, rates in images/s and MB/s, cycles of the FPGA."""
        i = self.description["input"]
        codes = np.random.default_rng(0).integers(i["lo"], i["hi"] + 1, self.ishape_normal)
        times = [time.perf_counter()]
        beats = packing.fold(codes, i["lanes"], i["window"])
        times.append(time.perf_counter())
        packed = packing.pack(beats, i["bits"], i["beat_bytes"], i["frame_bytes"])
        times.append(time.perf_counter())
        got = self._transfer(packed)
        times.append(time.perf_counter())
        o = self.description["output"]
        packing.unpack(got, o["lanes"], o["bits"], o["signed"], o["beats"], o["beat_bytes"])
        times.append(time.perf_counter())
        fold_s, pack_s, run_s, unpack_s = np.diff(times)
        cycles = self.counters.cycles if self.counters else 0
        return {
            "runtime[ms]": run_s * 1e3,
            "throughput[images/s]": self.batch_size / run_s,
            "DRAM_in_bandwidth[MB/s]": packed.size / run_s / 1e6,
            "DRAM_out_bandwidth[MB/s]": got.size / run_s / 1e6,
            "fclk[mhz]": self.fclk_mhz,
            "batch_size": self.batch_size,
            "fold_input[ms]": fold_s * 1e3,
            "pack_input[ms]": pack_s * 1e3,
            "unpack_output[ms]": unpack_s * 1e3,
            "accelerator_cycles": cycles,
            "cycles_per_image": cycles / self.batch_size,
        }

    # Memory.

    def _allocated(self) -> tuple[Any, Any]:
        if self._buffers is None:
            sizes = [self.batch_size * self.description[end]["frame_bytes"] for end in ("input", "output")]
            buffers: list[Any] = []
            try:
                for size in sizes:
                    buffers.append(self._pynq.allocate(shape=(size,), dtype=np.uint8))
            except BaseException:
                for buffer in buffers:
                    buffer.freebuffer()
                raise
            self._buffers = (buffers[0], buffers[1])
        return self._buffers

    def _free(self) -> None:
        buffers, self._buffers = self._buffers, None
        for buffer in buffers or ():
            buffer.freebuffer()

    def close(self) -> None:
        """Frees the buffers. The object can be used again."""
        self._free()

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def load_frames(path: str) -> np.ndarray:
    """Raises InputError where `path` is no .npy file."""
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read --inputfile {path}: {error}") from None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Runs the network of accelerator.json on a PYNQ board.")
    parser.add_argument("--exec_mode", choices=("execute", "throughput_test"), default="execute")
    parser.add_argument("--batchsize", type=int, default=1, help="frames of one transfer (default: 1)")
    parser.add_argument("--bitfile", help="default: the one beside accelerator.json")
    parser.add_argument("--inputfile", default="input.npy", help="float frames, or integers (N, H, W, C)")
    parser.add_argument("--outputfile", default="output.npy")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds without progress (default: 10)")
    options = parser.parse_args(arguments)
    try:
        frames = load_frames(options.inputfile) if options.exec_mode == "execute" else None
        with Accelerator(options.bitfile, options.batchsize, options.timeout) as accelerator:
            if frames is None:
                metrics = accelerator.throughput_test()
                Path("nw_metrics.txt").write_text(json.dumps(metrics, indent=2) + "\n")
                print(json.dumps(metrics, indent=2))
            else:
                integers = frames.dtype.kind in "iu"
                out = accelerator.execute_integers(frames) if integers else accelerator.execute(frames)
                temporary = Path(options.outputfile + ".part")
                with temporary.open("wb") as stream:
                    np.save(stream, out)
                temporary.replace(options.outputfile)
                print(f"{len(frames)} frames, output {out.shape} in {options.outputfile}")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except DriverError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"error: {error}; this runs on a board with PYNQ, in its Python environment", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
