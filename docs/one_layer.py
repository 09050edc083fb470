"""Writes one_layer.md: one layer from `Graph` to C++ and SystemVerilog, all of it what the flow makes of it now.

python -m docs.one_layer
"""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np

from flows.accumulators import analyse
from flows.design import Design, Files, Fold
from flows.elaborate import elaborate
from flows.emit import hls, rtl
from flows.emit.hls.layer import of_instance
from flows.emit.sv import render_param
from flows.golden import evaluate
from flows.graph import MVAU, Graph, IntType, Tensor, Thresholding, by_name

PAGE = Path(__file__).with_suffix(".md")
LAYER = "MVAU_0"


def network() -> Graph:
    weights = np.array([
        [1, -2, 0, 3],
        [-1, 2, 1, -3],
        [1, 0, -1, 1],
        [0, 1, 2, -1],
        [-1, -1, 0, 2],
        [1, 3, -2, -2],
    ])  # fmt: skip
    x = Tensor("x", (1, 3, 6), IntType(4, False), 0, 15)
    sums = Tensor("sums", (1, 3, 4), IntType(8, True), -90, 90)
    y = Tensor("y", (1, 3, 4), IntType(2, False), 0, 3)
    thresholds = np.array([[-20, 0, 20]] * 4)
    ops = (
        MVAU("MVAU_0", ("x",), ("sums",), weights, IntType(3, True)),
        Thresholding("Thresholding_0", ("sums",), ("y",), thresholds),
    )
    return Graph("one_layer", ("x",), ("y",), ops, by_name([x, sums, y]))


def design(graph: Graph) -> Design:
    folding = {"MVAU_0": Fold(pe=2, simd=3), "Thresholding_0": Fold(pe=2, simd=1)}
    widths = {name: layer.implemented("exact") for name, layer in analyse(graph).items()}
    return elaborate(graph, folding, widths, {"StreamingFIFO_0": 2, "StreamingFIFO_1": 4})


def page() -> str:
    """The text of one_layer.md."""
    graph = network()
    graph.validate()
    made = design(graph)
    golden = evaluate(graph, {"x": np.arange(2 * 18).reshape(2, 1, 3, 6) % 16})
    sv = rtl.emit(made)
    cpp = hls.emit(made, hls.twins(made, graph), golden, "xc7z020clg400-1", 10.0)
    return TEXT.format(
        network=inspect.getsource(network).rstrip(), design=inspect.getsource(design).rstrip(),
        widths=_widths(graph, made), words=_words(graph, made, sv),
        hex=_file(sv, f"{LAYER}_weights.hex"), table=_file(cpp, f"layers/{LAYER}_weights.hpp"),
        wrapper=_file(sv, f"{LAYER}.sv"), instance=_file(cpp, f"layers/{LAYER}.hpp"),
        parameters=_parameters(made, graph),
        loop=_excerpt(cpp, "mvau.hpp", "  for (unsigned beat = 0;", "\n  }"),
        add=_excerpt(cpp, "accumulators.hpp", "    ap_int<KEPT_BITS> dot = 0;", "\n    accumulator_ = before + dot;"),
        lane=_excerpt(sv, "mvau_lane.sv", "  if (ACCUMULATE) begin", "\n  end else"),
        top_sv=_excerpt(sv, "accelerator.sv", f"  {LAYER} ", ");"),
        top_cpp=_lines(cpp, "accelerator.cpp", "StreamingFIFO_", LAYER),
    )  # fmt: skip


def _file(files: Files, name: str) -> str:
    return {str(path): str(text) for path, text in files.items()}[name].rstrip()


def _excerpt(files: Files, name: str, first: str, last: str) -> str:
    """From the line that begins with `first` to the end of the first `last` behind it."""
    text = _file(files, name)
    start = text.index("\n" + first) + 1
    end = text.index(last, start) + len(last)
    return text[start:end].strip("\n")


def _lines(files: Files, name: str, *words: str) -> str:
    return "\n".join(line for line in _file(files, name).splitlines() if any(w in line for w in words))


def _widths(graph: Graph, made: Design) -> str:
    layer, lanes = analyse(graph)[LAYER], made.instance(LAYER).lane_bits
    ends = zip(layer.acc_min, layer.acc_max, strict=True)
    rows = [
        f"| {c} | {lo} … {hi} | {bits} | {c % 2} | {lanes[c % 2]} |"
        for c, ((lo, hi), bits) in enumerate(zip(ends, layer.exact, strict=True))
    ]
    return "\n".join(["| output channel | sums | bits | lane | its accumulator |", "|---|---|---|---|---|", *rows])


