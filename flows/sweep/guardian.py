"""A process beside every worker that ends the worker's tools when the worker dies, however it dies.

Simulations and syntheses run in sessions of their own, so that Ctrl-C does not reach them; a worker that is killed with
SIGKILL would leave them running, for hours. Every process that a worker starts has inherited the worker's mark in its
environment, and only those: that is how they are found, wherever they have been handed on to. Linux only (/proc).

As a script: python guardian.py MARK, with a pipe from the worker as standard input, which ends when the worker does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

VARIABLE = "A2QFLOW_WORKER"
ROUNDS, PAUSE_SECONDS = 200, 0.05
"""How often the marked processes are looked for: one that was just forked shows up in the next round."""


_started: list[subprocess.Popen[bytes]] = []


def start() -> None:
    """Marks what this process starts from now on; a guardian waits for its end. Once a process."""
    if _started:
        return
    mark = uuid.uuid4().hex
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__).resolve()), mark], stdin=subprocess.PIPE, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.environ[VARIABLE] = mark
    _started.append(process)  # the pipe closes with this process


def marked(mark: str) -> list[int]:
    """The processes, by number, that have `mark` in their environment and still run."""
    wanted, found = f"{VARIABLE}={mark}".encode(), []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and wanted in _environment(int(entry.name)):
            found.append(int(entry.name))
    return found


def _environment(pid: int) -> list[bytes]:
    """Empty for processes of others, and for those that have ended."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def end(mark: str) -> None:
    """Kills every marked process, until none is left."""
    for _ in range(ROUNDS):
        found = marked(mark)
        if not found:
            return
        for pid in found:
            with suppress(OSError):
                handle = os.pidfd_open(pid)
                try:
                    # The number may be a stranger's by now; the handle is that of one process.
                    if f"{VARIABLE}={mark}".encode() in _environment(pid):
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                finally:
                    os.close(handle)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        os.read(0, 1)
    end(sys.argv[1])
