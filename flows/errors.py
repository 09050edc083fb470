"""Typed errors. `exit_code` is what `build.py` returns: 2 when the user's input is wrong, 1 when the build failed."""

from __future__ import annotations


class FlowError(Exception):
    """Base of every error that is shown to the user as one message, without a traceback."""

    exit_code = 1


class UserError(FlowError):
    """The user's input is wrong; the message names it and the fix."""

    exit_code = 2


class ConfigError(UserError):
    """A configuration file, key or command-line value is wrong."""


class UnsupportedModel(UserError):
    """The network holds something the flow cannot build; the message names the node, its operator and the reason."""


class InfeasibleFolding(UserError):
    """A folding is illegal, or no folding reaches the asked rate within the part."""


class AccumulatorOverflow(UserError):
    """A layer's integers need a wider accumulator than the one it was trained for."""


class VerificationFailed(FlowError):
    """Two evaluations of the same layer differ; the message names layer, frame, index, expected and got."""


class ToolMissing(FlowError):
    """An external program is not installed; the message says how to get it."""


class ToolFailed(FlowError):
    """An external program failed, stood still or ran out of time; the message names its log."""