def _words(graph: Graph, made: Design, sv: Files) -> str:
    (op,) = graph.of_type(MVAU)
    words = op.weights.reshape(2, 3, 2, 2).transpose(2, 0, 3, 1).reshape(4, 2, 3)
    hexadecimal = _file(sv, f"{LAYER}_weights.hex").splitlines()
    bits = int(made.instance(LAYER).params["WEIGHT_BITS"])  # type: ignore[arg-type]
    rows = []
    for address, (word, text) in enumerate(zip(words.tolist(), hexadecimal, strict=True)):
        packed = sum((w & (1 << bits) - 1) << (bits * i) for i, w in enumerate([*word[0], *word[1]]))
        assert packed == int(text, 16), "the memory holds what the graph does"
        rows.append(f"| {address} | {address // 2} | {address % 2} | {word[0]} | {word[1]} | `{text}` |")
    return "\n".join(["| word | nf | sf | lane 0 | lane 1 | in the memory |", "|---|---|---|---|---|---|", *rows])


def _parameters(made: Design, graph: Graph) -> str:
    instance = made.instance(LAYER)
    layer = of_instance(made, graph, instance)
    same = {"ACC_BITS": "LANE_BITS", "INPUT_BITS": "INPUT", "WEIGHT_BITS": "WEIGHT"}
    cpp = {key: layer.types.get(key, value) for key, value in layer.parameters.items()}
    rows = []
    for key, value in instance.params.items():
        twin = same.get(key, key)
        shown = render_param(value).replace("|", "\\|")
        rows.append(f"| `{key}` | `{shown}` | {f'`{twin}`' if twin in cpp else '–'} | {_code(cpp.pop(twin, None))} |")
    rows += [f"| – | – | `{key}` | {_code(value)} |" for key, value in cpp.items()]
    return "\n".join(["| `mvau.sv` | | `mvau.hpp` | |", "|---|---|---|---|", *rows])


def _code(value: object) -> str:
    return "" if value is None else f"`{value}`"


TEXT = """# One layer, from `Graph` to C++ and SystemVerilog

An MVAU (the matrix product of a dense layer, or of a convolution behind its sliding window) as the flow makes it, in
both languages. Everything below is written by `python -m docs.one_layer` from what the flow emits; a test compares it.

## What is computed

The graph says nothing of hardware: a 6 x 4 matrix of 3-bit weights, 4-bit inputs, three pixels; then thresholds.

```python
{network}
```

## How far it is unrolled

The folding is another value: SIMD = 3 inputs and PE = 2 outputs at a time, so that SF = 6/3 = 2 input beats hold a
vector and NF = 4/2 = 2 passes go over it. `elaborate` makes instances and streams of both; the FIFO depths, here given,
come from simulation.

```python
{design}
```

The accumulators are as wide as the weights need them, lane by lane; lane p adds up the channels p, p + PE, …

{widths}

## The weights

Word nf·SF + sf holds what the pass nf multiplies with input beat sf: SIMD weights for each lane.

{words}

RTL reads them with `$readmemh`:

```
{hex}
```

HLS gets a table that can be read:

```cpp
{table}
```

## The layer

The hardware is written by hand, once: `hw_templates/rtl/mvau.sv` and `hw_templates/hls/mvau.hpp`. What is generated is
an instance. In SystemVerilog:

```systemverilog
{wrapper}
```

In C++:

```cpp
{instance}
```

The same parameters under the same names, but where C++ has types:

{parameters}

## What runs in it

Of the C++ the loop, an iteration a clock cycle (its accumulators come from `accumulators.hpp`):

```cpp
{loop}
```

with, in each lane,

```cpp
{add}
```

The RTL lane registers the sum of the products before it adds it, and has the same end:

```systemverilog
{lane}
```

## The whole

In the top a FIFO is a module of its own in SystemVerilog, and a stream with a depth in C++.

```systemverilog
{top_sv}
```

```cpp
{top_cpp}
```

## How it is known to be right

`hls_layers` and `rtl_layers` give both the same vectors, among them for every channel the inputs that reach the
smallest and the largest sum; what comes out must be what `flows/golden.py` says, integer by integer. `hls_top` and
`rtl_stitched` compare every stream of the whole. With `-DCHECK_RANGE` (`make check-range` in `hls/`) the C++ ends at
the first partial sum that its accumulator does not hold, and names layer, channel and sum.
"""

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
