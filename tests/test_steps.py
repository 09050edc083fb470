"""A step runs when something it depends on changed, and only then."""

import json
import subprocess
import sys

import pytest

from flows.errors import ConfigError
from flows.steps import Steps, Stopped
from flows.usage import Usage


def run_once(out, key, ran, **options):
    steps = Steps(out, **options)
    target = out / "result.txt"

    def action():
        ran.append(key)
        target.write_text(str(key))

    steps.run("golden", key, [target], action)
    return steps


def test_unchanged_is_reused_and_changes_run_again(tmp_path):
    ran = []
    run_once(tmp_path, 1, ran)
    assert run_once(tmp_path, 1, ran).reused == ["golden"]
    assert ran == [1]
    run_once(tmp_path, 2, ran)
    assert ran == [1, 2]
    (tmp_path / "result.txt").write_text("tampered")
    run_once(tmp_path, 2, ran)
    (tmp_path / "result.txt").unlink()
    run_once(tmp_path, 2, ran)
    assert ran == [1, 2, 2, 2]


def test_a_failed_step_is_not_remembered(tmp_path):
    ran = []
    run_once(tmp_path, 1, ran)

    def fail():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Steps(tmp_path).run("golden", 2, [tmp_path / "result.txt"], fail)
    run_once(tmp_path, 1, ran)
    assert ran == [1, 1]


def test_a_broken_record_means_run_again(tmp_path):
    ran = []
    run_once(tmp_path, 1, ran)
    (tmp_path / ".steps" / "golden.json").write_text("{")
    run_once(tmp_path, 1, ran)
    assert ran == [1, 1]
    assert json.loads((tmp_path / ".steps" / "golden.json").read_text())["outputs"].keys() == {"result.txt"}


def test_start_keeps_what_is_there_and_names_what_is_missing(tmp_path):
    ran = []
    with pytest.raises(ConfigError, match=r"result.txt is missing; run step 'golden' first"):
        run_once(tmp_path, 1, ran, start="emit")
    run_once(tmp_path, 1, ran)
    run_once(tmp_path, 2, ran, start="emit")
    assert ran == [1]


def test_usage_is_that_of_when_the_step_last_ran(tmp_path):
    """A child's memory and time count too, and what finding out the key took."""
    held = 300 << 20
    text = f"x = bytes(range(256)) * ({held} // 256); import time; t = time.process_time()\n"
    text += "while time.process_time() < t + 0.6: pass"

    def action():
        subprocess.run([sys.executable, "-c", text], check=True)
        (tmp_path / "result.txt").write_text("done")

    def once():
        steps = Steps(tmp_path)
        steps.run("golden", 1, [tmp_path / "result.txt"], action, before=Usage(1000.0, 2000.0, 1.0))
        return steps.usage["golden"]

    used = once()
    assert held >> 20 < used.peak_memory_mib < 8192
    assert 1000.6 <= used.seconds < 1060 and 2000.6 <= used.cpu_seconds < 2010
    assert once() == used


def test_stop(tmp_path):
    with pytest.raises(Stopped):
        run_once(tmp_path, 1, [], stop="golden")
