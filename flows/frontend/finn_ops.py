"""Loads FINN's hardware operators without PyTorch.

FINN imports torch for the Python execution of one operator, LayerNorm, which is not supported here; loading it would
take as long as all passes together.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_UNUSED = ("torch", "torch.nn", "torch.nn.functional")


def load_operators() -> None:
    """Imports `finn.custom_op.fpgadataflow`. Empty modules stand for torch meanwhile; any use of them would raise."""
    absent = [name for name in _UNUSED if name not in sys.modules]
    if len(absent) == len(_UNUSED):
        sys.modules.update({name: ModuleType(name) for name in absent})
    try:
        importlib.import_module("finn.custom_op.fpgadataflow")
    finally:
        if len(absent) == len(_UNUSED):
            for name in absent:
                sys.modules.pop(name, None)
