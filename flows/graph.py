"""The algorithm: integer operators on NHWC tensors, without schedule, widths chosen or files.

Tensors are per frame, shape ``(H, W, C)``, channels innermost; a dense vector is ``(1, 1, C)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from flows.errors import UnsupportedModel

IntArray = npt.NDArray[np.int64]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class IntType:
    """A two's complement (`signed`) or unsigned integer of `bits` >= 1 bits."""

    bits: int
    signed: bool

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 63:
            raise ValueError(f"an integer type has 1 to 63 bits, not {self.bits}")

    @property
    def min(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        return (1 << (self.bits - self.signed)) - 1

    @classmethod
    def for_range(cls, lo: int, hi: int, signed: bool | None = None) -> IntType:
        """The narrowest type that holds every integer in [lo, hi]; signed only if lo < 0, unless `signed` is given."""
        if lo > hi:
            raise ValueError(f"empty range [{lo}, {hi}]")
        signed = lo < 0 if signed is None else signed
        if lo < 0 and not signed:
            raise ValueError(f"an unsigned type cannot hold {lo}")
        bits = max(max(hi, 0).bit_length(), (~lo).bit_length() if lo < 0 else 0) + signed
        return cls(max(bits, 1), signed)

    def holds(self, lo: int, hi: int) -> bool:
        return self.min <= lo and hi <= self.max

    def __str__(self) -> str:
        """FINN's name of the type, such as INT4 or UINT8."""
        return f"{'INT' if self.signed else 'UINT'}{self.bits}"


@dataclass(frozen=True)
class Tensor:
    """A named tensor of one frame: its shape (H, W, C), type, and the range [lo, hi] that its values stay in."""

    name: str
    shape: Shape
    dtype: IntType
    lo: int
    hi: int

    @property
    def elements(self) -> int:
        h, w, c = self.shape
        return h * w * c


@dataclass(frozen=True, eq=False)
class Op:
    """Base of the operators. `name` is unique in the graph; `inputs` and `outputs` name tensors."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def kind(self) -> str:
        return type(self).__name__


@dataclass(frozen=True, eq=False)
class FMPadding(Op):
    """Zeros around the map: `pad` = (top, left, bottom, right) pixels."""

    pad: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class ConvolutionInputGenerator(Op):
    """Sliding window (SWG): (H, W, C) to (OH, OW, KH*KW*C), element (kh*KW + kw)*C + c; no padding of its own.

    `depthwise` changes only the order on the stream: for every fold of channels all KH*KW pixels, so that a
    consumer that works per channel needs no memory. The tensor's element order is the same.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    depthwise: bool = False


@dataclass(frozen=True, eq=False)
class Weighted(Op):
    """Base of the operators with accumulators: output channel c sums MW products with the weights int64 (MW, MH)[:, c].

    The output tensor is the raw accumulator.
    """

    weights: IntArray = field(repr=False)
    weight_type: IntType = field(default=IntType(8, True))

    @property
    def mw(self) -> int:
        return int(self.weights.shape[0])

    @property
    def mh(self) -> int:
        return int(self.weights.shape[1])


@dataclass(frozen=True, eq=False)
class MVAU(Weighted):
    """y = x @ weights for every pixel."""


@dataclass(frozen=True, eq=False)
class Thresholding(Op):
    """y[c] = out_bias + sum_i (x[c] >= thresholds[c, i]); `thresholds` is int64 (C, N), ascending along N."""

    thresholds: IntArray = field(repr=False)
    out_bias: int = 0


@dataclass(frozen=True, eq=False)
class VVAU(Weighted):
    """Depthwise y[c] = sum_k x[k, c] * weights[k, c]; MW = K pixels of a depthwise window, MH channels: K*C to C."""


@dataclass(frozen=True, eq=False)
class Pool(Op):
    """`function` over the `window` = KH*KW pixels of a depthwise sliding window: (OH, OW, window*C) to (OH, OW, C)."""

    window: int
    function: Literal["max", "sum"] = "max"


@dataclass(frozen=True, eq=False)
class GlobalAccPool(Op):
    """Sum of every channel over the whole map: (H, W, C) to (1, 1, C)."""


@dataclass(frozen=True, eq=False)
class Add(Op):
    """y = factors[0] * inputs[0] + factors[1] * inputs[1], integers; both tensors have the same shape."""

    factors: tuple[int, int] = (1, 1)


@dataclass(frozen=True, eq=False)
class Concat(Op):
    """The channels of inputs[0], then those of inputs[1]."""


@dataclass(frozen=True, eq=False)
class ChannelSlice(Op):
    """Channels `start` to `stop` - 1; a split is one slice a part."""

    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class UpsampleNearest(Op):
    """Every pixel `factors` = (rows, columns) times: (H, W, C) to (H*rows, W*columns, C)."""

    factors: tuple[int, int]


@dataclass(frozen=True, eq=False)
class DepthToSpace(Op):
    """Pixel shuffle: (H, W, block**2 * C) to (H*block, W*block, C).

    The pixel (i, j) of a block takes channel (i*block + j)*C + c; PyTorch's order c*block**2 + i*block + j is a
    permutation of the channels of whatever makes them.
    """

    block: int


@dataclass(frozen=True, eq=False)
class FMPaddingPixel(Op):
    """Zeros between the pixels (transposed convolution): (H, W, C) to ((H-1)*rows + 1, (W-1)*columns + 1, C)."""

    stride: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Flatten(Op):
    """(H, W, C) to (1, 1, H*W*C): the same stream of elements, no hardware."""


@dataclass(frozen=True, eq=False)
class LabelSelect(Op):
    """Indices of the `k` largest of C values, the largest first, of equal ones the lowest: (1, 1, C) to (1, 1, k)."""

    k: int = 1


OpT = TypeVar("OpT", bound=Op)


@dataclass(frozen=True, eq=False)
class Graph:
    """A network in topological order. `trained_bits` is the accumulator width each MVAU and VVAU was trained for."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ops: tuple[Op, ...]
    tensors: Mapping[str, Tensor]
    trained_bits: Mapping[str, int | None] = field(default_factory=dict)

    def __getitem__(self, tensor: str) -> Tensor:
        return self.tensors[tensor]

    def of_type(self, kind: type[OpT]) -> tuple[OpT, ...]:
        return tuple(op for op in self.ops if isinstance(op, kind))

    def op(self, name: str) -> Op:
        for op in self.ops:
            if op.name == name:
                return op
        raise KeyError(name)

    def producer(self, tensor: str) -> Op | None:
        return next((op for op in self.ops if tensor in op.outputs), None)

    def consumers(self, tensor: str) -> tuple[Op, ...]:
        return tuple(op for op in self.ops if tensor in op.inputs)

    def validate(self) -> None:
        """Raises UnsupportedModel when names, order, shapes, types or ranges do not fit together."""
        seen = set(self.inputs)
        names: set[str] = set()
        for op in self.ops:
            if op.name in names:
                raise UnsupportedModel(f"two operators are called {op.name!r}")
            names.add(op.name)
            for tensor in (*op.inputs, *op.outputs):
                if tensor not in self.tensors:
                    raise UnsupportedModel(f"{op.name} ({op.kind}) uses the unknown tensor {tensor!r}")
            missing = [t for t in op.inputs if t not in seen]
            if missing:
                raise UnsupportedModel(f"{op.name} ({op.kind}) reads {missing[0]!r} before anything writes it")
            self._check(op)
            seen.update(op.outputs)
        for tensor in self.outputs:
            if tensor not in seen:
                raise UnsupportedModel(f"nothing writes the output {tensor!r}")
        for t in self.tensors.values():
            if not t.dtype.holds(t.lo, t.hi):
                raise UnsupportedModel(f"tensor {t.name!r}: {t.dtype} does not hold its range [{t.lo}, {t.hi}]")

    def _check(self, op: Op) -> None:
        given, expected = self[op.outputs[0]].shape, output_shape(op, *(self[t].shape for t in op.inputs))
        if given != expected:
            raise UnsupportedModel(f"{op.name} ({op.kind}) makes shape {expected}, its output tensor says {given}")


def output_shape(op: Op, *shapes: Shape) -> Shape:
    """Shape of the output of `op` for inputs of `shapes`. Raises UnsupportedModel where they do not fit."""
    arity = 2 if isinstance(op, Add | Concat) else 1
    if len(shapes) != arity or len(op.outputs) != 1:
        raise UnsupportedModel(
            f"{op.name} ({op.kind}) has {len(shapes)} inputs and {len(op.outputs)} outputs, not {arity} and 1"
        )
    h, w, c = shapes[0]
    match op:
        case FMPadding(pad=(top, left, bottom, right)):
            return h + top + bottom, w + left + right, c
        case ConvolutionInputGenerator(kernel=(kh, kw), stride=(sh, sw), dilation=(dh, dw)):
            oh, ow = (h - (kh - 1) * dh - 1) // sh + 1, (w - (kw - 1) * dw - 1) // sw + 1
            if min(oh, ow) < 1:
                raise UnsupportedModel(f"{op.name}: a {kh}x{kw} window (dilation {dh}x{dw}) is larger than {h}x{w}")
            return oh, ow, kh * kw * c
        case MVAU():
            if c != op.mw:
                raise UnsupportedModel(f"{op.name}: weights for {op.mw} inputs on a tensor of {c} channels")
            return h, w, op.mh
        case VVAU():
            if c != op.weights.size:
                raise UnsupportedModel(f"{op.name}: weights of shape {op.weights.shape} on a tensor of {c} elements")
            return h, w, int(op.weights.shape[1])
        case Thresholding():
            if op.thresholds.ndim != 2 or op.thresholds.shape[0] != c:
                raise UnsupportedModel(f"{op.name}: thresholds of shape {op.thresholds.shape} for {c} channels")
            if np.any(np.diff(op.thresholds, axis=1) < 0):
                raise UnsupportedModel(f"{op.name}: thresholds do not ascend")
            return shapes[0]
        case Pool():
            if c % op.window:
                raise UnsupportedModel(f"{op.name}: {c} elements are not a multiple of the window {op.window}")
            return h, w, c // op.window
        case GlobalAccPool():
            return 1, 1, c
        case Add():
            if shapes[0] != shapes[1]:
                raise UnsupportedModel(f"{op.name}: cannot add {shapes[0]} and {shapes[1]}")
            return shapes[0]
        case Concat():
            if shapes[0][:2] != shapes[1][:2]:
                raise UnsupportedModel(f"{op.name}: cannot concatenate the channels of {shapes[0]} and {shapes[1]}")
            return h, w, c + shapes[1][2]
        case ChannelSlice():
            if not 0 <= op.start < op.stop <= c:
                raise UnsupportedModel(f"{op.name}: no channels {op.start} to {op.stop} in {c}")
            return h, w, op.stop - op.start
        case UpsampleNearest(factors=(fh, fw)):
            return h * fh, w * fw, c
        case DepthToSpace(block=block):
            if c % block**2:
                raise UnsupportedModel(f"{op.name}: {c} channels are not a multiple of {block} x {block}")
            return h * block, w * block, c // block**2
        case FMPaddingPixel(stride=(sh, sw)):
            return (h - 1) * sh + 1, (w - 1) * sw + 1, c
        case Flatten():
            return 1, 1, h * w * c
        case LabelSelect():
            if (h, w) != (1, 1):
                raise UnsupportedModel(f"{op.name}: LabelSelect takes one vector, not a {h}x{w} map")
            if not 1 <= op.k <= c:
                raise UnsupportedModel(f"{op.name}: cannot select {op.k} of {c} values")
            return 1, 1, op.k
    raise UnsupportedModel(f"{op.name}: operator {op.kind} is not supported")


def by_name(tensors: Iterable[Tensor]) -> dict[str, Tensor]:
    """{tensor.name: tensor}"""
    return {t.name: t for t in tensors}
