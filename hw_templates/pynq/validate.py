"""Runs the frames of vectors.npz on the board and compares every integer with the golden model's.

    python validate.py [--result validation.json] [--save outputs.npz]

Batches of 1, 7 and 32 frames, each with a shorter last batch, then all frames in one transfer of more than 16 KiB; a
soft reset before each. Exit code 0: nothing differs; 1: something differs, or the hardware failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from driver import HERE, Accelerator
from hardware import DriverError

BATCHES = (1, 7, 32)
LARGE_BYTES = 16384


def large_batch(frames: int, frame_bytes: int) -> int:
    """Frames of the one large transfer: all of them, and as many again as more than 16 KiB take."""
    return max(frames, LARGE_BYTES // frame_bytes + 1)


def compare(name: str, wanted: np.ndarray, got: np.ndarray) -> int:
    """Number of integers that differ; the first is printed."""
    if wanted.shape != got.shape:
        raise DriverError(f"{name}: shape {got.shape}, expected {wanted.shape}")
    wrong = np.argwhere(wanted != got)
    if len(wrong):
        at = tuple(int(i) for i in wrong[0])
        print(
            f"{name}: {len(wrong)} of {wanted.size} integers differ, the first at (frame, h, w, c) {at}: "
            f"expected {wanted[at]}, got {got[at]}"
        )
    return len(wrong)


def validate(accelerator: Accelerator, vectors: dict[str, np.ndarray], saved: dict[str, np.ndarray]) -> dict[str, Any]:
    """Every run of the module's description; `saved` gets the integers that came, by run."""
    codes, wanted = vectors["codes"].astype(np.int64), vectors["output"].astype(np.int64)
    mismatches = 0
    if "input" in vectors:
        mismatches += compare("host quantizer", codes, accelerator.quantize(vectors["input"]))
    frame_bytes = accelerator.description["input"]["frame_bytes"]
    large = large_batch(len(codes), frame_bytes)
    runs: list[dict[str, Any]] = []
    frames = 0
    for size, count in [(size, 2 * size + 1) for size in BATCHES] + [(large, large)]:
        index = np.arange(count) % len(codes)
        began = time.perf_counter()
        accelerator.batch_size = size
        accelerator.reset()
        got = accelerator.execute_integers(codes[index])
        name = f"batch_{size}"
        saved[name] = got
        mismatches += compare(name, wanted[index], got)
        frames += count
        runs.append(
            {
                "batch_size": size,
                "frames": count,
                "transfer_bytes": size * frame_bytes,
                "cycles_of_last_batch": accelerator.counters.cycles if accelerator.counters else 0,
                "seconds": round(time.perf_counter() - began, 6),
            }
        )
        print(f"{name}: {count} frames", flush=True)
    if "input" in vectors and "final" in vectors:
        some = vectors["input"][: BATCHES[1]]
        accelerator.batch_size = BATCHES[1]
        got = accelerator.execute(some)
        mismatches += int(np.sum(vectors["final"][: len(some)] != got))
    accelerator.close()
    return {
        "frames": frames,
        "images": len(codes),
        "mismatches": mismatches,
        "runs": runs,
        "design": accelerator.description["design"],
        "board": accelerator.description["board"],
        "identity": accelerator.description["identity"],
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compares the accelerator with the golden model on vectors.npz.")
    parser.add_argument("--bitfile", help="default: the one beside accelerator.json")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds without progress (default: 10)")
    parser.add_argument("--result", default="validation.json")
    parser.add_argument("--save", help=".npz file for the integers that came")
    options = parser.parse_args(arguments)
    with np.load(HERE / "vectors.npz", allow_pickle=False) as archive:
        vectors = {name: archive[name] for name in archive.files}
    saved: dict[str, np.ndarray] = {}
    try:
        with Accelerator(options.bitfile, timeout_s=options.timeout) as accelerator:
            result = validate(accelerator, vectors, saved)
    except DriverError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"error: {error}; this runs on a board with PYNQ, in its Python environment", file=sys.stderr)
        return 1
    if options.save:
        np.savez(options.save, **saved)
    temporary = Path(options.result + ".part")
    temporary.write_text(json.dumps(result, indent=2) + "\n")
    temporary.replace(options.result)
    print(f"{result['frames']} frames, {result['mismatches']} mismatches")
    return 1 if result["mismatches"] else 0


if __name__ == "__main__":
    sys.exit(main())
