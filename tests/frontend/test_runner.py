"""The child process that runs FINN: it may hang, die and print, and the caller hears one sentence."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from flows.errors import AccumulatorOverflow, ToolFailed, UnsupportedModel
from flows.frontend import import_model
from flows.frontend.runner import run_passes
from tests.frontend.qonnx_files import File

HEAD = "import json, os, sys, time\ndef say(**m): print(json.dumps(m), flush=True)\nsay(steps=['one', 'two'])\n"


def run(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch, limit_s: float = 20.0) -> dict[str, object]:
    (folder / "pretended_passes.py").write_text(HEAD + script)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    model = folder / "net.onnx"
    return run_passes(model, folder, folder / "log", False, limit_s=limit_s, module="pretended_passes")


def test_a_step_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    script = "say(step='one'); open('pid', 'w').write(str(os.getpid())); say(step='two'); time.sleep(60)"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ToolFailed, match=r"step two did not end within 1\.5 s"):
        run(script, tmp_path, monkeypatch, limit_s=1.5)
    assert time.monotonic() - began < 20
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_step_that_works_for_ever_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolFailed, match=r"step two did not end within 1 s"):
        run("say(step='two')\nwhile True: pass", tmp_path, monkeypatch, limit_s=1.0)


def test_a_child_that_dies_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolFailed, match=r"step one ended with status"):
        run("say(step='one'); os._exit(3)", tmp_path, monkeypatch)


def test_finns_own_errors_name_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "say(step='two'); say(error={'type': '', 'message': 'AssertionError: odd'}); sys.exit(1)"
    with pytest.raises(UnsupportedModel, match=r"through step two: AssertionError: odd .*log"):
        run(script, tmp_path, monkeypatch)


def test_our_errors_come_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "say(step='two'); say(error={'type': 'AccumulatorOverflow', 'message': 'too narrow'}); sys.exit(1)"
    with pytest.raises(AccumulatorOverflow, match=r"^too narrow$"):
        run(script, tmp_path, monkeypatch)


def test_the_result_is_the_last_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "say(step='one'); sys.stderr.write('noise'); say(done={'x': os.environ['FINN_BUILD_DIR']})"
    body = run(script, tmp_path, monkeypatch)
    scratch = Path(str(body["x"]))
    assert scratch.parent == tmp_path and not scratch.exists()
    assert (tmp_path / "log").read_text() == "noise"


def test_an_import_is_silent_and_stays_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    home, here, work = tmp_path / "home", tmp_path / "here", tmp_path / "work"
    home.mkdir()
    here.mkdir()
    for name in ("FINN_SETTINGS", "FINN_BUILD_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    path = File(4).quant(1.0, 4).dense([[1, 2, 3, 4]], 1.0).relu().quant(1.0, 2).dense([[1]], 1.0).write(tmp_path)
    import_model(path, training=None, label_select=False, work=work)
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
    assert not list(home.iterdir()) and not list(here.iterdir())
    assert sorted(p.name for p in work.iterdir()) == ["frontend.log", "intermediate_models"]
