"""A worker that is killed takes its tools along, wherever they have been handed on to; others' processes stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from flows.sweep import guardian

# Starts a guardian, then a tool in a session of its own that starts another one; prints both.
WORKER = """
import subprocess, sys, time
from flows.sweep import guardian
guardian.start()
guardian.start()
inner = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
tool = subprocess.Popen([sys.executable, "-c", inner], start_new_session=True, stdout=subprocess.PIPE, text=True)
print(tool.pid, tool.stdout.readline().strip(), flush=True)
time.sleep(600)
"""


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_killed_process_takes_its_tools_along_and_nobody_elses() -> None:
    stranger = subprocess.Popen(["sleep", "600"], env={**os.environ, guardian.VARIABLE: "another"})
    root = Path(guardian.__file__).parents[2]
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True, cwd=root, start_new_session=True
    )
    try:
        assert worker.stdout is not None
        tools = [int(word) for word in worker.stdout.readline().split()]
        assert len(tools) == 2 and all(_alive(pid) for pid in tools)
        children = psutil.Process(worker.pid).children()
        assert len(children) == 2, "one guardian, however often it is started, and the tool"
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        end = time.monotonic() + 60
        while any(_alive(pid) for pid in tools) or any(_alive(child.pid) for child in children):
            assert time.monotonic() < end, "tools or the guardian outlive the worker"
            time.sleep(0.05)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        worker.kill()
        worker.wait()


def test_processes_are_found_by_their_mark_alone() -> None:
    process = subprocess.Popen(["sleep", "600"], env={guardian.VARIABLE: "0123456789abcdef"})
    try:
        end = time.monotonic() + 30
        while guardian.marked("0123456789abcdef") != [process.pid]:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert guardian.marked("0123456789abcde") == []
        guardian.end("0123456789abcdef")
        assert process.wait(timeout=30) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
