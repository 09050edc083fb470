"""Figures of `benchmarks._narrow` as rows, verdicts and tables: per point, and per layer of the point that counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from benchmarks._narrow import FRAMES, QAT, Built, Study, build_all
from flows.errors import VerificationFailed
from flows.synthesize.kinds import KINDS, kind_of

ENDS = ("first matrix", "last matrix")
"""Layers with 8-bit inputs or weights that no accumulator width constrains: apart from the rest."""
TOTALS = ("LUT", "FF", "BRAM_18K", "DSP")
Row = dict[str, Any]


def measured(study: Study, folder: Path, reduced: bool) -> tuple[dict[str, Any], Group]:
    """({"designs": {design: {"rows", "verdict"}}, ...}, tables). `reduced`: two epochs and one width."""
    study = study.less() if reduced else study
    return result(study, build_all(study, folder))


def result(study: Study, built: Iterable[Built]) -> tuple[dict[str, Any], Group]:
    """(JSON-like value, tables). Raises VerificationFailed where a point differs from golden or misses the rate."""
    designs: dict[str, Any] = {}
    for variant in study.designs:
        found = [b for b in built if b.design == variant.name]
        for one in found:
            _require_right(one, variant.fps)
        rows = [row for one in found for row in rows_of(one)]
        designs[variant.name] = {"fps_asked": variant.fps, "rows": rows, "verdict": verdict(study, rows)}
    value = {
        "source": "yosys", "family": "xc7", "scope": "sum of layers", "reduced": study.reduced, "kept": study.kept,
        "frames": _frames(designs), "designs": designs,
    }  # fmt: skip
    return value, Group(*tables(study, designs))


def _require_right(built: Built, fps: int) -> None:
    name, checks = f"{built.design}, {built.point}", built.summary["verification"]
    frames = min(FRAMES, checks["brevitas_vs_golden"]["frames"])  # the test split may have no more
    if checks["rtl_stitched"]["frames"] < frames:
        raise VerificationFailed(f"{name}: {checks['rtl_stitched']['frames']} frames were compared, not {frames}")
    for check, found in checks.items():
        if found["mismatches"]:
            raise VerificationFailed(f"{name}: {check}: {found['mismatches']} mismatches")
    reached = built.summary["performance"]
    if reached["source"] != "rtlsim" or reached["fps"] < fps:
        raise VerificationFailed(f"{name}: {reached['fps']:.0f} frames/s ({reached['source']}), not {fps}")


def rows_of(built: Built) -> list[Row]:
    """One row an accumulator policy that was synthesized for the point."""
    summary = built.summary
    modules = {layer["name"]: layer["impl"] for layer in summary["resources"]["yosys"]["layers"]}
    matrices = [layer["name"] for layer in summary["layers"]]
    ends = dict(zip((matrices[0], matrices[-1]), ENDS, strict=True))
    rows = []
    for found in summary["accumulator_comparison"]:
        split = built.kinds[found["policy"]]
        layers = {
            name: {
                "module": modules[name], **{key: counts[key] for key in TOTALS},
                "kinds": dict(split.get(name) or {kind_of(modules[name]): counts["LUT"]}),
            }
            for name, counts in found["layers"].items()
        }  # fmt: skip
        kinds = dict.fromkeys((*ENDS, *KINDS), 0)
        for name, layer in layers.items():
            if name in ends:
                kinds[ends[name]] += layer["LUT"]
                continue
            for kind, lut in layer["kinds"].items():
                kinds[kind] += lut
        rows.append({
            "point": built.point, "policy": found["policy"], "training": summary["training"],
            "verification": summary["verification"], "interval_cycles": summary["performance"]["interval_cycles"],
            "fps": summary["performance"]["fps"], "clk_period_ns": summary["performance"]["clk_period_ns"],
            "bits": found["bits"], "total": found["total"], "LUT_by_kind": kinds,
            # Kinds are measured with borders between them, which optimization does not cross.
            "LUT_of_borders": sum(kinds.values()) - found["total"]["LUT"],
            "layers": layers,
        })  # fmt: skip
    return rows


def verdict(study: Study, rows: Sequence[Row]) -> dict[str, Any]:
    """Of the smallest A2Q+ point whose figure is good enough: its share of the LUTs of QAT, by QAT's policy.

    A2Q+ counts at the policy `exact`. `middle`: without the first and the last matrix. {} where no point is good
    enough.
    """
    peers = [row for row in rows if row["point"] == QAT]
    good = [r for r in rows if r["point"] != QAT and study.keeps(r["training"], peers[0]["training"])]
    if not good:
        return {}
    best = min(good, key=lambda r: (r["total"]["LUT"], r["point"]))
    return {"point": best["point"], "share_of_qat": {peer["policy"]: _share(best, peer) for peer in peers}}


def _share(own: Row, peer: Row) -> dict[str, Any]:
    def middle(row: Row) -> int:
        return int(row["total"]["LUT"] - sum(row["LUT_by_kind"][end] for end in ENDS))

    return {
        "total": own["total"]["LUT"] / peer["total"]["LUT"],
        "middle": middle(own) / middle(peer),
        "BRAM and DSP no higher": all(own["total"][k] <= peer["total"][k] for k in ("BRAM_18K", "DSP")),
        "same clock": own["clk_period_ns"] == peer["clk_period_ns"],
    }


def tables(study: Study, designs: Mapping[str, Any]) -> list[Table]:
    """The points; then, of every design, the layers of the point that counts beside QAT's."""
    found = [_points(study, designs)]
    for name, design in designs.items():
        if design["verdict"]:
            found.append(_layers(name, design))
    return found


