"""FINN's names of data types."""

from __future__ import annotations

import re

from flows.graph import IntType


def int_type(name: str) -> IntType | None:
    """INT4, UINT8, BINARY as IntType; None for anything that is not a plain integer (FLOAT32, BIPOLAR, FIXED<…>)."""
    if name == "BINARY":
        return IntType(1, False)
    found = re.fullmatch(r"(U?)INT(\d+)", name)
    return IntType(int(found[2]), not found[1]) if found and 1 <= int(found[2]) <= 63 else None


def finn_name(kind: IntType) -> str:
    """The other way round."""
    return "BINARY" if kind == IntType(1, False) else str(kind)
