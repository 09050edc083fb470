"""The emitted Makefile, run with make; the Tcl for Vitis HLS, run in tclsh against a recorder of its commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flows.files import write_tree
from flows.simulate.hls import find_ap_types
from tests.hls.test_emit import whole
from tests.tools import program

HERE = Path(__file__).parent
TABLE = HERE / "ug1399_commands.txt"


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a folder") / "hls"
    write_tree(folder, whole())
    return folder


def recorded(script: Path) -> subprocess.CompletedProcess[str]:
    argv = [program("tclsh", "tcl"), str(HERE / "recorder.tcl"), str(TABLE), str(script)]
    return subprocess.run(argv, cwd=script.parents[2], capture_output=True, text=True, check=False, timeout=60)


def calls(text: str) -> list[list[str]]:
    """A line a call: words, or {words with spaces}."""
    found = []
    for line in text.splitlines():
        words, rest = [], line
        while rest:
            if rest.startswith("{"):
                word, _, rest = rest[1:].partition("}")
            else:
                word, _, rest = rest.partition(" ")
            words.append(word)
            rest = rest.lstrip()
        found.append(words)
    return found


def test_every_script_uses_documented_commands_and_files_that_are_there(emitted: Path) -> None:
    scripts = sorted((emitted / "vitis").glob("*.tcl"))
    layers = sorted(p.stem.removesuffix("_top") for p in emitted.glob("layers/*_top.cpp"))
    assert [p.stem for p in scripts] == sorted([*layers, "accelerator"]) and len(layers) > 5
    for script in scripts:
        done = recorded(script)
        assert done.returncode == 0, done.stderr
        made = calls(done.stdout)
        commands = [c[0] for c in made]
        assert commands[-5:] == ["csim_design", "csynth_design", "cosim_design", "export_design", "exit"]
        for call in (c for c in made if c[0] in ("add_files", "csim_design", "cosim_design")):
            files = [word for word in call[1:] if word.startswith("/")]
            assert files and all(Path(f).exists() for f in files), call
        flags = next(c for c in made if c[0] == "add_files")
        assert f"-I{emitted.resolve()}" in " ".join(flags)
        assert ["set_part", "xc7z020clg400-1"] in made
        assert ["create_clock", "-period", "10", "-name", "default"] in made
        top = next(c[1] for c in made if c[0] == "set_top")
        source = next(c[1] for c in made if c[0] == "add_files")
        assert f"void {top}(" in Path(source).read_text()
        vectors = emitted / "vectors" / script.stem
        assert (vectors / "in0.bin").stat().st_size and (vectors / "expect0.bin").stat().st_size


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("csynth_design\n", "csynth_designs\n", "csynth_designs"),
        ("open_project -reset", "open_project -rest", "unknown option -rest"),
        ("set_part xc7", "set_part a xc7", "2 arguments"),
        ("export_design -format ip_catalog", "export_design -format", "-format needs a value"),
        ("exit\n", "", "does not end with exit"),
    ],
)
def test_the_recorder_refuses_what_is_not_documented(
    emitted: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:  # fmt: skip
    text = (emitted / "vitis" / "accelerator.tcl").read_text()
    assert old in text
    script = tmp_path / "hls" / "vitis" / "accelerator.tcl"
    script.parent.mkdir(parents=True)
    script.write_text(text.replace(old, new))
    done = recorded(script)
    assert done.returncode != 0 and message in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("target", ["run", "check-range"])
def test_make_builds_and_runs_everything(emitted: Path, target: str) -> None:
    """Every layer, then the whole network, each against what golden expects."""
    argv = ["make", "-C", str(emitted), target, f"AP_TYPES={find_ap_types()}", "CXXFLAGS=-O0"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    names = [p.name for p in (emitted / "vectors").iterdir()]
    assert all(f"{name}: done" in done.stdout for name in names) and len(names) > 5
    wrong = emitted / "vectors" / "Add_0" / "expect0.bin"
    data = bytearray(wrong.read_bytes())
    data[3] ^= 1
    wrong.write_bytes(data)
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)
    wrong.write_bytes(bytes(data[:3]) + bytes([data[3] ^ 1]) + bytes(data[4:]))
    assert done.returncode != 0 and "Add_0: 'out0' differs from what is expected at beat" in done.stderr
