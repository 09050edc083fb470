"""Reports in Vivado's documented layout (UG904, UG906), with made-up figures: no Vivado has written these."""

UTILIZATION = """Copyright 1986-2023 Xilinx, Inc. All Rights Reserved.
| Tool Version : Vivado v.2023.2 (lin64)
| Design       : a2qflow_wrapper
| Device       : {device}
| Design State : Routed

1. {site} Logic
--------------

+----------------------------+------+-------+------------+-----------+-------+
|          Site Type         | Used | Fixed | Prohibited | Available | Util% |
+----------------------------+------+-------+------------+-----------+-------+
| {site} LUTs                 | {LUT} |     0 |          0 |     53200 | 10.10 |
|   LUT as Logic             | 4500 |     0 |          0 |     53200 |  8.46 |
|   LUT as Memory            |  540 |     0 |          0 |     17400 |  3.10 |
|     LUT as Distributed RAM |  {LUTRAM} |     0 |            |           |       |
|     LUT as Shift Register  |   {SRL} |     0 |            |           |       |
| {site} Registers            | {FF} |     0 |          0 |    106400 |  6.77 |
|   Register as Flip Flop    | {FF} |     0 |          0 |    106400 |  6.77 |
| F7 Muxes                   |   81 |     0 |          0 |     26600 |  0.30 |
{clb_carry}+----------------------------+------+-------+------------+-----------+-------+
* Warning! LUT value is adjusted to account for LUT combining.

3. Memory
---------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |  5.5 |     0 |          0 |       140 |  3.93 |
|   RAMB36/FIFO*    |    4 |     0 |          0 |       140 |  2.86 |
|     RAMB36E1 only |    4 |       |            |           |       |
|   RAMB18          |    3 |     0 |          0 |       280 |  1.07 |
{uram}+-------------------+------+-------+------------+-----------+-------+

4. DSP
------

+-----------+------+-------+------------+-----------+-------+
| Site Type | Used | Fixed | Prohibited | Available | Util% |
+-----------+------+-------+------------+-----------+-------+
| DSPs      |    2 |     0 |          0 |       220 |  0.91 |
+-----------+------+-------+------------+-----------+-------+

8. Primitives
-------------

+----------+------+---------------------+
| Ref Name | Used | Functional Category |
+----------+------+---------------------+
| FDRE     | 7100 |        Flop & Latch |
| LUT6     | 1800 |                 LUT |
| {carry}   |  {count} |          CarryLogic |
+----------+------+---------------------+
"""
SEVEN = UTILIZATION.format(
    device="xc7z020clg400-1", site="Slice", LUT=5374, LUTRAM=470, SRL=70, FF=7204, clb_carry="", uram="",
    carry="CARRY4", count=310,
)  # fmt: skip
PLUS = UTILIZATION.format(
    device="xczu7ev-ffvc1156-2-e", site="CLB", LUT=5100, LUTRAM=440, SRL=60, FF=7300,
    clb_carry="| CARRY8                     |  120 |     0 |          0 |     28800 |  0.42 |\n",
    uram="| URAM              |    1 |     0 |          0 |        96 |  1.04 |\n", carry="CARRY8", count=120,
)  # fmt: skip

_HEAD = """Timing Summary Report

------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------
{row}


All user specified timing constraints are met.
"""


def timing(wns: str, whs: str) -> str:
    """A timing summary with these worst slacks."""
    return _HEAD.format(
        row=f"{wns:>11}        0.000                      0                18372 {whs:>12}        0.000  0"
    )
