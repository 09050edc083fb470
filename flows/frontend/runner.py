"""Runs `flows.frontend.passes` in a child process, quietly, with a time limit for every step."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

import flows
from flows import errors
from flows.errors import ToolFailed, UnsupportedModel

STEP_LIMIT_S = 300.0
"""Some of FINN's passes never end on some networks; the slowest step of a supported one takes seconds, of a network of
dozens of layers a minute."""
LOOK_S = 0.5

Progress = Callable[[str, int, int], None]
"""Called with (name of the step that starts, steps done, steps in all)."""


def run_passes(
    model: Path,
    folder: Path,
    log: Path,
    label_select: bool,
    progress: Progress | None = None,
    limit_s: float = STEP_LIMIT_S,
    module: str = "flows.frontend.passes",
) -> dict[str, Any]:
    """Writes the models after each step to `folder`, everything FINN prints to `log`.

    Returns {"tidy": file name of the tidied QONNX model, "hardware": file name of FINN's hardware graph, None where
    FINN gave up, "note": why it did}. Raises what the steps raise; UnsupportedModel where qonnx cannot tidy the file
    and ToolFailed where a step does not end within `limit_s` seconds, both naming the step. Seconds in which it works
    or sleeps: those in which a busy machine does not let it are not its fault.
    """
    step, names = "start", []
    command = [sys.executable, "-m", module, str(model), str(folder), str(int(label_select))]
    with tempfile.TemporaryDirectory(dir=log.parent, prefix=".finn.") as scratch, log.open("wb") as stderr:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=_environment(Path(scratch))
        )
        try:
            assert child.stdout is not None
            for line in _lines(child, limit_s):
                message = json.loads(line)
                if "steps" in message:
                    names = message["steps"]
                elif "step" in message:
                    step = message["step"]
                    if progress is not None:
                        progress(step, names.index(step), len(names))
                elif "error" in message:
                    raise _error(step, message["error"], log)
                else:
                    body: dict[str, Any] = message["done"]
                    if progress is not None:
                        progress("done", len(names), len(names))
                    return body
        except TimeoutError:
            raise ToolFailed(f"front end: step {step} did not end within {limit_s:g} s; see {log}") from None
        finally:
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
    raise ToolFailed(f"front end: the process running step {step} ended with status {child.returncode}; see {log}")


def _environment(scratch: Path) -> Mapping[str, str]:
    """FINN writes to FINN_BUILD_DIR, and to ~ unless FINN_SETTINGS names a file; ONNX Runtime writes to a cache."""
    path = os.pathsep.join(filter(None, [str(Path(flows.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]))
    finn = {"FINN_BUILD_DIR": str(scratch), "FINN_SETTINGS": str(scratch / "settings.yaml")}
    caches = {"XDG_CACHE_HOME": str(scratch), "TMPDIR": str(scratch)}
    return {**os.environ, **finn, **caches, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def _lines(child: subprocess.Popen[bytes], limit_s: float) -> Iterator[bytes]:
    """Lines that `child` prints until it ends. Raises TimeoutError where one takes it longer than `limit_s`."""
    assert child.stdout is not None
    process = psutil.Process(child.pid)
    buffer, asleep, began = b"", 0.0, _worked(process)
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(LOOK_S):
                asleep += LOOK_S * _sleeps(process)
                if _worked(process) - began + asleep > limit_s:
                    raise TimeoutError
                continue
            data = os.read(child.stdout.fileno(), 65536)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            yield from lines
            asleep, began = 0.0, _worked(process)


def _worked(process: psutil.Process) -> float:
    """Processor seconds so far."""
    with contextlib.suppress(psutil.Error):
        spent = process.cpu_times()
        return float(spent.user + spent.system)
    return 0.0


def _sleeps(process: psutil.Process) -> bool:
    """It neither works nor would if it were let."""
    with contextlib.suppress(psutil.Error):
        return process.status() not in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)
    return True


def _error(step: str, body: Mapping[str, str], log: Path) -> errors.FlowError:
    """Our own errors as they were; anything else is FINN's, in `step`."""
    kind = getattr(errors, body["type"], None) if body["type"] else None
    if kind is None:
        return UnsupportedModel(f"FINN cannot take this network through step {step}: {body['message']} (see {log})")
    error: errors.FlowError = kind(body["message"])
    return error
