"""Builds that share steps: what one wrote the others take, and nothing else."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flows.files import digest
from flows.shared_steps import SharedSteps
from flows.steps import Steps


def build(out: Path, shared: Path, key: object, ran: list[str], share: bool = True) -> Steps:
    out.mkdir(exist_ok=True)
    steps = Steps(out, shared=SharedSteps(shared))
    target = out / "verification_output" / "rtl_stitched.json"

    def action() -> None:
        ran.append(out.name)
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps({"key": key}))

    steps.run("rtl_stitched", key, [target], action, check=True, share=share)
    assert json.loads(target.read_text()) == {"key": key}
    return steps


def test_equal_dependencies_are_run_once_and_what_that_took_is_kept(tmp_path: Path) -> None:
    ran: list[str] = []
    first = build(tmp_path / "a", tmp_path / "shared", 1, ran)
    second = build(tmp_path / "b", tmp_path / "shared", 1, ran)
    build(tmp_path / "c", tmp_path / "shared", 2, ran)
    assert ran == ["a", "c"] and second.usage == first.usage
    again = build(tmp_path / "b", tmp_path / "shared", 1, ran)
    assert ran == ["a", "c"] and again.reused == ["rtl_stitched"], "what was taken counts as the build's own"


def test_what_is_not_to_be_shared_is_not(tmp_path: Path) -> None:
    ran: list[str] = []
    build(tmp_path / "a", tmp_path / "shared", 1, ran, share=False)
    build(tmp_path / "b", tmp_path / "shared", 1, ran)
    build(tmp_path / "c", tmp_path / "shared", 1, ran, share=False)
    assert ran == ["a", "b", "c"]


def test_of_two_builds_at_the_same_time_one_runs_the_step(tmp_path: Path) -> None:
    ran: list[str] = []
    begun, go = threading.Event(), threading.Event()

    def slow(out: Path) -> None:
        def action() -> None:
            begun.set()
            assert go.wait(30)
            ran.append(out.name)
            (out / "x.json").write_text("1")

        out.mkdir()
        Steps(out, shared=SharedSteps(tmp_path / "shared")).run("fifos", 1, [out / "x.json"], action, share=True)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slow, tmp_path / "a")
        assert begun.wait(30)
        second = pool.submit(slow, tmp_path / "b")
        go.set()
        first.result(30)
        second.result(30)
    assert ran == ["a"] and (tmp_path / "b" / "x.json").read_text() == "1"


def test_a_damaged_entry_is_made_again(tmp_path: Path) -> None:
    ran: list[str] = []
    build(tmp_path / "a", tmp_path / "shared", 1, ran)
    entry = tmp_path / "shared" / f"rtl_stitched_{digest(1)}.json"
    for text in ("", "[]", "{}", '{"usage": {"seconds": 1}, "files": {}}', '{"usage": "x", "files": {"a": "b"}}'):
        entry.write_text(text)
        build(tmp_path / f"b{len(ran)}", tmp_path / "shared", 1, ran)
    assert ran == ["a", "b1", "b2", "b3", "b4", "b5"]


def test_a_shared_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("a file")
    ran: list[str] = []
    build(tmp_path / "a", tmp_path / "shared", 1, ran)
    build(tmp_path / "b", tmp_path / "shared", 1, ran)
    assert ran == ["a", "b"]
