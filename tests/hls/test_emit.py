"""The emitted C++ as text: parameters in the templates' order, formatted, clean under the flags of two compilers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.design import Files, Fold
from flows.elaborate import elaborate
from flows.emit.hls import SIMULATION, emit, emit_files, twins
from flows.emit.hls.cpp import WIDTH, wrapped
from flows.emit.hls.layer import of_operator
from flows.emit.hls.text import HLS
from flows.files import write_tree
from flows.golden import evaluate
from flows.simulate.hls import WARNINGS, find_ap_types
from flows.simulate.toolchain import Command, run_all
from tests import branches
from tests.draw import MAKERS, draw
from tests.hls.test_layers import GOOD, U4, small
from tests.tools import program

LAYERS = [draw(kind, number).layer for kind in MAKERS for number in (0, 1)]


def whole() -> Files:
    """All of hls/ of a network with branches."""
    n = branches.three()
    design = n.design({"StreamingFIFO_1": 40, "StreamingFIFO_3": 400})
    golden = evaluate(n.graph, {"x": n.frames})
    return emit(design, twins(design, n.graph, n.folding), golden, "xc7z020clg400-1", 10.0)


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a layer of every operator, and one with a whole network (which g++ compiles in test_top)."""
    folder = tmp_path_factory.mktemp("emitted")
    write_tree(folder / "layers", emit_files(LAYERS[::2]))
    write_tree(folder / "network", whole())
    return folder


def test_the_same_design_gives_the_same_text() -> None:
    assert whole() == whole()


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_parameters_are_those_of_the_template_in_order(layer) -> None:
    text = (HLS / f"{layer.template}.hpp").read_text()
    found = re.search(r"template <([^>]*)>\s*void " + layer.template + r"\(", text)
    assert found is not None
    assert [p.split()[-1] for p in found[1].split(",")] == list(layer.parameters)


def test_nothing_is_written_by_macros_and_kernels_are_not_generated() -> None:
    for path in HLS.glob("*.hpp"):
        text = path.read_text()
        assert "{{" not in text and "{%" not in text, path.name
        defines = [line for line in text.splitlines() if line.startswith("#define")]
        assert not defines, f"{path.name}: {defines}"
    emitted = {str(p): str(text) for p, text in whole().items() if p.suffix in (".hpp", ".cpp")}
    for name, text in emitted.items():
        if name.startswith("layers/") or name.startswith("accelerator"):
            assert not re.search(r"\b(while|if) \(", text) and "#define" not in text, name


@pytest.mark.parametrize(("compiler", "folder"), [("g++", "layers"), ("clang++", "layers"), ("clang++", "network")])
def test_clean_under_the_strict_flags_alone(emitted: Path, compiler: str, folder: str) -> None:
    path = program(compiler, "clang" if compiler == "clang++" else compiler)
    include = ("-I.", "-Igxx", "-isystem", str(find_ap_types()))
    sources = [
        SIMULATION,
        *(str(p.relative_to(emitted / folder)) for p in (emitted / folder).glob("layers/MVAU_0_*.cpp")),
    ]
    argv = (path, "-fsyntax-only", *WARNINGS, "-std=c++14", *include, *sources)
    run_all([Command(argv, emitted / folder, emitted / f"{folder}.log")], timeout_s=600)


def test_clang_format_has_nothing_to_change(emitted: Path) -> None:
    path = program("clang-format", "clang-format")
    files = sorted(str(p.relative_to(emitted)) for p in emitted.rglob("*") if p.suffix in (".hpp", ".cpp", ".h"))
    assert len(files) > 80
    run_all([Command((path, "--dry-run", "-Werror", *files), emitted, emitted / "format.log")], timeout_s=120)


def test_long_lists_go_on_below_their_first_item() -> None:
    text = wrapped("  call<", [f"ARGUMENT_{n}" for n in range(30)], ">();")
    lines = text.split("\n")
    assert len(lines) > 2 and all(len(line) <= WIDTH for line in lines)
    assert all(line.startswith("       ARGUMENT") for line in lines[1:])
    assert wrapped("f(", ["a", "b"], ");") == "f(a, b);"


def test_memories_and_multipliers_are_bound_as_the_folding_says() -> None:
    graph, op, _ = small()
    for impl, style, expected in (
        ("auto", "auto", ("multiplier::fabric", None)),
        ("dsp", "block", ("multiplier::dsp", "type = rom_1p impl = bram")),
        ("auto", "distributed", ("multiplier::fabric", "type = rom_1p impl = lutram")),
    ):
        layer, _, _ = of_operator(graph, op, Fold(2, 3, impl=impl, ram_style=style), U4, GOOD)
        text = str({str(p): t for p, t in emit_files([layer]).items()}["layers/conv.hpp"])
        multiplier, storage = expected
        assert f"constexpr multiplier MULTIPLIER = {multiplier};" in text
        assert ("#pragma HLS bind_storage" in text) == (storage is not None)
        assert storage is None or f"variable = conv_weights {storage}" in text


def test_a_stream_is_as_deep_as_the_fifo_that_it_is() -> None:
    n = branches.chain()
    design = elaborate(n.graph, n.folding, n.widths, {"StreamingFIFO_1": 40, "StreamingFIFO_2": 400})
    top = twins(design, n.graph).top
    assert top is not None
    depths = {c.name: (c.depth, c.storage) for c in top.channels}
    assert depths["StreamingFIFO_0"] == (2, None)
    assert depths["StreamingFIFO_1"] == (40, "srl") and depths["StreamingFIFO_2"] == (400, "bram")
