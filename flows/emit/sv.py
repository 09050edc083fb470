"""SystemVerilog text of the few things that are generated: parameter values and instances."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from flows.design import Bits, Param

_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def render_param(value: Param) -> str:
    """A parameter value: int as decimal, str quoted, Bits as width'hHEX.

    Raises ValueError where the text would mean something else: an int outside 32 bits, a Bits value wider than its
    width, a string with quotes, backslashes or control characters.
    """
    match value:
        case Bits(width=width, value=number):
            if width < 1 or not 0 <= number < 1 << width:
                raise ValueError(f"{number} does not fit {width} bits")
            return f"{width}'h{number:x}"
        case str():
            if not value.isprintable() or '"' in value or "\\" in value:
                raise ValueError(f"{value!r} cannot be a string parameter")
            return f'"{value}"'
        case int():
            if not -(1 << 31) <= value < 1 << 31:
                raise ValueError(f"{value} does not fit a 32-bit parameter; give it as Bits")
            return str(int(value))
    raise TypeError(f"{value!r} is no parameter value")


def render_instance(module: str, name: str, params: Mapping[str, Param], connections: Mapping[str, str]) -> str:
    """`module #(…) name (…);`, two spaces in; `connections` is {port: expression}, "" leaves the port open."""
    lines = [f"  {module} #("] if params else [f"  {module} {name} ("]
    if params:
        lines += _list(f".{key}({render_param(value)})" for key, value in params.items())
        lines.append(f"  ) {name} (")
    lines += _list(f".{port}({expression})" for port, expression in connections.items())
    return "\n".join([*lines, "  );"])


def _list(items: Iterable[str]) -> list[str]:
    lines = [f"      {item}," for item in items]
    return [*lines[:-1], lines[-1].removesuffix(",")] if lines else lines


def modules_used(modules: Mapping[str, str], *roots: str) -> tuple[str, ...]:
    """Names of the `modules` {name: text} that the texts `roots` need, directly or not, sorted.

    By word, not by parsing: a module named anywhere outside a comment counts.
    """
    found: set[str] = set()
    todo = list(roots)
    while todo:
        words = set(_WORD.findall(_COMMENT.sub(" ", todo.pop())))
        new = (words & modules.keys()) - found
        found |= new
        todo += [modules[name] for name in new]
    return tuple(sorted(found))
