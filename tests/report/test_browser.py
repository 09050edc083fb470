"""The pages in a real browser: sorted, filtered and picked from by mouse and keyboard, on a phone, printed, dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from PIL import Image

from docs import screenshots
from docs.browser import Browser, Page, browser
from flows.errors import ToolFailed
from flows.report import write_report
from flows.report.sweep import write_page
from flows.sweep.table import groups
from tests.report.sample import certificate, sample, study
from tests.tools import program

pytestmark = pytest.mark.xdist_group("browser")
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CONTRAST = """(() => {
  const light = (rgb) => rgb.map((c) => c / 255).map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const color = read(getComputedStyle(e).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color.slice(0, 3);
    }
    return [255, 255, 255];
  };
  let least = [99, ''];
  const written = 'h1, h2, p, td, th button, a, b, .soft, .badge, label, button, select, svg text';
  for (const e of document.querySelectorAll(written)) {
    if (!e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const ink = light(read(e.closest('svg') ? style.fill : style.color).slice(0, 3)), paper = light(behind(e));
    const ratio = (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
    if (ratio < least[0]) least = [ratio, e.outerHTML.slice(0, 90)];
  }
  return least;
})()"""
UNNAMED = """[...document.querySelectorAll('button, input, select, a, svg.plot, .scroll')].filter((e) =>
  !(e.textContent.trim() && e.matches('button, a')) && !e.getAttribute('aria-label') && !(e.labels && e.labels.length)
  ).map((e) => e.outerHTML)"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program("chromium", "chromium")
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_report(sample(), folder, certificate())
    return folder / "index.html"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    rows = study(folder)
    return write_page(groups(rows), rows, folder, "digits")


def column(page: Page, table: str, heading: str) -> list[str]:
    """The visible cells of a column, from top to bottom."""
    found = page.evaluate(
        f"(() => {{ const t = document.querySelector('#{table} table');"
        f" const c = [...t.tHead.rows[0].cells].findIndex((h) => h.textContent === '{heading}');"
        " return [...t.tBodies[0].rows].filter((r) => r.checkVisibility()).map((r) => r.cells[c].textContent); })()"
    )
    return [str(cell) for cell in found]


def head(page: Page, table: str, heading: str) -> str:
    """A selector of the button over a column."""
    number = page.evaluate(
        f"[...document.querySelectorAll('#{table} th')].findIndex((h) => h.textContent === '{heading}') + 1"
    )
    return f"#{table} th:nth-child({number}) button"


def numbers(cells: list[str]) -> list[float]:
    return [float(cell.replace(",", "").split()[0]) for cell in cells]


def no_trouble(page: Page, path: Path) -> None:
    """Nothing on the console, and nothing asked for but the page itself."""
    assert page.problems == [] and page.requests == [path.resolve().as_uri()]


def test_a_sweep_is_sorted_filtered_and_picked_from(chromium: Browser, sweep: Path) -> None:
    page = chromium.open(sweep, 1280)
    before = column(page, "sweep", "LUT")
    page.click(head(page, "sweep", "LUT"))
    rising = numbers(column(page, "sweep", "LUT"))
    assert rising == sorted(numbers(before)) != numbers(before)
    page.click(head(page, "sweep", "LUT"))
    assert numbers(column(page, "sweep", "LUT")) == rising[::-1]
    page.click(head(page, "sweep", "P"))
    assert column(page, "sweep", "P")[-1] == "–", "what is not there comes last"

    # By keyboard: the focus goes from one heading to the next, and the table says how it is sorted.
    page.evaluate(f"document.querySelector('{head(page, 'sweep', 'policy')}').focus()")
    page.key("Enter")
    assert column(page, "sweep", "policy") == sorted(column(page, "sweep", "policy"))
    page.key("Tab")
    page.key(" ")
    assert page.evaluate("document.querySelector('#sweep th[aria-sort]').textContent") == "front"

    page.click("#sweep input[type=search]")
    page.write("a2q+ exact")
    assert set(column(page, "sweep", "policy")) == {"exact"} and set(column(page, "sweep", "method")) == {"A2Q+"}
    assert page.evaluate("document.querySelector('#sweep output').textContent") == "3 of 13 rows"
    assert page.evaluate("document.querySelectorAll('svg .mark.off').length") == 10, "its dots fade with a row"
    page.evaluate(
        "(() => { const s = [...document.querySelectorAll('#sweep select')].find((e) => e.labels[0].textContent"
        ".startsWith('P')); s.value = '10'; s.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    assert column(page, "sweep", "P") == ["10"]

    visible = "[...document.querySelectorAll('figure')].filter((f) => f.checkVisibility()).map((f) => f.dataset.choice)"
    assert page.evaluate(visible).count("A2Q+, fixed-32") == 2 and "A2Q+, exact" not in page.evaluate(visible)
    page.evaluate("document.querySelector('figure[data-choice=\"A2Q+, fixed-32\"] select').focus()")
    page.key("ArrowDown")
    assert page.evaluate(visible).count("A2Q+, exact") == 1 and page.evaluate(visible).count("A2Q+, fixed-32") == 1
    no_trouble(page, sweep)


def test_a_dot_and_its_row_light_up_together(chromium: Browser, sweep: Path) -> None:
    page = chromium.open(sweep, 1280)
    page.click("svg .mark")
    lit = page.evaluate("[...document.querySelectorAll('.on')].map((e) => [e.tagName.toLowerCase(), e.dataset.mark])")
    assert {name for name, _ in lit} == {"g", "tr"} and len(lit) == 2 and lit[0][1] == lit[1][1]


@pytest.mark.parametrize("width", [360, 390, 1280])
@pytest.mark.parametrize("which", ["run", "sweep"])
def test_no_page_is_wider_than_its_window(
    chromium: Browser, which: str, width: int, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(which)
    page = chromium.open(path, width, dark=width == 390)
    assert page.evaluate("innerWidth") == width and page.evaluate(OVERFLOW) == 0
    small = "[...document.querySelectorAll('svg.plot text')].map((e) => e.getBoundingClientRect().height)"
    assert min(size for size in page.evaluate(small) if size) > 7, "a picture's letters are too small to read"
    ratio, element = page.evaluate(CONTRAST)
    assert ratio >= 4.5, element
    assert page.evaluate(UNNAMED) == []
    no_trouble(page, path)


def test_dark_and_light(chromium: Browser, run: Path) -> None:
    page = chromium.open(run, 390, dark=True)
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.click("button.theme")
    light = page.evaluate(paper)
    assert light == "rgb(255, 255, 255)" != dark
    assert chromium.open(run, 390).evaluate(paper) == light


def test_it_prints_in_black_on_white_with_every_picture(chromium: Browser, sweep: Path) -> None:
    page = chromium.open(sweep, 1280, dark=True)
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF-") and len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 2
    page.resize(718, 1000)
    page.call("Emulation.setEmulatedMedia", {"media": "print"})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("[...document.querySelectorAll('figure')].every((f) => f.checkVisibility())")
    assert not page.evaluate("[...document.querySelectorAll('nav, .tools, .theme')].some((e) => e.checkVisibility())")
    assert page.evaluate(OVERFLOW) == 0, "A4 cuts nothing off"


def test_it_says_everything_without_its_script(chromium: Browser, sweep: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.html"
    plain.write_text(re.sub(r"<script>.*?</script>", "", sweep.read_text(encoding="utf-8"), flags=re.S), "utf-8")
    page = chromium.open(plain, 390)
    assert len(column(page, "sweep", "LUT")) == 13 and page.evaluate(OVERFLOW) == 0
    assert page.evaluate("[...document.querySelectorAll('figure')].every((f) => f.checkVisibility())")


def test_the_browser_tells_of_errors_and_requests(chromium: Browser, tmp_path: Path) -> None:
    """What the tests above rely on is able to fail."""
    bad = tmp_path / "bad.html"
    wide = "<meta name=viewport content='width=device-width'><body style='width: 900px; color: #999; background: #fff'>"
    bad.write_text(f"{wide}<p>pale<input><img src='https://example.org/x.png'><script>nothing()</script>", "utf-8")
    page = chromium.open(bad, 360)
    assert any("nothing is not defined" in problem for problem in page.problems)
    assert "https://example.org/x.png" in page.requests and page.evaluate(OVERFLOW) > 0
    assert page.evaluate(CONTRAST)[0] < 3 and page.evaluate(UNNAMED) == ["<input>"]
    with pytest.raises(ToolFailed, match="is not defined"):
        page.evaluate("nothing()")
    with pytest.raises(ToolFailed, match=r"NoSuch\.method"):
        page.call("NoSuch.method")


def test_screenshots_are_of_the_page_at_each_width(
    chromium: Browser, sweep: Path, run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(screenshots, "browser", lambda folder: nullcontext(chromium))
    assert screenshots.main([str(sweep.parent), str(tmp_path)]) == 0
    for shot in screenshots.SHOTS:
        picture = Image.open(tmp_path / f"page_sweep_{shot.name}.png").convert("L")
        assert picture.size == (shot.width * shot.scale, shot.height * shot.scale)
        levels = picture.histogram()
        paper = max(range(256), key=lambda level: levels[level])
        assert (paper < 64) == shot.dark and levels[paper] < 0.97 * sum(levels), "a page, not a blank one"


def test_a_folder_without_a_page_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert screenshots.main([str(tmp_path)]) == 2 and "has no page" in capsys.readouterr().err
    assert screenshots.main([]) == 2
