"""FINN's transformations that move scales through forks and joins, in an order that comes to an end.

`finn.transformation.streamline.StreamlinePlus` holds two that undo each other for ever where a Transpose must stay
(in front of a pixel shuffle): MoveScalarLinearPastInvariants and MoveTransposePastEltwise. The second is left out.
"""

from __future__ import annotations

from typing import Any

from finn.transformation.streamline import Streamline
from finn.transformation.streamline.absorb import AbsorbTransposeIntoMultiThreshold
from finn.transformation.streamline.collapse_repeated import CollapseRepeatedTranspose
from finn.transformation.streamline.remove import RemoveIdentityReshape, RemoveIdentityTranspose
from finn.transformation.streamline.reorder import (
    MoveAddPastJoinAdd,
    MoveAddPastJoinConcat,
    MoveAffinePastJoinConcat,
    MoveChannelwiseLinearPastFork,
    MoveConstMulPastJoinMul,
    MoveLinearPastEltwiseAdd,
    MoveMulPastFork,
    MoveMulPastJoinAdd,
    MoveMulPastJoinConcat,
    MoveScalarLinearPastInvariants,
    MoveScalarLinearPastSplit,
    MoveScalesPastIm2Col,
    MoveSqueezePastMultiThreshold,
    MoveTransposePastFork,
    MoveTransposePastJoinAdd,
    MoveTransposePastJoinConcat,
    MoveTransposePastJoinMul,
    MoveTransposePastSplit,
)
from qonnx.transformation.composed import ComposedTransformation


def streamline_branches() -> Any:
    """Return the transformation, which is applied until it changes nothing."""
    return ComposedTransformation([MoveMulPastFork(), Streamline(), _joins(), _transposes()])


def _joins() -> Any:
    return ComposedTransformation([
        MoveLinearPastEltwiseAdd(), MoveChannelwiseLinearPastFork(), MoveScalarLinearPastInvariants(),
        MoveMulPastFork(), MoveMulPastJoinAdd(), MoveAddPastJoinAdd(), MoveConstMulPastJoinMul(),
    ])  # fmt: skip


def _transposes() -> Any:
    return ComposedTransformation([
        MoveScalesPastIm2Col(), MoveScalarLinearPastSplit(), MoveAffinePastJoinConcat(), MoveMulPastJoinConcat(),
        MoveAddPastJoinConcat(), MoveTransposePastFork(), MoveTransposePastSplit(), MoveTransposePastJoinConcat(),
        MoveTransposePastJoinMul(), MoveTransposePastJoinAdd(), CollapseRepeatedTranspose(),
        RemoveIdentityTranspose(), RemoveIdentityReshape(), MoveSqueezePastMultiThreshold(),
        AbsorbTransposeIntoMultiThreshold(),
    ])  # fmt: skip
