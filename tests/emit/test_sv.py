"""The text of parameters and instances."""

from __future__ import annotations

import pytest

from flows.design import Bits, Param
from flows.emit.sv import modules_used, render_instance, render_param


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (-3, "-3"), (0, "0"), (2**31 - 1, "2147483647"), ("a b.hex", '"a b.hex"'), ("", '""'),
     (Bits(8, 255), "8'hff"), (Bits(70, 1 << 69), "70'h200000000000000000"), (Bits.of_bytes((1, 2)), "16'h201")],
)  # fmt: skip
def test_values(value: Param, text: str) -> None:
    assert render_param(value) == text


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 'say "x"', "a\\n", "a\nb", Bits(3, 8), Bits(0, 0), Bits(4, -1)])
def test_values_that_would_mean_something_else(value: Param) -> None:
    with pytest.raises(ValueError):
        render_param(value)


def test_instance() -> None:
    text = render_instance("fifo", "f", {"WIDTH": 8, "RAM_STYLE": "auto"}, {"clk": "clk", "open": ""})
    assert text == (
        '  fifo #(\n      .WIDTH(8),\n      .RAM_STYLE("auto")\n  ) f (\n      .clk(clk),\n      .open()\n  );'
    )
    assert render_instance("m", "i", {}, {}) == "  m i (\n  );"


def test_modules_used_follows_instances_not_comments() -> None:
    modules = {"a": "b i_b ();", "b": "// d\n/* d\n */ wire x;", "c": "a i_a ();", "d": "", "e": "e_helper"}
    assert modules_used(modules, "module top; c i_c (); endmodule") == ("a", "b", "c")
    assert modules_used(modules, "// c") == ()
