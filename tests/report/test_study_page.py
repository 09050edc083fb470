"""The page of built points: policies, layers and certificates of every point, each figure recomputed here."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from flows.errors import ConfigError
from flows.files import read_json
from flows.report.study import built, mark
from flows.report.study_plots import study_plots
from flows.report.study_tables import study_tables
from flows.report.sweep import key_figures, sweep_tables, write_page
from flows.report.sweep_plots import sweep_plots
from flows.report.tables import Table
from flows.sweep.table import groups
from tests.report.sample import study
from tests.report.test_report import Text


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def rows(out: Path) -> list[dict[str, Any]]:
    return study(out)


def table(rows: list[dict[str, Any]], out: Path, key: str) -> list[dict[str, str]]:
    """The rows of one table by column."""
    found = next(t for t in study_tables(built(rows, out)) if t.key == key)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def lut(out: Path, point: str, instance: str | None = None) -> str:
    tool = read_json(out / "points" / point / "report" / "summary.json")["resources"]["yosys"]
    found = tool["total"] if instance is None else next(x for x in tool["layers"] if x["name"] == instance)
    return f"{found['LUT']:,}"


def test_policies_stand_side_by_side(rows: list[dict[str, Any]], out: Path) -> None:
    found = table(rows, out, "policies")
    assert [(r["method"], r["P"]) for r in found] == [
        *itertools.product(("A2Q+", "A2Q"), ("8", "10", "12")), ("QAT", "–")
    ]  # fmt: skip
    assert found[1]["fixed-32, LUT"] == lut(out, "a2q+_10_fixed-32") and found[1]["fixed-32, bits"] == "32, 32, 32"
    assert found[1]["exact, LUT"] == lut(out, "a2q+_10_exact") != found[1]["fixed-32, LUT"]
    wide, narrow = (int(found[1][f"{p}, LUT"].replace(",", "")) for p in ("fixed-32", "exact"))
    assert found[1]["narrowest saves"] == f"{100 * (1 - narrow / wide):.1f} %"
    assert found[6]["fixed-32, LUT"] == found[6]["narrowest saves"] == "–", "qat was built with one policy only"


def test_layers_across_p(rows: list[dict[str, Any]], out: Path) -> None:
    found = {(r["method"], r["policy"], r["layer"]): r for r in table(rows, out, "layers_by_width")}
    one = found["A2Q", "exact", "MVAU_1"]
    assert [one[f"P = {p}"] for p in (8, 10, 12)] == [lut(out, f"a2q_{p}_exact", "MVAU_1") for p in (8, 10, 12)]
    assert one["no P"] == "–" and ("QAT", "exact", "MVAU_1") not in found, "one value compares nothing"
    bits = {(r["method"], r["layer"]): r for r in table(rows, out, "bits_by_width")}
    layer = read_json(out / "points" / "qat_None_exact" / "report" / "summary.json")["layers"][2]
    assert bits["QAT", "MVAU_2"]["no P"] == f"{layer['exact_bits']} ({100 * layer['sparsity']:.1f} %)"


def test_every_point_has_a_link_and_its_certificate(rows: list[dict[str, Any]], out: Path) -> None:
    found = next(t for t in study_tables(built(rows, out)) if t.key == "points")
    assert [unquote(link) for link in found.links] == [f"{row['folder']}/report/index.html" for row in rows]
    for cells, row in zip(found.rows, rows, strict=True):
        shown = dict(zip(found.columns, cells, strict=True))
        layers = read_json(out / row["folder"] / "report" / "accumulators.json")["layers"]
        channels = [c for layer in layers for c in layer["channels"]]
        assert shown["channels"] == str(len(channels)) and shown["trained, bits"] == "11"
        assert shown["largest sum"] == f"{max(c['acc_max'] for c in channels):,}"
        assert shown["least sum"] == f"{min(c['acc_min'] for c in channels):,}".replace("-", "−")


def test_a_point_that_failed_or_was_not_built_is_left_out(rows: list[dict[str, Any]], out: Path) -> None:
    failed = {**rows[0], "error": "no"}
    elsewhere = {**rows[1], "folder": "points/none"}
    nowhere = {**rows[2], "folder": None}
    assert [p.row for p in built([failed, elsewhere, nowhere, rows[3]], out)] == [rows[3]]
    assert study_tables(()) == () and study_plots(()) == ()


def test_builds_from_elsewhere_are_compared_too(rows: list[dict[str, Any]], out: Path, tmp_path: Path) -> None:
    """As `build.py compare` gives them: folders where they are, some without a training, some of Vivado alone."""
    here = [{**row, "folder": str(out / row["folder"]), "build": row["folder"]} for row in rows[:3]]
    plain = {**here[0], "build": "plain", "method": None, "activation_bits": None, "accumulator_bits": None}
    foreign = {**dict.fromkeys(rows[0]), "build": "finn <b>", "folder": "finn", "vivado_LUT": 4321, "design": "x"}
    table_rows = [*here, {**plain, "quant_metric": None, "metric": None}, foreign]
    path = write_page(groups(table_rows), table_rows, tmp_path, "two")
    text = Text(path.read_text(encoding="utf-8"))
    assert "two, a comparison" in text.cells and "4,321" in text.cells and "finn <b>" in text.cells
    links = [attrs["href"] for tag, attrs in text.tags if tag == "a" and not str(attrs["href"]).startswith("#")]
    assert [(tmp_path / unquote(str(link))).resolve() for link in links] == [
        (out / row["folder"] / "report" / "index.html").resolve() for row in (*rows[:3], rows[0])
    ]  # fmt: skip


def test_a_search_has_points_of_one_p_a_layer_and_points_that_it_did_not_build(rows: list[dict[str, Any]]) -> None:
    assigned = {"accumulator_bits": None, "layer_bits": "fc1:9 fc2:11"}
    best = {**rows[1], **assigned, "LUT": 99, "quant_metric": 99.0}
    left = {
        **rows[1],
        "layer_bits": "fc1:4 fc2:4",
        "accumulator_bits": None,
        "LUT": None,
        "pruned": "21.00 % < 97.90 %",
    }
    found = groups([*rows, best, left])
    tables = {t.key: t for t in sweep_tables(found, [*rows, best, left])}
    assert tables["pruned"].rows == (("A2Q+", "–", "fc1:4 fc2:4", "4", "0", "exact", "21.00 % < 97.90 %"),)
    svg = next(p.svg for p in sweep_plots(found) if p.file == "accuracy_by_lut.png")
    assert ">P by layer<" in svg and "A2Q+, exact, fc1:9 fc2:11: 99.00 %, 99 LUT" in svg
    over_p = {p.file: p.svg for p in sweep_plots(groups(rows)) if "by_width" in p.file}
    assert over_p == {p.file: p.svg for p in sweep_plots(found) if "by_width" in p.file}, "they have no place there"
    assert [p.file for p in sweep_plots(groups([best]))] == ["accuracy_by_lut.png"]


def test_vivado_alone_has_its_front(rows: list[dict[str, Any]]) -> None:
    vivado = [{**row, "LUT": None, "vivado_LUT": row["LUT"]} for row in rows]
    front = next(p for p in sweep_plots(groups(vivado)) if p.file == "accuracy_by_lut.png")
    assert "LUT (Vivado)" in front.svg and "Yosys" not in front.svg


def test_equals_on_the_front_share_a_label(rows: list[dict[str, Any]]) -> None:
    equal = [{**row, "LUT": 700, "quant_metric": 99.0} for row in rows if row["method"] == "a2q+"]
    front = next(p for p in sweep_plots(groups(equal)) if p.file == "accuracy_by_lut.png")
    assert front.svg.count(">P = 8, 10, 12<") == 1 and ">P = 8<" not in front.svg


def test_a_damaged_report_is_named(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    study(tmp_path)
    (tmp_path / rows[0]["folder"] / "report" / "accumulators.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"accumulators\.json"):
        built(rows, tmp_path)


def test_pictures_and_table_share_their_marks(rows: list[dict[str, Any]], out: Path) -> None:
    found = groups(rows)
    text = Text(write_page(found, rows, out, "digits").read_text(encoding="utf-8"))
    marks = [attrs["data-mark"] for tag, attrs in text.tags if "data-mark" in attrs]
    assert len({mark(g.axes) for g in found}) == len(rows)
    for g in found:
        assert marks.count(mark(g.axes)) == 2, "a dot and a row"
    figures = [(a["data-title"], a["data-choice"]) for tag, a in text.tags if tag == "figure"]
    chosen = [choice for title, choice in figures if title == "LUT by layer across P"]
    assert chosen == ["A2Q+, fixed-32", "A2Q+, exact", "A2Q, fixed-32", "A2Q, exact"]
    assert [choice for title, choice in figures if title == "Resources against P"] == ["LUT", "LUTRAM", "FF", "CARRY"]
    named = [str(attrs["id"]) for _, attrs in text.tags if "id" in attrs]
    assert len(named) == len(set(named))


def test_pictures_follow_the_figures(rows: list[dict[str, Any]], out: Path, tmp_path: Path) -> None:
    before = study_plots(built(rows[:6], out))
    other = study(tmp_path)[:6]
    path = tmp_path / other[3]["folder"] / "report" / "summary.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"LUT": ', '"LUT": 1'), encoding="utf-8")
    after = study_plots(built(other, tmp_path))
    changed = {a.title for a, b in zip(before, after, strict=True) if a.svg != b.svg}
    assert changed == {p.title for p in before}


def test_key_figures_are_the_best_and_the_smallest_that_is_good_enough(rows: list[dict[str, Any]]) -> None:
    good = [{**row, "quant_metric": 98.0} if row["policy"] == "exact" else row for row in rows]
    best, least, verified = key_figures(groups(good))
    assert best[0] == "98.00 %" and verified[0] == "13 of 13"
    assert least[0] == f"{min(row['LUT'] for row in good if row['policy'] == 'exact'):,}"
    assert key_figures(groups([{**rows[0], "quant_metric": None}])) == []


def test_tables_are_rectangular(rows: list[dict[str, Any]], out: Path) -> None:
    def widths(found: Table) -> set[int]:
        return {len(row) for row in found.rows}

    for found in study_tables(built(rows, out)):
        assert widths(found) == {len(found.columns)}, found.key
        assert len(set(found.columns)) == len(found.columns), found.key
