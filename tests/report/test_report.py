"""The report page: every figure is on it and none that the summary lacks; what was not run is absent; safe HTML."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from matplotlib.image import imread
from rich.console import Console

from flows.errors import ConfigError, FlowError
from flows.report import write_report
from flows.report.certificate import certificate_plots
from flows.report.console import print_summary
from flows.report.page import of_run, render
from flows.report.plots import plots
from flows.report.summary import validate
from flows.report.svg import THEME
from flows.report.tables import integer, metric, number, percent, rate, tables
from tests.report.sample import certificate, sample

PNGS = (
    "accuracy.png", "accumulator_bits.png", "lut_by_policy.png", "lut_by_layer.png", "resources_yosys.png",
    "sparsity.png", "fifo_depths.png", "timeline.png", "channel_bits.png",
)  # fmt: skip
HIDDEN = ("style", "script", "title", "svg")
"""What has no text of its own; a picture's ticks are no figures of the summary."""


class Text(HTMLParser):
    """Visible text, and the sections, images and rows of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.hidden += tag in HIDDEN

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in HIDDEN

    def handle_data(self, data: str) -> None:
        if not self.hidden and data.strip():
            self.cells.append(data.strip())

    @property
    def sections(self) -> list[str]:
        return [str(attrs["id"]) for tag, attrs in self.tags if tag == "section" and "id" in attrs]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "report"
    write_report(sample(), folder, certificate())
    return folder


def page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def write(summary: dict[str, Any], folder: Path) -> Text:
    write_report(summary, folder)
    return Text(page(folder))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


def spellings(summary: dict[str, Any]) -> set[str]:
    """Every number that the summary has a right to show."""
    allowed: set[str] = set()
    for leaf in leaves(summary):
        if isinstance(leaf, str):
            allowed |= set(re.findall(r"\d[\d,.]*", leaf))
        elif leaf is not None:
            shown = [number(leaf), percent(leaf), metric(leaf, "accuracy"), rate(leaf)]
            shown += [integer(leaf)] if isinstance(leaf, int) else []
            allowed |= {found for text in shown for found in re.findall(r"\d[\d,.]*", text)}
    return allowed


def test_page_shows_no_number_that_is_not_in_the_summary(written: Path) -> None:
    summary = json.loads((written / "summary.json").read_text(encoding="utf-8"))
    allowed = spellings(summary) | spellings(certificate())
    # How many channels, and which.
    allowed |= {str(n) for x in certificate()["layers"] for n in range(len(x["channels"]) + 1)}
    # Units of the notes and the name of the project.
    named = {"LUT1", "CARRY4", "BRAM_18K", "a2qflow"}
    for cell in Text(page(written)).cells:
        words = " ".join(word for word in re.split(r"[\s/()]+", cell) if word.strip(",.;") not in named)
        strangers = {n.rstrip(".,") for n in re.findall(r"\d[\d,.]*", words)} - allowed
        assert not strangers, f"{cell!r} shows {strangers}"


def test_a_foreign_number_would_be_noticed() -> None:
    """The check above is able to fail."""
    assert "98.52" in spellings(sample()) and "98.53" not in spellings(sample())


def test_page_shows_every_figure(written: Path) -> None:
    summary, text = sample(), " ".join(Text(page(written)).cells)
    expected = [summary["design"], summary["config_hash"], "98.89 %", "98.52 %", "4,871 cycles", "2,304.50 cycles",
                "2,304 cycles", "xc7z020clg400-1", "sum of layers", "53,200"]  # fmt: skip
    expected += [integer(n) for row in summary["accumulator_comparison"] for n in row["total"].values()]
    expected += [integer(row["layers"]["MVAU_1"]["LUT"]) for row in summary["accumulator_comparison"]]
    expected += [percent(x["sparsity"]) for x in summary["layers"]]
    expected += [integer(check["frames"]) for check in summary["verification"].values()]
    expected += ["4,872 cycles", "2,305.25 cycles", "1,234 bits in all", "4,002", "4,003", "1,154"]
    expected += list(summary["performance"]["fifo_depths"]) + [number(s) for s in summary["seconds"].values()]
    assert [figure for figure in expected if figure not in text] == []


def test_the_certificate_is_on_the_page_channel_by_channel(written: Path) -> None:
    text = Text(page(written))
    for layer in certificate()["layers"]:
        assert f"certificate_{layer['name']}" in text.sections
        for channel in layer["channels"]:
            for key in ("acc_min", "acc_max", "l1"):
                assert f"{channel[key]:,}".replace("-", "−") in text.cells
    assert text.cells.count("INT8") == 1 and text.cells.count("0 to 15") == 2


def test_page_needs_nothing_else(written: Path) -> None:
    text = Text(page(written))
    viewport = next(attrs for tag, attrs in text.tags if tag == "meta" and attrs.get("name") == "viewport")
    assert viewport["content"] == "width=device-width, initial-scale=1"
    assert not [tag for tag, _ in text.tags if tag in ("link", "iframe", "img")]
    addresses = [str(attrs[key]) for _, attrs in text.tags for key in ("src", "href", "xlink:href") if key in attrs]
    assert addresses and all(address.startswith("#") for address in addresses)
    assert set(re.findall(r"url\((.)", page(written))) <= {"#"} and "://" not in page(written)
    named = [str(attrs["id"]) for _, attrs in text.tags if "id" in attrs]
    assert len(named) == len(set(named)) and {address[1:] for address in addresses} <= set(named)
    assert all(attrs.get("aria-label") for tag, attrs in text.tags if tag == "svg")


def test_plots_are_pictures_and_on_the_page(written: Path) -> None:
    html = page(written)
    assert [plot.file for plot in plots(validate(sample()))] == list(PNGS[:-1])
    assert all(plot.svg in html for plot in plots(validate(sample()))) and html.count("<svg") == len(PNGS)
    for name in PNGS:
        picture = imread(written / name)
        assert picture.shape[1] > 600 and picture.shape[0] > 200 and picture.std() > 0.05, f"{name} is empty"


def test_pictures_take_the_colours_of_the_page(written: Path) -> None:
    assert not [color for color in THEME if color in page(written).split("</style>")[1]]


def test_plots_follow_the_figures() -> None:
    before, changed = sample(), sample()
    changed["accumulator_comparison"][2]["layers"]["MVAU_1"]["LUT"] += 400
    changed["layers"][1]["exact_bits"] -= 3
    changed["training"]["quant_metric"] = 61.0
    changed["performance"]["timeline"][1]["frames"][1][0] += 500
    changed["resources"]["yosys"]["layers"][2]["LUT"] += 400
    changed["layers"][2]["sparsity"] /= 2
    changed["performance"]["fifo_depths"]["StreamingFIFO_0"] = 9
    shown = [*zip(plots(validate(before)), plots(validate(changed)), strict=True)]
    assert [a.file for a, b in shown if a.png != b.png and a.svg != b.svg] == list(PNGS[:-1])
    other = certificate()
    other["layers"][1]["channels"][3]["exact_bits"] -= 2
    assert certificate_plots(certificate())[0].svg != certificate_plots(other)[0].svg


def test_same_summary_same_bytes(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    monkeypatch.setitem(mpl.rcParams, "font.size", 22.0)
    summary = json.loads((written / "summary.json").read_text(encoding="utf-8"))
    paths = write_report(summary, tmp_path, certificate())
    assert sorted(path.name for path in paths) == sorted(path.name for path in written.iterdir())
    for path in paths:
        assert path.read_bytes() == (written / path.name).read_bytes(), path.name


def test_text_is_escaped(tmp_path: Path) -> None:
    summary = sample()
    attack = "<script>alert(1)</script>&\"'"
    summary["design"] = attack
    summary["layers"][0]["name"] = attack
    summary["performance"]["fifo_depths"] = {attack: 2}
    text = write(summary, tmp_path)
    assert [tag for tag, _ in text.tags].count("script") == 1 and attack not in page(tmp_path)
    assert text.cells.count(attack) == 3


MISSING = {
    "performance": {"performance", "traffic", "fifos"},
    "resources": {"resources_yosys", "layers_yosys"},
    "training": {"training"},
    "accumulator_comparison": {"comparison", "lut_by_policy"},
    "verification": {"verification"},
    "layers": {"accumulators"},
    "seconds": {"seconds"},
    "steps": {"steps"},
}


@pytest.mark.parametrize("key", MISSING)
def test_what_was_not_run_is_not_on_the_page(key: str, written: Path) -> None:
    summary = sample()
    if key in ("performance", "resources"):
        del summary[key]
    else:
        summary[key] = None if key == "training" else type(summary[key])()
    checked = validate(summary)
    sections = Text(render(of_run(checked, tables(checked), ()))).sections
    there = {name for name in Text(page(written)).sections if name != "plots" and "certificate" not in name}
    assert there - set(sections) == MISSING[key]


def test_one_check_that_was_not_run_has_no_row(tmp_path: Path) -> None:
    summary = sample()
    del summary["verification"]["hls_layers"]
    cells = write(summary, tmp_path).cells
    assert "RTL, layer by layer" in cells and "HLS, layer by layer" not in cells


def test_bare_summary(tmp_path: Path) -> None:
    """A network from elsewhere, folded only: no training, nothing verified, nothing synthesized."""
    summary = {key: value for key, value in sample().items() if key not in ("performance", "resources")}
    summary |= {"training": None, "verification": {}, "accumulator_comparison": [], "layers": [], "seconds": {}}
    summary |= {"steps": {}, "channels": []}
    text = write(summary, tmp_path)
    assert text.sections == [] and not list(tmp_path.glob("*.png"))


def test_comparison_without_layers_still_has_its_plot(tmp_path: Path) -> None:
    summary = sample()
    for row in summary["accumulator_comparison"]:
        del row["layers"]
    write(summary, tmp_path)
    assert {p.name for p in tmp_path.glob("*.png")} == set(PNGS) - {"lut_by_layer.png", "channel_bits.png"}


def test_psnr_is_not_a_percentage(tmp_path: Path) -> None:
    summary = sample()
    summary["training"] |= {"metric": "psnr", "float_metric": 31.03, "quant_metric": 30.95}
    cells = write(summary, tmp_path).cells
    assert "31.03 dB" in cells and "30.95 dB" in cells


def test_other_tools_get_tables_of_their_own(tmp_path: Path) -> None:
    summary = sample()
    vivado = json.loads(json.dumps(summary["resources"]["yosys"]))
    vivado["total"]["LUT"], vivado["scope"] = 54_321, "stitched"
    del vivado["capacity"], vivado["share"]
    summary["resources"]["vivado"] = vivado
    text = write(summary, tmp_path)
    assert "resources_vivado" in text.sections and "54,321" in text.cells


def test_a_wrong_summary_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    summary = sample()
    del summary["layers"][1]["exact_bits"]
    with pytest.raises(ConfigError, match=r"layers\.1\.exact_bits"):
        write_report(summary, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file", encoding="utf-8")
    with pytest.raises(FlowError, match="report"):
        write_report(sample(), tmp_path / "report")


def test_console_shows_the_main_tables() -> None:
    screen = io.StringIO()
    print_summary(validate(sample()), Console(file=screen, width=160))
    text = screen.getvalue()
    for expected in ("98.52 %", "MVAU_2", "RTL, the whole accelerator", "2,304.50 cycles", "fixed-32", "53,200"):
        assert expected in text
    assert "StreamingFIFO_1" not in text


def test_console_does_not_read_markup() -> None:
    summary, screen = sample(), io.StringIO()
    summary["layers"][0]["name"] = "[bold]layer[/nothing]"
    print_summary(validate(summary), Console(file=screen, width=160))
    assert "[bold]layer[/nothing]" in screen.getvalue()


def test_tables_are_rectangular() -> None:
    for table in tables(validate(sample())):
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.key
