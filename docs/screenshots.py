"""Pictures of a report's page, as a phone and a desktop show it.

python -m docs.screenshots OUT [FOLDER]: OUT is a build, a sweep or a comparison; FOLDER defaults to docs/images.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from docs.browser import Browser, browser
from flows.console import error, exit_code
from flows.errors import ConfigError
from flows.files import write_text

IMAGES = Path(__file__).with_name("images")
COLORS = 128
"""Of the files' palettes: a page has few, and a smaller file is read sooner."""


@dataclass(frozen=True)
class Shot:
    """A window of `width` × `height` CSS pixels, each of `scale` device pixels, with `selector` at its top."""

    name: str
    width: int
    height: int
    scale: float
    dark: bool = False
    selector: str = "body"


SHOTS = (
    Shot("phone", 390, 844, 2.0, selector="#plots"),
    Shot("phone_table", 390, 844, 2.0, selector="main > section:nth-of-type(2)"),
    Shot("desktop", 1280, 900, 1.5),
    Shot("desktop_dark", 1280, 900, 1.5, dark=True, selector="main > section:nth-of-type(2)"),
)


def page_of(out: Path) -> tuple[str, Path]:
    """("sweep" or "run", the page) of an output folder. Raises ConfigError where it has none."""
    for kind, page in (("sweep", out / "index.html"), ("run", out / "report" / "index.html")):
        if page.is_file():
            return kind, page
    raise ConfigError(f"{out} has no page: neither index.html nor report/index.html; let its build or sweep finish")


def shots(out: Path) -> Iterator[tuple[str, bytes]]:
    """(file name, PNG) of every window. Raises ConfigError, ToolMissing without Chromium, ToolFailed."""
    kind, page = page_of(out)
    with tempfile.TemporaryDirectory() as scratch, browser(Path(scratch)) as found:
        for shot in SHOTS:
            yield f"page_{kind}_{shot.name}.png", _smaller(_taken(found, page, shot))


def _taken(found: Browser, page: Path, shot: Shot) -> bytes:
    tab = found.open(page, shot.width, shot.height, shot.dark)
    tab.resize(shot.width, shot.height, shot.scale)
    tab.evaluate(f"document.querySelector({shot.selector!r}).scrollIntoView()")
    # Two frames: the first is laid out, the second is on the screen.
    tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return tab.screenshot()


def _smaller(png: bytes) -> bytes:
    memory = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    image.save(memory, format="PNG", optimize=True)
    return memory.getvalue()


def save(out: Path, folder: Path) -> None:
    """Writes the pictures of `out` into `folder` and prints their names. Raises what `shots` does."""
    for name, png in shots(out):
        write_text(folder / name, png)
        print(folder / name)


def main(arguments: Sequence[str]) -> int:
    """The command line above; returns the exit code."""
    if len(arguments) not in (1, 2):
        error("usage: python -m docs.screenshots OUT [FOLDER]")
        return 2
    folder = Path(arguments[1]) if len(arguments) > 1 else IMAGES
    return exit_code(lambda: save(Path(arguments[0]), folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
