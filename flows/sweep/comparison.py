"""`build.py compare`: the sweep's table and page of builds that are already there, whoever made them.

A folder is one of: a build of ours (report/summary.json), a sweep (results.csv and its points), a build of FINN's
(report/ooc_synth_and_timing.json or post_synth_resources.json). Yosys' and Vivado's figures have columns of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.console import console
from flows.errors import ConfigError
from flows.files import locked, make_output_folder, read_json, write_text
from flows.report.summary import load
from flows.report.sweep import print_sweep, write_page
from flows.sweep.row import ALL_COLUMNS, RESOURCES, of_network, of_summary
from flows.sweep.table import Row, config_axes, from_csv, groups, to_csv, to_sqlite

DEFAULT = Path("out") / "comparison"
TABLE, DATABASE = "results.csv", "results.sqlite"
FINN = ("ooc_synth_and_timing.json", "post_synth_resources.json")
"""FINN's resource reports; the first has timing, and counts the accelerator alone."""


def compare(folders: Sequence[Path], out: Path | None = None) -> list[Row]:
    """Writes the table and the page of what is in `folders` into `out`, prints the table and returns its rows.

    Raises ConfigError naming a folder that holds no build.
    """
    out = out or DEFAULT
    rows = [row for folder in folders for row in rows_of(folder)]
    make_output_folder(out)
    with locked(out):
        write_text(out / TABLE, to_csv(rows))
        write_text(out / DATABASE, to_sqlite(rows))
        found = groups(rows)
        page = write_page(found, rows, out, "comparison")
    print_sweep(found, console)
    console.print(f"{len(rows)} builds; table: {out / TABLE}; page: {page}")
    return rows


def rows_of(folder: Path) -> list[Row]:
    """The rows of one folder: one, or those of a sweep's table. Raises ConfigError."""
    if not folder.is_dir():
        raise ConfigError(f"compare: no folder {folder}")
    report = folder / "report"
    if (report / "summary.json").is_file():
        found = [_build(folder)]
    elif (folder / TABLE).is_file():
        found = [{**row, "folder": _below(folder, row["folder"])} for row in from_csv(folder / TABLE)]
    elif (name := next((name for name in FINN if (report / name).is_file()), None)) is not None:
        found = [_finn_build(folder, report / name)]
    else:
        raise ConfigError(
            f"compare: {folder} holds neither a finished build (report/summary.json), nor a sweep ({TABLE}), nor "
            f"FINN's report/{' or '.join(FINN)}; let its build or sweep finish first"
        )
    # A comparison is of builds: two of the same axes are two lines.
    return [dict.fromkeys(ALL_COLUMNS) | row | {"build": str(folder)} for row in found]


def _below(folder: Path, inner: Any) -> str:
    return str(folder / inner) if inner else str(folder)


def _build(folder: Path) -> dict[str, Any]:
    summary: Mapping[str, Any] = load(folder / "report" / "summary.json")
    row = of_network(summary) | of_summary(summary) | {"folder": str(folder)}
    row["seconds"] = summary["seconds"].get("total")
    if (path := folder / "build_config.json").is_file():
        row |= {key: value for key, value in config_axes(read_json(path)).items() if value is not None}
    elif (path := folder / "report" / "accumulators.json").is_file():
        row["policy"] = read_json(path)["policy"]
    return row


def _finn_build(folder: Path, report: Path) -> dict[str, Any]:
    """A build of FINN's own flow: Vivado's figures; nothing is known of a comparison in integers."""
    found = read_json(report)
    used = found.get("(top)", found) if isinstance(found, dict) else {}
    if "LUT" not in used:
        raise ConfigError(f"compare: {report} does not say how many LUTs were used")
    row: dict[str, Any] = {f"vivado_{name}": _integer(used.get(name)) for name in RESOURCES}
    blocks = [_integer(used.get(name)) for name in ("BRAM_36K", "BRAM_18K")]
    if None not in blocks:
        row["vivado_BRAM_18K"] = 2 * blocks[0] + blocks[1]  # type: ignore[operator]
    if float(used.get("fmax_mhz", 0)) > 0:
        row["vivado_fmax_mhz"] = float(used["fmax_mhz"])
    return row | _finn_speed(report.with_name("rtlsim_performance.json")) | {
        "design": folder.name, "folder": str(folder)
    }  # fmt: skip


def _finn_speed(path: Path) -> dict[str, Any]:
    """FINN's simulation: an object with its throughput, or a list with one object an output."""
    if not path.is_file():
        return {}
    found = read_json(path)
    if isinstance(found, list):
        first = found[0] if found else {}
        return {"interval_cycles": float(first["intervals"][0]), "fps": float(first["throughput_fps"])} if first else {}
    rate = found.get("stable_throughput[images/s]", found.get("throughput[images/s]"))
    return {"latency_cycles": found.get("latency_cycles"), "fps": None if rate is None else float(rate)}


def _integer(value: Any) -> int | None:
    return None if value is None else int(value)
