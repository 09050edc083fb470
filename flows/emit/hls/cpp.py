"""C++ text of the few things that are generated: types, tables, and lists that `clang-format` leaves as they are."""

from __future__ import annotations

from collections.abc import Sequence

from flows.graph import IntArray, IntType

WIDTH = 120
"""Columns of a line."""


def cpp_type(dtype: IntType) -> str:
    """`ap_int<4>`, `ap_uint<8>`."""
    return f"{'ap_int' if dtype.signed else 'ap_uint'}<{dtype.bits}>"


def wrapped(head: str, items: Sequence[str], tail: str) -> str:
    """`head` + items, separated by commas + `tail`; lines that would be too long go on below the first item."""
    lines, indent = [head], " " * len(head.rsplit("\n", 1)[-1])
    for number, item in enumerate(items):
        last = number == len(items) - 1
        text = item + (tail if last else ",")
        line = lines[-1]
        joint = "" if line == indent or (len(lines) == 1 and number == 0) else " "
        if len(line) + len(joint) + len(text) > WIDTH:
            lines.append(indent + text)
        else:
            lines[-1] = line + joint + text
    return "\n".join(lines)


def table(words: IntArray) -> list[str]:
    """(words, lanes, n) integers to the inside of one C++ initializer a word: `{1, 2}, {3, 4}`."""
    return [", ".join("{" + ", ".join(map(str, lane)) + "}" for lane in word) for word in words.tolist()]