def _points(study: Study, designs: Mapping[str, Any]) -> Table:
    table = Table(title=f"{study.title}: LUTs (Yosys, xc7, sum of layers), by what they are for")
    columns = ("design", "point", "accumulators", "metric", "frames/s", "LUT", "of QAT")
    for column in (*columns, *ENDS, *KINDS, "FF", "BRAM", "DSP"):
        table.add_column(column, justify="right")
    for name, design in designs.items():
        peers = [row for row in design["rows"] if row["point"] == QAT]
        for row in design["rows"]:
            total = row["total"]
            shares = [total["LUT"] / peer["total"]["LUT"] for peer in peers if row["point"] != QAT or peer is row]
            best = row["point"] == design["verdict"].get("point")
            table.add_row(
                name, row["point"] + (" *" if best else ""), row["policy"],
                f"{row['training']['quant_metric']:.2f}", f"{row['fps']:,.0f}", f"{total['LUT']:,}",
                " ".join(f"{share:.3f}" for share in shares),
                *(f"{row['LUT_by_kind'][kind]:,}" for kind in (*ENDS, *KINDS)),
                f"{total['FF']:,}", str(total["BRAM_18K"]), str(total["DSP"]),
            )  # fmt: skip
        table.add_section()
    peers = ", ".join(dict.fromkeys(p for v in study.designs for p in v.policies))
    table.caption = (
        f"* smallest A2Q+ point {study.kept}. Of QAT: in the order {peers}. Kinds: without the first and last matrix, "
        f"measured apart; multipliers include the sums in their LUTs. Every point equals golden on {_frames(designs)} "
        "frames."
    )
    return table


def _frames(designs: Mapping[str, Any]) -> int:
    """That every point was compared on."""
    return min(row["verification"]["rtl_stitched"]["frames"] for design in designs.values() for row in design["rows"])


def _layers(name: str, design: Mapping[str, Any]) -> Table:
    own = next(r for r in design["rows"] if r["point"] == design["verdict"]["point"])
    peers = [row for row in design["rows"] if row["point"] == QAT]
    sides = {f"qat {peer['policy']}": peer for peer in peers} | {own["point"]: own}
    table = Table(title=f"{name}: LUTs of every layer")
    table.add_column("layer")
    table.add_column("module")
    for side in sides:
        table.add_column(side, justify="right")
    table.add_column(f"kinds of {own['point']}")
    # Width converters come and go with the folding: the layers of both sides, in the order of A2Q+'s.
    for layer in dict.fromkeys([*own["layers"], *(layer for peer in peers for layer in peer["layers"])]):
        found = [side["layers"].get(layer) for side in sides.values()]
        modules = dict.fromkeys(f["module"] for f in found if f)
        kinds = own["layers"].get(layer, {}).get("kinds", {})
        parts = ", ".join(f"{kind} {lut}" for kind, lut in kinds.items() if lut) if len(kinds) > 1 else ""
        table.add_row(layer, " / ".join(modules), *(f"{f['LUT']:,}" if f else "" for f in found), parts)
    return table
