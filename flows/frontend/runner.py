"""Runs `flows.frontend.passes` in a child process, quietly, with a time limit for every step."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import flows
from flows import errors
from flows.errors import ToolFailed, UnsupportedModel

STEP_LIMIT_S = 300.0
"""Some of FINN's passes never end on some networks; the slowest step of a supported one takes seconds."""

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
    and ToolFailed where a step does not end within `limit_s` seconds, both naming the step.
    """
    step, names = "start", []
    command = [sys.executable, "-m", module, str(model), str(folder), str(int(label_select))]
    with tempfile.TemporaryDirectory(dir=log.parent, prefix=".finn.") as scratch, log.open("wb") as stderr:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=_environment(Path(scratch))
        )
        try:
            assert child.stdout is not None
            for line in _lines(child.stdout, limit_s):
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


def _lines(stream: IO[bytes], limit_s: float) -> Iterator[bytes]:
    """Lines of `stream` until it ends. Raises TimeoutError when the next one takes longer than `limit_s`."""
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(limit_s):
                raise TimeoutError
            data = os.read(stream.fileno(), 65536)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            yield from lines


def _error(step: str, body: Mapping[str, str], log: Path) -> errors.FlowError:
    """Our own errors as they were; anything else is FINN's, in `step`."""
    kind = getattr(errors, body["type"], None) if body["type"] else None
    if kind is None:
        return UnsupportedModel(f"FINN cannot take this network through step {step}: {body['message']} (see {log})")
    error: errors.FlowError = kind(body["message"])
    return error
